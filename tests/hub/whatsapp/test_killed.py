"""The hub dies by SIGKILL while people talk: every conversation goes on, and every message has one effect."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bench.conversations import WRONG, measured


@pytest.mark.alone
async def test_no_message_is_lost_or_has_two_effects_when_the_hub_is_killed(
    module_database: str, tmp_path: Path
) -> None:
    wanted = Namespace(conversations=40, rate=2.0, seconds=0.0, turns=2, alarms=0.1, kill=2, workers=1)
    found = await measured(module_database, tmp_path, wanted)
    assert found.killed == 2
    assert {name: found.counts[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert len({one.phone for one in found.people.asked if one.answered}) == 40
    assert found.counts["messages"] > 70
