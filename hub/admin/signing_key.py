"""SigningKey: a key that signs tokens; it is read, and followed by the next one. https://www.rfc-editor.org/rfc/rfc7517"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from fhir_server.outcome import Conflict, MethodNotAllowed
from hub.admin.administered import Given, Resource, Sent, resource
from smart_auth import keys
from smart_auth.happened import KEYS_CHANGED

ELEMENTS: frozenset[str] = frozenset()
FILTERS = frozenset({"_id"})
WRITTEN = KEYS_CHANGED


def listed(given: Given, wanted: Mapping[str, str], after: str, most: int) -> list[tuple[str, Resource]]:
    """All there are, by algorithm, the oldest first; they are a handful."""
    numbered = [
        (f"{number:06}", one) for number, one in enumerate(_all(given)) if wanted.get("_id", one["id"]) == one["id"]
    ]
    return [(key, one) for key, one in numbered if key > after][:most]


def found(given: Given, id: str, *, hold: bool) -> Resource | None:
    """One by its kid."""
    if hold:
        keys.hold(given.connection)
    return next((one for one in _all(given) if one["id"] == id), None)


def _all(given: Given) -> list[Resource]:
    return [
        resource("SigningKey", kid, alg=alg, state=state, created=_instant(created), leaves=_instant(leaves))
        for kid, alg, state, created, leaves in keys.listed(given.connection)
    ]


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def put(given: Given, id: str | None, sent: Sent, present: Resource | None) -> tuple[str, Resource]:
    """Keys are made by the server alone."""
    raise MethodNotAllowed("keys are made by the server; POST SigningKey/[id]/$rotate has the next one sign")


def rotate(given: Given, id: str) -> Resource | None:
    """The next key signs from now on instead of this one, which stays published until its last token is over."""
    present = found(given, id, hold=True)
    if present is None:
        return None
    if present["state"] != "current":
        raise Conflict("it is not the key that signs now", expression=["SigningKey.state"])
    keys.rotate(given.connection, given.seal, present["alg"], given.now)
    return found(given, id, hold=False)


OPERATIONS: Mapping[str, Callable[[Given, str], Resource | None]] = {"$rotate": rotate}
