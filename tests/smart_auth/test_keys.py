"""Signing keys: one signs, one follows, retired ones stay as long as their tokens; none is readable in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from smart_auth import keys
from smart_auth.seal import Seal, SealError, new_key

NOW = 1_800_000_000


def states(tables: Engine) -> list[tuple[str, str]]:
    with tables.connect() as connection:
        return sorted((alg, state) for _, alg, state, _, _ in keys.listed(connection))


def test_made_once_by_many(tables: Engine, seal: Seal) -> None:
    def make(_: int) -> None:
        with tables.begin() as connection:
            keys.make_sure(connection, seal, NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert states(tables) == [(alg, state) for alg in ("PS256", "RS256") for state in ("current", "next")]


def test_rotation(tables: Engine, seal: Seal) -> None:
    with tables.begin() as connection:
        keys.make_sure(connection, seal, NOW)
        first = keys.current(connection, seal, keys.ACCESS)
        following = next(kid for kid, alg, state, *_ in keys.listed(connection) if (alg, state) == ("PS256", "next"))
        keys.rotate(connection, seal, keys.ACCESS, NOW)
        assert keys.current(connection, seal, keys.ACCESS).kid == following, "it was published before it signs"
        shown = {one["kid"] for one in keys.published(connection, NOW + keys.LONGEST)}
        later = {one["kid"] for one in keys.published(connection, NOW + keys.LONGEST + 1)}
        assert shown - later == {first.kid}
        assert len(later) == 4
        keys.rotate(connection, seal, keys.ACCESS, NOW + keys.LONGEST + 1)
        assert first.kid not in {kid for kid, *_ in keys.listed(connection)}


def test_nothing_private_is_published_or_readable(tables: Engine, seal: Seal) -> None:
    with tables.begin() as connection:
        keys.make_sure(connection, seal, NOW)
        assert not any({"d", "p", "q"} & set(one) for one in keys.published(connection, NOW))
        private = keys.current(connection, seal, keys.ACCESS).private.as_der(private=True)
        stored = connection.exec_driver_sql("select sealed from auth.signing_key").scalars().all()
        assert all(private[-32:] not in bytes(sealed) for sealed in stored)
        with pytest.raises(SealError):
            keys.current(connection, Seal(new_key()), keys.ACCESS)
