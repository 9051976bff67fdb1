"""The store of messages beside the hub, and a call as an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hub.sealing_key import bodies
from hub.settings import read_settings
from messages.bodies import Sealing
from messages.store import Rows
from tests.attacks.caller import Caller
from tests.attacks.operators.letters import Call, person
from tests.hub_process import Answer


@pytest.fixture
def rows(guarded_database: str) -> Iterator[Rows]:
    with psycopg.connect(guarded_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sealing(hub_key: str) -> Sealing:
    return bodies(read_settings({"HUB_KEY": hub_key}))


@pytest.fixture
def call(caller: Caller) -> Call:
    """As an operator, unless a token is given."""
    own = person(caller, "operator")

    def send(method: str, path: str, body: Any = None, token: str = own) -> Answer:
        return caller.get(f"/operations/{path}", token, method, body)

    return send
