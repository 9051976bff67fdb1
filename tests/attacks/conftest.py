"""A served hub that asks for tokens, and those who try to get more than they may. Tests carry the attack's number.

The numbers are those of the list in the project's security contract; each says what must be answered.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from fhir_server.access.policies import SHIPPED, document
from smart_auth import people
from smart_auth.seal import new_key
from tests.attacks.browser import Browser, person
from tests.attacks.caller import Caller
from tests.attacks.neighbour import Neighbour, listening
from tests.attacks.record import Record
from tests.conftest import fresh
from tests.hub_process import HubProcess

Rows = Callable[[list[dict[str, Any]]], None]
"""Puts further rows of policies in force, instead of those before."""


class Labelled(NamedTuple):
    """Type/id of two resources."""

    psy: str
    plain: str


@pytest.fixture(scope="session")
def hub_key() -> str:
    """HUB_KEY of the served hub."""
    return new_key()


@pytest.fixture(scope="session")
def guarded_database(postgres: str, template: str) -> Iterator[str]:
    """URL of the record that is attacked, in which nobody else's tests look."""
    yield from fresh(postgres, f"template {template} strategy file_copy")


@pytest.fixture(scope="session")
def hub(guarded_database: str, hub_key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """Two workers: what one is told the other must know."""
    settings = {
        "database_url": guarded_database, "access": "smart", "key": hub_key, "workers": "2",
        "outbound_schemes": "http,https", "outbound_loopback": "true",
    }  # fmt: skip
    with HubProcess(tmp_path_factory.mktemp("hub"), settings) as served:
        yield served


@pytest.fixture(scope="session")
def caller(hub: HubProcess, guarded_database: str, hub_key: str) -> Iterator[Caller]:
    """Whoever calls it."""
    found = Caller(hub, guarded_database, hub_key)
    yield found
    found.close()


@pytest.fixture
def mark() -> str:
    """A name nobody else has."""
    return f"x{secrets.token_hex(6)}"


@pytest.fixture(scope="module")
def record(caller: Caller) -> Record:
    """Two patients' records, of this module's tests alone."""
    return Record(caller, f"x{secrets.token_hex(6)}")


@pytest.fixture(scope="module")
def token(record: Record) -> str:
    """Of an app for patient A."""
    return record.token(seconds=3600)


@pytest.fixture
def rows(guarded_database: str) -> Iterator[Rows]:
    """Puts further rows of policies in force, and takes them back."""

    def store(further: list[dict[str, Any]]) -> None:
        listed = json.loads(document(SHIPPED)) + further
        with psycopg.connect(guarded_database) as connection:
            connection.execute(
                "insert into policy (changed, author, document) values (%s, 'test', %s)",
                [time.time_ns() // 1000, json.dumps(listed)],
            )

    yield store
    store([])


@pytest.fixture(scope="module")
def labelled(record: Record) -> Labelled:
    """A Condition of A that is labelled PSY, and one that is not."""
    found = Labelled(f"Condition/depressed-{record.mark}", f"Condition/diabetic-{record.mark}")
    for path, code in ((found.psy, "F32"), (found.plain, "E11")):
        record.put({
            "resourceType": "Condition", "id": path.partition("/")[2], "subject": {"reference": f"Patient/{record.a}"},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}]},
        })  # fmt: skip
    return found


@pytest.fixture
def member(caller: Caller, record: Record, mark: str) -> people.Person:
    """Somebody who is patient A."""
    return person(caller, mark, fhir_user=f"Patient/{record.a}", patients=[record.a])


@pytest.fixture
def browser(caller: Caller) -> Browser:
    """One that nobody has used."""
    return Browser(caller)


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    """A server that the hub may be made to call."""
    with listening() as found:
        yield found


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture(scope="session")
def log(hub: HubProcess) -> Path:
    """What the hub logs."""
    return hub.log
