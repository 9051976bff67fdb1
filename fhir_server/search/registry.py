"""Stored SearchParameters in the database: which are in force, and how a write of one changes that.

Every row of `search_parameter` is one definition: indexing (rows are written, older resources have none yet), ready
(searched by), off (switches one of R4's off), removing (its rows are going). The generation changes with each change;
writes and searches prove to PostgreSQL that they knew the current one (docs/decisions/search-parameters.md).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from fhir_server.arrays import int8_array, text_array
from fhir_server.outcome import Issue, Unprocessable
from fhir_server.search import custom
from fhir_server.search.parameters import Pending, SearchParameter, Table
from fhir_server.statement import Statement
from smart_auth.scopes import UNRESTRICTED, access_text

INDEXING, READY, OFF, REMOVING = "indexing", "ready", "off", "removing"

IN_FORCE = f"""
select g.generation, p.id, p.state, p.definition, r.fhir_id, j.id, j.state, j.done, j.total
from search_generation g
  left join search_parameter p on p.state <> '{REMOVING}'
  left join resource r on r.rid = p.rid
  left join job j on j.id = p.job and j.expires is distinct from 0
order by p.id"""

STALE = "HB004"
"""SQLSTATE of a write or search that knew an older generation."""

IS_CURRENT = "(select case when generation = $1::bigint then true else hub_stale() end from search_generation)"
"""Proof of the generation; $1 is to be replaced by its placeholder."""

_PROOF = f"select {IS_CURRENT}"
_CHANGE = "select hub_search_parameters(($1::bigint[])[1], $2::bigint[], $3::text[], $4::text[], $5::text[])"


def table_of(rows: Iterable[Sequence[Any]], source: str) -> Table:
    """The table of the rows of IN_FORCE, each column a Python value."""
    written: dict[str, list[SearchParameter]] = {}
    ready: dict[str, dict[str, SearchParameter]] = {}
    hidden: dict[str, set[str]] = {}
    pending: dict[str, dict[str, Pending]] = {}
    urls: dict[str, str] = {}
    codes: dict[tuple[str, str], str] = {}
    definitions: dict[str, custom.Row] = {}
    generation = 0
    for generation, id, state, definition, fhir_id, job, job_state, done, total in rows:  # noqa: B007 - of the last row
        if id is None:
            continue
        row = orjson.loads(definition)
        urls[row["url"]] = fhir_id
        codes.update(((base, row["code"]), fhir_id) for base in row["base"])
        if state == OFF:
            for base in row["base"]:
                for name in custom.types_of(base):
                    hidden.setdefault(name, set()).add(row["code"])
            continue
        definitions[row["url"]] = row
        for parameter in custom.parameters(row, id):
            name = parameter.resource_type
            written.setdefault(name, []).append(parameter)
            if state == READY:
                ready.setdefault(name, {})[parameter.code] = parameter
            else:
                told = Pending(row["url"], job, job_state, done or 0, total or 0)
                pending.setdefault(name, {})[parameter.code] = told
    return Table(
        generation, source, {name: tuple(found) for name, found in written.items()}, ready,
        {name: frozenset(found) for name, found in hidden.items()}, pending, urls, codes, definitions,
    )  # fmt: skip


def read(rows: Iterable[Sequence[bytes | None]]) -> list[tuple[Any, ...]]:
    """Rows of IN_FORCE in binary format as Python values."""
    kinds = (_number, _number, _text, _text, _text, _text, _text, _number, _number)
    return [
        tuple(None if value is None else kind(value) for kind, value in zip(kinds, row, strict=True)) for row in rows
    ]


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _text(raw: bytes) -> str:
    return raw.decode()


def proof(generation: int) -> Statement:
    """A statement that fails with STALE unless the generation is the current one."""
    return Statement(_PROOF, (generation.to_bytes(8, "big", signed=True),), binary=True)


def asked(resource: Mapping[str, Any] | None, id: str, table: Table) -> str | None:
    """The definition that a SearchParameter puts in force, as text; None: none. Raises Unprocessable."""
    if resource is None:
        return None
    resource = {**resource, "id": id}
    found: list[Issue] = custom.problems(resource, table)
    if found:
        raise Unprocessable(found)
    row = custom.row_of(resource, table)
    return None if row is None else orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()


ORDER = '{"stored": true}'
"""Order of the job that indexes what is to be indexed and removes what is to be removed."""


def change(generation: int, entries: Sequence[tuple[int, str | None]]) -> Statement:
    """What writes of SearchParameters (rid, definition) change, and a job for it.

    Fails with STALE where somebody else changed the table meanwhile.
    """
    access = access_text(UNRESTRICTED)
    states = [None if text is None else OFF if orjson.loads(text).get("off") else INDEXING for _, text in entries]
    parameters = (
        int8_array([generation]),
        int8_array([rid for rid, _ in entries]),
        text_array([text for _, text in entries]),
        text_array(states),
        text_array([secrets.token_hex(16), ORDER, access]),
    )
    return Statement(_CHANGE, parameters, binary=True)


def clash(entries: Sequence[tuple[int, str | None]]) -> bool:
    """Whether SearchParameters written together have a URL, or a code of a base, in common."""
    taken: set[Any] = set()
    for _, text in entries:
        row = orjson.loads(text) if text else {"base": ()}
        keys = {row.get("url"), *((base, row["code"]) for base in row["base"])} - {None}
        if keys & taken:
            return True
        taken |= keys
    return False
