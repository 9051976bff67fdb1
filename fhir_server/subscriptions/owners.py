"""Whose Subscriptions are: who wrote each last, and whether their right to it has ended since.

A Subscription needs a right to read all types; the token that wrote it showed it. Where that token's grant, its client
or its person is revoked, nothing more is delivered. https://hl7.org/fhir/R4/subscription.html#safety
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from fhir_server.arrays import int8_array
from fhir_server.postgres import Row
from fhir_server.statement import Statement
from fhir_server.subscriptions.definition import Definition
from fhir_server.subscriptions.owned import names_of
from smart_auth.scopes import NOBODY, UNRESTRICTED, Access

if TYPE_CHECKING:
    from fhir_server.store import ResourceStore

Revoked = Callable[[Collection[str], int], bool]
"""(names, when it was granted, in microseconds) -> whether any of the names was revoked since."""

_ALL = "select rid, array_to_string(names, E'\\n'), since, ended from subscription_owner"
_END = "update subscription_owner set ended = true where rid = any($1::bigint[])"


class Owners:
    """What one worker knows; `look` keeps it up to date."""

    def __init__(self, store: ResourceStore, revoked: Revoked | None) -> None:
        """revoked: None where nobody needs a token; then everybody owns all."""
        self._store, self._revoked = store, revoked
        self._ended: frozenset[int] = frozenset()

    async def look(self) -> None:
        """Looks who has lost their right, and notes it: revocations are forgotten when no token needs them."""
        if self._revoked is None:
            return
        ended: set[int] = set()
        fresh: list[int] = []
        for rid, names, since, over in map(_read, await self._store.select(Statement(_ALL))):
            if over:
                ended.add(rid)
            elif self._revoked(names, since):
                fresh.append(rid)
        if fresh:
            await self._store.note(Statement(_END, (int8_array(fresh),), binary=True))
        self._ended = frozenset(ended.union(fresh))

    def access(self, definition: Definition) -> Access:
        """Of the owner, now."""
        return NOBODY if definition.rid in self._ended else UNRESTRICTED

    def lost(self, access: Access, since: int) -> bool:
        """Whether somebody who came in then has lost their right."""
        if self._revoked is None or access.unrestricted or not access.subject:
            return False
        return self._revoked(names_of(access), since)


def _read(row: Row) -> tuple[int, tuple[str, ...], int, bool]:
    rid, names, since, over = (column or b"" for column in row)
    return (
        int.from_bytes(rid, "big"), tuple(names.decode().split("\n")), int.from_bytes(since, "big"), over == b"\x01"
    )  # fmt: skip
