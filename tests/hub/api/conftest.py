"""A hub with a simulated channel, and other systems that call it with tokens of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.caller import Caller
from tests.hub.whatsapp.joined import Joined, joined_hub


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    with joined_hub(tmp_path_factory.mktemp("hub"), module_database) as found:
        yield found


@pytest.fixture(scope="module")
def caller(joined: Joined, module_database: str) -> Iterator[Caller]:
    found = Caller(joined.hub, module_database, joined.settings.key or "")
    yield found
    found.close()
