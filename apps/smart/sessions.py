"""Who is signed in for which patient. In memory: tokens never reach the browser or a disk.

A session belongs to one launch. Its key stands in the path and its secret in a cookie of that path, so that two
patients open in two tabs never mix.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
LAUNCH_SECONDS = 10 * 60
MOST = 10_000
"""Sessions and launches under way; the least recently used goes first."""


@dataclass(slots=True)
class Launch:
    """A launch under way: between the redirect to the authorization server and the way back."""

    verifier: str
    secret: str
    """Of the browser's cookie: the answer must come to the browser that asked."""
    begun: float


@dataclass(slots=True)
class Session:
    """One person looking at one patient."""

    secret: str
    begun: float
    used: float
    patient: str
    """Id; empty in an app that is about nobody's record."""
    access_token: str
    expires: float
    refresh_token: str | None
    encounter: str | None = None
    banner: bool = True
    person: str | None = None
    """Name of who is signed in."""
    user: dict[str, Any] = field(default_factory=dict)
    """Reference to them, as what they do is signed; empty where the server does not tell."""
    scopes: frozenset[str] = frozenset()
    memory: dict[str, str] = field(default_factory=dict)
    """What the app has to remember of it."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while tokens are renewed: a refresh token used twice would end the grant."""


class Sessions:
    """Sessions and launches by key. `now`: seconds that only grow."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._launches: OrderedDict[str, Launch] = OrderedDict()

    def begin(self) -> tuple[str, Launch]:
        """A new launch and its `state`."""
        state = secrets.token_urlsafe(32)
        launch = Launch(secrets.token_urlsafe(48), secrets.token_urlsafe(32), self._now())
        self._launches[state] = launch
        while len(self._launches) > MOST:
            self._launches.popitem(last=False)
        return state, launch

    def arrive(self, state: str, secret: str) -> Launch | None:
        """The launch of that state, once, if this is the browser that began it and it is not too old."""
        launch = self._launches.get(state)
        if launch is None or not _same(launch.secret, secret):
            return None
        del self._launches[state]
        return launch if self._now() - launch.begun <= LAUNCH_SECONDS else None

    def keep(self, session: Session) -> str:
        """Key under which the session is found from now on."""
        key = secrets.token_urlsafe(9)
        self._sessions[key] = session
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        return key

    def find(self, key: str, secret: str) -> Session | None:
        """The session, if it is this browser's and neither idle nor open for too long."""
        session = self._sessions.get(key)
        if session is None or not _same(session.secret, secret):
            return None
        now = self._now()
        if now - session.used > IDLE_SECONDS or now - session.begun > LONGEST_SECONDS:
            del self._sessions[key]
            return None
        session.used = now
        self._sessions.move_to_end(key)
        return session

    def end(self, key: str) -> None:
        """Forgets the session."""
        self._sessions.pop(key, None)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
