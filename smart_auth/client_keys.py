"""Public keys of clients: registered with them, or kept by them at a URL and fetched from there.

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from joserfc.jwk import ECKey, RSAKey

from smart_auth.assertion import ClientKeysUnknown
from smart_auth.clients import Client, UnusableClient, key_set

SHORTEST, LONGEST = 60.0, 24 * 3600.0
"""Seconds that fetched keys are kept, whatever their Cache-Control says."""
USUAL = 300.0
AGAIN = 60.0
"""Seconds before a kid that is not among them, or a failure, makes us fetch again."""
MAX_SET = 64 * 1024
FETCH_SECONDS = 3.0
_KNOWN_LIMIT = 1000
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)

Fetch = Callable[[str], tuple[bytes, str]]
"""URL -> (body, Cache-Control): by https, without redirects, from a public address. Raises ClientKeysUnknown."""


@dataclass(slots=True)
class _Kept:
    keys: Sequence[RSAKey | ECKey]
    reason: str
    """Why there are none."""
    asked: float
    until: float


class ClientKeys:
    """The keys of every client, those of URLs kept for as long as their Cache-Control says."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def __call__(self, client: Client, kid: str) -> Sequence[RSAKey | ECKey]:
        """The client's keys. Raises ClientKeysUnknown."""
        if client.jwks is not None:
            return key_set(client.jwks)
        if client.jwks_uri is None:
            raise ClientKeysUnknown("the client has no keys")
        now = self._clock()
        with self._lock:
            kept = self._kept.get(client.jwks_uri)
            known = kept is not None and any(key.kid == kid for key in kept.keys)
            if kept is None or now >= kept.until or (not known and now >= kept.asked + AGAIN):
                if kept is None and len(self._kept) >= _KNOWN_LIMIT:
                    del self._kept[next(iter(self._kept))]
                # Others meanwhile take what there is: one asks for all.
                previous = kept.keys if kept is not None and now < kept.until else ()
                waiting = _Kept(previous, "they are being fetched", now, now + AGAIN)
                self._kept[client.jwks_uri] = waiting
                kept = None
        if kept is None:
            kept = self._ask(client.jwks_uri, now)
        if not kept.keys:
            raise ClientKeysUnknown(kept.reason)
        return kept.keys

    def _ask(self, url: str, now: float) -> _Kept:
        try:
            body, control = self._fetch(url)
            found = _MAX_AGE.search(control)
            age = min(max(float(found[1]) if found else USUAL, SHORTEST), LONGEST)
            kept = _Kept(key_set(body), "", now, now + age)
        except (ClientKeysUnknown, UnusableClient) as error:
            kept = _Kept((), str(error), now, now + AGAIN)
        self._kept[url] = kept
        return kept
