"""The authorization server's tables, empty, and a seal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from hub.authorization import engine
from smart_auth.access_token import Site
from smart_auth.seal import Seal, new_key

SITE = Site("https://example.org/auth", "https://example.org/fhir")


@pytest.fixture
def tables(database: str) -> Iterator[Engine]:
    found = engine(database)
    yield found
    found.dispose()


@pytest.fixture(scope="session")
def seal() -> Seal:
    return Seal(new_key())
