"""The statements that read versions by key, and their rows as versions. All stand under `visible`."""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache

from fhir_server.access import sees, version_visible, visible
from fhir_server.access.kept import kept
from fhir_server.access.policies import Policies
from fhir_server.arrays import encoded_array, int2_array, text_array
from fhir_server.compression import decompress
from fhir_server.postgres import Row
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.parameters import current as known
from fhir_server.statement import Parameters, Statement
from fhir_server.version import Version
from smart_auth.scopes import Access

_COLUMNS = "r.rid, v.version, v.last_updated, v.method, v.body, r.type_id, r.fhir_id"
_PAIRS = "unnest($1::smallint[], $2::text[]) with ordinality k(type_id, fhir_id, n)"
_MOST_KEPT = 200
_NEWER = """not exists (select from resource_version n where n.rid = v.rid and n.version = v.version + 1
  and n.last_updated <= {low}) and not (r.version = v.version + 1 and r.last_updated <= {low})"""


def current(access: Access, keys: Sequence[tuple[str, str]], *, placeholders: bool = False) -> Statement:
    """The current versions of (type, id) pairs, each row with the pair's number from 1 in front."""
    text, values = _text_of(access, _kind(keys), placeholders)
    return Statement(text, (*_named(keys), *values), binary=True)


def shared(asked: Sequence[tuple[Access, tuple[str, str]]]) -> list[tuple[Statement, list[int]]]:
    """Statements that read current versions as `current` does, each pair (type, id) as its own access may see it; with
    each, which of those asked it is about. The accesses should have a wall in common: then it is one statement, for who
    they are is no part of its text.
    """
    kind = _kind([key for _, key in asked])
    by_text: dict[str, tuple[list[int], list[tuple[bytes | None, ...]]]] = {}
    before: Access | None = None
    for place, (access, _) in enumerate(asked):
        if access is not before:
            before, (text, values) = access, _text_of(access, kind)
        known = by_text.get(text)
        if known is None:
            known = by_text[text] = [], []
        known[0].append(place)
        known[1].append(values)
    found = []
    for text, (places, rows) in by_text.items():
        named = _named([asked[place][1] for place in places])
        if any(row != rows[0] for row in rows):
            text, values = _each(text, len(rows[0])), tuple(map(encoded_array, zip(*rows, strict=True)))
        else:
            values = rows[0]
        found.append((Statement(text, (*named, *values), binary=True), places))
    return found


def _kind(keys: Sequence[tuple[str, str]]) -> str | None:
    """The type that all have; None: they have several."""
    kinds = {name for name, _ in keys}
    return kinds.pop() if len(kinds) == 1 else None


def _named(keys: Sequence[tuple[str, str]]) -> tuple[bytes, bytes]:
    return int2_array([TYPE_ID[name] for name, _ in keys]), text_array([id for _, id in keys])


@lru_cache(maxsize=1024)
def _each(text: str, count: int) -> str:
    """A text of `_text_of` whose further parameters are arrays, with a value for each pair."""
    columns = [f"a{number}" for number in range(3, 3 + count)]
    arrays = ", ".join(f"${number}::text[]" for number in range(3, 3 + count))
    text = text.replace(_PAIRS, f"unnest($1::smallint[], $2::text[], {arrays}) with ordinality k(type_id, fhir_id, "
                        f"{', '.join(columns)}, n)")  # fmt: skip
    return re.sub(r"\$(\d+)::text\b(?!\[)", lambda found: f"k.a{found[1]}" if int(found[1]) > 2 else found[0], text)


def _text_of(access: Access, kind: str | None, placeholders: bool = False) -> tuple[str, tuple[bytes | None, ...]]:
    """The text of `current` for keys of a type (None: of several), and what follows them: made once for each access."""
    texts, table = _texts(access), known()
    key = kind, placeholders, table.source, table.generation
    found = texts.get(key)
    if found is None:
        if len(texts) >= _MOST_KEPT:
            texts.clear()
        found = texts[key] = _made(access, kind, placeholders)
    return found


@kept
def _texts(access: Access, policies: Policies) -> dict[Hashable, tuple[str, tuple[bytes | None, ...]]]:
    """What `_text_of` has made, by what it was asked."""
    return {}


