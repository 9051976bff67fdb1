"""Value sets of the record as search asks for them: hashes by system, kept as long as nothing they come from changes.

https://hl7.org/fhir/R4/search.html#token One statement tells the versions of all definitions a value set depends on;
only when they are others than before is anything read and expanded again.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Protocol

from fhir_server.access import visible
from fhir_server.compression import decompress
from fhir_server.outcome import Invalid
from fhir_server.postgres import Row
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.by_uri import LIMIT
from fhir_server.search.parameters import shipped
from fhir_server.search.rows import hash64
from fhir_server.statement import Parameters, Statement
from fhir_server.terminology.codes import BySystem
from fhir_server.terminology.expansion import Key, Known, Needed, expanded, related
from mappings.r4 import parse
from smart_auth.scopes import Access

KEPT_CODES = 1_000_000
"""Codes of all value sets that are kept, 8 bytes each."""
_LOOKS = 32
"""Value sets that import value sets: as deep as this."""

_INT4, _INT8 = Struct(">i"), Struct(">q")


@dataclass(frozen=True, slots=True)
class SystemCodes:
    """Codes of one system, hashed as `token` has them (search/by_token.py): those listed or all others."""

    system: str | None
    """None: whatever the system."""
    hashes: array[int]
    """In order."""
    others: bool


Members = tuple[SystemCodes, ...]
"""The codes of a value set."""


class Reader(Protocol):
    """The store, or a transaction under way."""

    expansions: Expansions

    async def select(self, statement: Statement) -> list[Row]:
        """Rows of a read-only statement."""


_Signature = tuple[tuple[int, ...], ...]
"""Position of the key, rid, version and instant of each definition found."""


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: tuple[Key, ...]
    signature: _Signature
    members: Members


@dataclass(slots=True)
class Expansions:
    """Those last asked for, up to KEPT_CODES; one for each store."""

    spelled: dict[int, str] = field(default_factory=lambda: {hash64(""): ""})
    """Hash of a code -> the code without case, of those that were asked for by what they begin with."""
    _kept: OrderedDict[tuple[str, ...], _Kept] = field(default_factory=OrderedDict)
    _locks: dict[tuple[str, ...], asyncio.Lock] = field(default_factory=dict)

    async def members(self, reader: Reader, access: Access, base: str, reference: str) -> Members:
        """Codes of a value set by canonical URL, URL|version, ValueSet/id or absolute URL of this server.

        Raises Invalid for one that is not there or cannot be expanded, with the reason.
        """
        own = reference.removeprefix(base + "/")
        kind, _, id = own.partition("/")
        key: Key = ("/ValueSet", id) if kind == "ValueSet" and "/" not in id else ("ValueSet", _url(reference))

        def work(known: Known) -> BySystem:
            if key[0] == "/ValueSet":
                known.need([key])
                found = next(iter(known.found[key]), None)
            else:
                found = known.definition("ValueSet", reference)
            if found is None:
                raise Invalid("the value set is neither stored nor shipped here", code="not-found")
            return expanded(found, known)

        return await self._worked(reader, access, ("in", own), key, work)

    async def related(self, reader: Reader, access: Access, system: str, code: str, *, above: bool) -> Members:
        """The code and all below (or above) it in its system. Raises Invalid."""
        return await self._worked(
            reader,
            access,
            ("above" if above else "below", system, code),
            ("CodeSystem", _url(system)),
            lambda known: related(system, code, known, above=above),
        )

    async def _worked(
        self,
        reader: Reader,
        access: Access,
        name: tuple[str, ...],
        first: Key,
        work: Callable[[Known], BySystem],
    ) -> Members:
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:  # one works it out, the others take it
                return await self._checked(reader, access, name, first, work)
        finally:
            if not lock.locked():
                self._locks.pop(name, None)

    async def _checked(
        self,
        reader: Reader,
        access: Access,
        name: tuple[str, ...],
        first: Key,
        work: Callable[[Known], BySystem],
    ) -> Members:
        kept = self._kept.get(name)
        if kept is not None:
            rows = await reader.select(_definitions(kept.keys, access, bodies=False))
            if _signature(rows) == kept.signature:
                self._kept.move_to_end(name)
                return kept.members
        found: dict[Key, Sequence[dict[str, Any]]] = {}
        keys: list[Key] = []
        signature: list[tuple[int, ...]] = []
        needed: Sequence[Key] = [first]
        for _ in range(_LOOKS):
            rows = await reader.select(_definitions(needed, access, bodies=True))
            signature += [(len(keys) + each[0], *each[1:]) for each in _signature(rows)]
            keys += needed
            try:
                # Large ones take a while: in a thread, so that others are served meanwhile.
                members = await asyncio.to_thread(_worked_out, needed, rows, found, work)
            except Needed as error:
                needed = error.keys
                continue
            self._keep(name, _Kept(tuple(keys), tuple(sorted(signature)), members))
            return members
        raise Invalid(f"value sets import each other more than {_LOOKS} deep", code="too-costly")

    def _keep(self, name: tuple[str, ...], kept: _Kept) -> None:
        self._kept[name] = kept
        self._kept.move_to_end(name)
        total = sum(_count(each.members) for each in self._kept.values())
        while total > KEPT_CODES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            total -= _count(oldest.members)


def _count(members: Members) -> int:
    # A set of few codes is not for nothing.
    return 100 + sum(len(each.hashes) for each in members)


def _url(canonical: str) -> str:
    return canonical.partition("|")[0]


def _worked_out(
    needed: Sequence[Key],
    rows: Sequence[Row],
    found: dict[Key, Sequence[dict[str, Any]]],
    work: Callable[[Known], BySystem],
) -> Members:
    bodies: dict[Key, list[dict[str, Any]]] = {key: [] for key in needed}
    for number, *_, body in rows:
        bodies[needed[_INT4.unpack(number or b"")[0]]].append(parse(decompress(body or b"")))
    found.update(bodies)
    return hashed(work(Known(found)))


def hashed(codes: BySystem) -> Members:
    """The codes as search has them: without case."""
    members = []
    for system, each in sorted(codes.items()):
        hashes = sorted({hash64.__wrapped__(code.casefold()) for code in each.listed})
        members.append(SystemCodes(system, array("q", hashes), each.others))
    return tuple(members)


def members_of(hashes: Iterable[int]) -> Members:
    """Codes by their hashes, of any system."""
    return (SystemCodes(None, array("q", sorted(hashes)), others=False),)


def _signature(rows: Sequence[Row]) -> _Signature:
    return tuple(
        sorted(
            (_INT4.unpack(number or b"")[0], _INT8.unpack(rid or b"")[0], _INT4.unpack(version or b"")[0],
             _INT8.unpack(updated or b"")[0])
            for number, rid, version, updated, *_ in rows
        )
    )  # fmt: skip


def _definitions(keys: Sequence[Key], access: Access, *, bodies: bool) -> Statement:
    """Position of the key, rid, version, instant and, if wanted, body of the definitions that the access sees."""
    parameters = Parameters()
    by_url = [(number, key) for number, key in enumerate(keys) if key[0][0] != "/"]
    by_id = [(number, key) for number, key in enumerate(keys) if key[0][0] == "/"]
    columns = f"k.n, r.rid, r.version, r.last_updated{', r.body' if bodies else ''}"
    live = f"r.body is not null and {visible(access, 'r', parameters)}"
    parts = []
    if by_url:
        arrays = _arrays(by_url, [shipped(key[0])["url"].param_id for _, key in by_url], "integer", parameters)
        parts.append(
            f"select {columns} from {arrays} join uri u on u.param_id = k.kind and u.uri = k.name"
            f" join resource r on r.rid = u.rid where {live}"
        )
    if by_id:
        arrays = _arrays(by_id, [TYPE_ID[key[0][1:]] for _, key in by_id], "smallint", parameters)
        parts.append(
            f"select {columns} from {arrays} join resource r on r.type_id = k.kind and r.fhir_id = k.name where {live}"
        )
    return parameters.statement(" union all ".join(parts), generic=True)


def _arrays(keys: Sequence[tuple[int, Key]], kinds: Sequence[int], kind: str, parameters: Parameters) -> str:
    numbers = parameters.add("{" + ",".join(str(number) for number, _ in keys) + "}", "integer[]")
    types = parameters.add("{" + ",".join(map(str, kinds)) + "}", f"{kind}[]")
    quoted = (key[1][:LIMIT].replace("\\", "\\\\").replace('"', '\\"') for _, key in keys)
    names = parameters.add("{" + ",".join(f'"{name}"' for name in quoted) + "}", "text[]")
    return f"unnest({numbers}, {types}, {names}) k(n, kind, name)"
