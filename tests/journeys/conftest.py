"""A served hub for the journeys: `hub serve` in a process of its own, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_process import HubProcess


@pytest.fixture(scope="module")
def hub(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """One hub for all tests of a module."""
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as served:
        yield served


@pytest.fixture
def lone_hub(database: str, tmp_path: Path) -> Iterator[HubProcess]:
    """A hub for one test that may kill it."""
    with HubProcess(tmp_path, {"database_url": database}) as served:
        yield served