def _made(access: Access, kind: str | None, placeholders: bool) -> tuple[str, tuple[bytes | None, ...]]:
    parameters = Parameters([None, None], texts=True)
    if kind is None:
        condition = visible(access, "r", parameters, gone=True)
    else:
        condition = sees(access, "r.rid", (kind,), parameters, live="r.body is not null")
    text = f"""
select k.n, r.rid, r.version, r.last_updated, r.method, r.body
from {_PAIRS}
  join resource r on r.type_id = k.type_id and r.fhir_id = k.fhir_id
where {"true" if placeholders else "r.version > 0"} and {condition or "true"}"""
    return sys.intern(text), tuple(parameters.values[2:])


def current_versions(keys: Sequence[tuple[str, str]], rows: Sequence[Row]) -> Iterator[tuple[int, Version]]:
    """(index of the key, version) of the rows of `current`."""
    number = int.from_bytes
    for n, rid, version, updated, method, body in rows:
        index = number(n, "big") - 1
        name, id = keys[index]
        yield (
            index,
            Version(
                name,
                id,
                number(rid, "big"),
                number(version, "big"),
                number(updated, "big"),
                method.decode(),
                body and decompress(body),
            ),
        )


def versions(rows: Sequence[Row]) -> list[Version]:
    """Versions of rows with the columns of `one_version` and `history`."""
    number = int.from_bytes
    found = []
    for rid, version, updated, method, body, type_id, fhir_id in rows:
        found.append(
            Version(
                RESOURCE_TYPES[number(type_id, "big") - 1],
                fhir_id.decode(),
                number(rid, "big"),
                number(version, "big"),
                number(updated, "big"),
                method.decode(),
                body and decompress(body),
            )
        )
    return found


def _key(resource_type: str, id: str, parameters: Parameters) -> str:
    return (
        f"r.type_id = {parameters.add(TYPE_ID[resource_type], 'smallint')} and r.fhir_id = {parameters.add(id, 'text')}"
    )


def one_version(access: Access, resource_type: str, id: str, version_id: int) -> Statement:
    """One version, current or previous."""
    parameters = Parameters()
    key = _key(resource_type, id, parameters)
    wanted = parameters.add(version_id, "integer")
    condition = version_visible(access, "v", parameters)
    return parameters.statement(
        f"""
select {_COLUMNS} from resource r join resource v on v.rid = r.rid
where {key} and v.version = {wanted} and v.version > 0 and {condition}
union all
select {_COLUMNS} from resource r join resource_version v on v.rid = r.rid
where {key} and v.version = {wanted} and {condition}""",
        generic=True,
    )


def history(
    access: Access,
    resource_type: str | None,
    id: str | None,
    since: int | None,
    at: tuple[int, int] | None,
    count: int,
    cursor: tuple[int, int, int] | None,
) -> Statement:
    """Versions newest first, of an instance, a type or everything."""
    parameters = Parameters()
    where = ["v.version > 0", version_visible(access, "v", parameters)]
    if id is not None and resource_type is not None:
        where.append(_key(resource_type, id, parameters))
    elif resource_type is not None:
        where.append(f"v.type_id = {parameters.add(TYPE_ID[resource_type], 'smallint')}")
    if since is not None:
        where.append(f"v.last_updated >= {parameters.add(since, 'bigint')}")
    if at is not None:
        low, high = (parameters.add(instant, "bigint") for instant in at)
        where.append(f"v.last_updated < {high} and {_NEWER.format(low=low)}")
    if cursor is not None:
        updated, rid, version = (parameters.add(value, "bigint") for value in cursor)
        where.append(f"(v.last_updated, v.rid) <= ({updated}, {rid})")
        where.append(f"(v.last_updated, v.rid, v.version) < ({updated}, {rid}, {version})")
    limit = parameters.add(count, "bigint")
    order = "order by v.last_updated desc, v.rid desc, v.version desc"
    conditions = " and ".join(where)
    return parameters.statement(
        f"""
(select {_COLUMNS} from resource v join resource r on r.rid = v.rid where {conditions} {order} limit {limit})
union all
(select {_COLUMNS} from resource_version v join resource r on r.rid = v.rid where {conditions} {order} limit {limit})
order by last_updated desc, rid desc, version desc limit {limit}""",
        generic=True,
    )
