"""What every process must know at once: the public keys in force, and what was revoked.

A thread of its own is told by NOTIFY and asks anyway, so that requests never wait for it. What it knows counts for
STALE_SECONDS; after that revocations are looked up one by one, and if that fails too the request is refused.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import RSAKey
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from smart_auth import clients, keys, revocations
from smart_auth.sweep import sweep

EVERY_SECONDS = 1.0
STALE_SECONDS = 4.0
LOOK_UP_SECONDS = 3.0
_SWEEP_SECONDS = 60.0
_STEP = 0.25


class FeedLost(Exception):
    """Neither the feed nor the database says whether a token still holds."""


class Feed:
    """Keys and revocations, as fresh as EVERY_SECONDS while the database is there."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine, self._now = engine, now
        self._keys: dict[str, RSAPublicKey] = {}
        self.heard: dict[str, int] = {}
        """Name -> when the last token of it was issued that holds no more. Never changed: another takes its place."""
        self.fresh_until = float("-inf")
        """Time (monotonic) until which what this process has heard counts."""
        self._origins: frozenset[bytes] = frozenset()
        self._xid = 0
        self._asked = float("-inf")
        self._swept = 0.0
        self._reading = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auth-feed", daemon=True)

    def start(self) -> None:
        """Reads once and goes on reading. Raises what the database raises."""
        self.read()
        self._thread.start()

    def stop(self) -> None:
        """Reads no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(EVERY_SECONDS + 1)

    def origins(self) -> frozenset[bytes]:
        """Origins of the web pages that clients have registered, as a header names them."""
        return self._origins

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The public key of this name, if it may sign access tokens. Raises FeedLost."""
        found = self._keys.get(kid)
        if found is None and time.monotonic() - self._asked > EVERY_SECONDS:
            # Made this very moment in another process? Strangers can ask no more than once a second.
            self._asked = time.monotonic()
            await self._look(self.read)
            found = self._keys.get(kid)
        return found

    @property
    def fresh(self) -> bool:
        """Whether what this process has heard counts."""
        return time.monotonic() <= self.fresh_until

    async def revoked(self, names: Collection[str], issued: int) -> bool:
        """Whether a token issued then no longer holds because any of the names was revoked. Raises FeedLost."""
        if self.fresh:
            return self.seen(names, issued)

        def ask() -> bool:
            with self._engine.connect() as connection:
                return revocations.is_revoked(connection, names, issued)

        return bool(await self._look(ask))

    def seen(self, names: Collection[str], issued: int) -> bool:
        """As `revoked`, as far as this process has heard."""
        known = self.heard
        for name in names:  # noqa: SIM110 - of each request, and a generator costs more than all else here
            if known.get(name, -1) >= issued:
                return True
        return False

    async def _look(self, ask: Callable[[], object]) -> object:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await asyncio.to_thread(ask)
        except (SQLAlchemyError, TimeoutError):
            raise FeedLost from None

    def read(self) -> None:
        """Reads both now."""
        with self._engine.connect() as connection:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        with self._reading:
            asked, now = time.monotonic(), int(self._now())
            xid, revoked = revocations.since(connection, self._xid, now)
            public = keys.published(connection, now)
            origins = clients.origins(connection)
            known = {name: max(before, self.heard.get(name, -1)) for name, before in revoked.items()}
            self.heard = self.heard | known if known else self.heard
            self._keys = {
                one["kid"]: self._keys.get(one["kid"]) or _verifier(one) for one in public if one["alg"] == keys.ACCESS
            }
            self._origins = origins
            self._xid, self.fresh_until = xid, asked + STALE_SECONDS

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._engine.connect() as found:
                    connection = found.execution_options(isolation_level="AUTOCOMMIT")
                    connection.exec_driver_sql(f"listen {keys.CHANGED}")
                    driver: Any = connection.connection.driver_connection
                    while not self._stopping.is_set():
                        self._read(connection)
                        self._sweep()
                        for _ in range(int(EVERY_SECONDS / _STEP)):
                            if self._stopping.is_set() or any(driver.notifies(timeout=_STEP, stop_after=1)):
                                break
            except Exception:  # noqa: BLE001 - whatever it is, it is asked again; meanwhile the feed counts as lost
                self._stopping.wait(EVERY_SECONDS)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            now = int(self._now())
            with self._engine.begin() as connection:
                sweep(connection, now)
            # Whatever was revoked so long ago has ended by itself.
            over = (now - keys.LONGEST - 2 * revocations.LEEWAY) * 1_000_000
            with self._reading:
                self.heard = {name: before for name, before in self.heard.items() if before > over}


def _verifier(jwk: dict[str, Any]) -> RSAPublicKey:
    key = RSAKey.import_key(jwk).public_key
    assert isinstance(key, RSAPublicKey)
    return key
