"""A served hub for the clients of others: `hub serve` in a process of its own, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub_process import HubProcess


@pytest.fixture(scope="session")
def base(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """FHIR base URL of a hub for all clients, each with data of its own."""
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": session_database}) as served:
        yield served.client.base
