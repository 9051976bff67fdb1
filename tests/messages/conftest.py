"""A migrated database, connections to it in autocommit, and a seal."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from messages.bodies import Sealing
from messages.store import Rows


@pytest.fixture
def connection(database: str) -> Iterator[Rows]:
    with psycopg.connect(database, autocommit=True) as found:
        yield found


@pytest.fixture(scope="session")
def sealing() -> Sealing:
    return Sealing(os.urandom(32))
