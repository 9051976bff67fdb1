"""Revocations reach a process at once, are looked up while it hears nothing, and without either nobody gets in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from hub.authorization import engine, known
from smart_auth import access_token, keys, revocations
from smart_auth.access_token import Grant
from smart_auth.bearer import Bearer, TokenRefused
from smart_auth.feed import Feed, FeedLost
from smart_auth.scopes import parse
from smart_auth.seal import Seal
from smart_auth.sweep import sweep
from tests.conftest import administer
from tests.smart_auth.conftest import SITE


@pytest.fixture
def fed(tables: Engine, seal: Seal) -> Iterator[Feed]:
    with tables.begin() as connection:
        keys.make_sure(connection, seal, int(time.time()))
    found = Feed(tables)
    found.start()
    yield found
    found.stop()


def token(tables: Engine, seal: Seal, grant: str = "g") -> str:
    with tables.begin() as connection:
        asked = Grant("app", "person", parse("system/*.rs", known), id=grant)
        return access_token.issue(connection, seal, SITE, asked, 300)


def revoke(tables: Engine, key: str) -> None:
    with tables.begin() as connection:
        revocations.revoke(connection, key)


async def refused(bearer: Bearer, one: str) -> bool:
    try:
        await bearer.access(one)
    except TokenRefused:
        return True
    return False


@pytest.mark.parametrize("key", ["grant:g", "client:app", "subject:person"])
async def test_told(tables: Engine, seal: Seal, fed: Feed, key: str) -> None:
    bearer, one = Bearer(SITE, fed, known), token(tables, seal)
    assert not await refused(bearer, one)
    revoke(tables, "grant:another")
    revoke(tables, key)
    began = time.monotonic()
    while not await refused(bearer, one):
        assert time.monotonic() - began < 4
        await asyncio.sleep(0.01)
    assert not await refused(bearer, token(tables, seal)), "what is issued afterwards holds"


async def test_a_transaction_that_commits_late_is_not_missed(tables: Engine, seal: Seal, fed: Feed) -> None:
    bearer, one = Bearer(SITE, fed, known), token(tables, seal)
    with tables.begin() as slow:
        revocations.revoke(slow, "grant:g")
        revoke(tables, "grant:another")
        fed.read()
        assert not await refused(bearer, one)
    fed.read()
    assert await refused(bearer, one)


async def test_a_person_s_token_says_who_they_are(tables: Engine, seal: Seal, fed: Feed) -> None:
    grant = Grant(
        "app", "person", parse("user/*.rs", known), fhir_user="Practitioner/1", roles=("physician", "nurse", "nurse"),
        organization="Organization/1",
    )  # fmt: skip
    with tables.begin() as connection:
        one = access_token.issue(connection, seal, SITE, grant, 300)
    access = await Bearer(SITE, fed, known).access(one)
    assert (access.roles, access.organization) == (("nurse", "physician"), "Organization/1")
    other = await Bearer(SITE, fed, known).access(token(tables, seal))
    assert (other.roles, other.organization) == ((), None)


async def test_lost_feed_looks_it_up(tables: Engine, seal: Seal, fed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer, one = Bearer(SITE, fed, known), token(tables, seal)
    assert not await refused(bearer, one)
    fed.stop()
    monkeypatch.setattr(fed, "fresh_until", float("-inf"))
    assert not await refused(bearer, one)
    revoke(tables, "grant:g")
    assert await refused(bearer, one)


async def test_who_was_verified_is_known_at_once_while_that_holds(
    tables: Engine, seal: Seal, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    bearer, one, other = Bearer(SITE, fed, known, lambda: now[0]), token(tables, seal), token(tables, seal, "h")
    assert bearer.seen(f"Bearer {one}") is None
    access = await bearer.access(one)
    await bearer.access(other)
    assert [bearer.seen(f"Bearer {one}") for _ in range(3)] == [access] * 3
    assert bearer.seen(f"Bearer x{one[1:]}") is None, "the tail alone does not do"
    revoke(tables, "grant:g")
    fed.read()
    assert bearer.seen(f"Bearer {one}") is None
    assert bearer.seen(f"Bearer {other}") is not None, "of another grant"
    fed.stop()
    monkeypatch.setattr(fed, "fresh_until", float("-inf"))
    assert bearer.seen(f"Bearer {other}") is None, "nothing was heard for too long"
    monkeypatch.setattr(fed, "fresh_until", float("inf"))
    assert bearer.seen(f"Bearer {other}") is not None
    now[0] = time.time() + 302 + revocations.LEEWAY
    assert bearer.seen(f"Bearer {other}") is None, "it has ended"


async def test_80_without_the_database_nobody_gets_in(
    tables: Engine, seal: Seal, fed: Feed, database: str, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bearer, one = Bearer(SITE, fed, known), token(tables, seal)
    assert not await refused(bearer, one)
    fed.stop()
    monkeypatch.setattr(fed, "fresh_until", float("-inf"))
    name = engine(database).url.database
    tables.dispose()
    administer(postgres, f"alter database {name} allow_connections false")
    try:
        with pytest.raises(FeedLost):
            await bearer.access(one)
    finally:
        administer(postgres, f"alter database {name} allow_connections true")


async def test_an_unknown_key_is_asked_for_no_more_than_once_a_second(
    tables: Engine, seal: Seal, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed.stop()
    asked = []
    monkeypatch.setattr(fed, "read", lambda: asked.append(1))
    for _ in range(20):
        assert await fed.key("unknown") is None
    assert len(asked) == 1


def test_sweep(tables: Engine) -> None:
    revoke(tables, "grant:g")
    with tables.begin() as connection:
        later = int(time.time()) + keys.LONGEST + 2 * revocations.LEEWAY + 5
        sweep(connection, int(time.time()))
        assert revocations.since(connection, 0, 0)[1].keys() == {"grant:g"}
        sweep(connection, later)
        assert revocations.since(connection, 0, 0)[1] == {}
