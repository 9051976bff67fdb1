"""One hub for each module that sends; a simulated channel for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from care_services.delivery import decision
from tests.hub.whatsapp.channel import Channel
from tests.hub.whatsapp.channel import channel as opened
from tests.hub_process import HubProcess


@pytest.fixture(scope="module")
def record_hub(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as hub:
        yield hub


@pytest.fixture
async def channel(record_hub: HubProcess, module_database: str) -> AsyncIterator[Channel]:
    async with opened(record_hub, module_database) as found:
        yield found


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """At whatever hour the tests run nobody sleeps: what waits for the morning is tested with notices."""
    monkeypatch.setattr(decision, "quiet", lambda at, zone, holiday: False)
