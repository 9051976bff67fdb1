"""Profiles, tags and security labels in use, from the search tables. https://hl7.org/fhir/R4/resource-operation-meta.html

Of tags and labels the tables hold hashes: one resource that has each is read, and the coding taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

import orjson

from fhir_server.compression import decompress
from fhir_server.outcome import Invalid
from fhir_server.postgres import Row
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.by_token import folded
from fhir_server.search.condition import Conditions
from fhir_server.search.rows import hash32
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access

LIMIT = 1000
"""Profiles, tags and labels told at once."""

_INT2, _INT4, _INT8 = Struct(">h"), Struct(">i"), Struct(">q")
_MEMBERS = ("profile", "tag", "security")


def in_use(resource_type: str | None, access: Access, base: str) -> Statement:
    """The statement of what resources of a type (None: of any) have: member, uri, code_hash, system_hash, body.

    Reads the index entries of all of them, so it is linear in how many there are.
    """
    parameters = Parameters()
    to = Conditions(access, parameters, base)
    types = RESOURCE_TYPES if resource_type is None else (resource_type,)
    profiles, tags, security = (to.array(numbers(types, f"_{name}"), "integer") for name in _MEMBERS)
    named = f"select distinct u.uri from uri u where u.param_id = any({profiles}){_and(to.seen('u.rid'))}"
    parts = [f"select 0::smallint, n.uri, null::bigint, null::integer, null::bytea from ({named} limit {LIMIT + 1}) n"]
    for member, of_member in ((1, tags), (2, security)):
        coded = (
            "select t.code_hash, t.system_hash, max(t.rid) as rid from token t"
            f" where t.param_id = any({of_member}){_and(to.seen('t.rid'))} group by 1, 2 limit {LIMIT + 1}"
        )
        parts.append(
            f"select {member}::smallint, null, c.code_hash, c.system_hash, r.body"
            f" from ({coded}) c join resource r on r.rid = c.rid where r.body is not null"
        )
    return parameters.statement(" union all ".join(f"({part})" for part in parts))


def _and(condition: str) -> str:
    return f" and {condition}" if condition else ""


def numbers(types: Sequence[str], code: str) -> list[int]:
    """param_id of a parameter that all types have; the table of parameters would compile those of 146 types first."""
    return [hash32(f"{name}.{code}") for name in types]


def labels(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows as a Meta, each member sorted. Raises Invalid if there are too many to tell."""
    if len(rows) > LIMIT:
        raise Invalid(f"more than {LIMIT} profiles, tags and labels: ask for one resource type", code="too-costly")
    found: dict[str, list[Any]] = {name: [] for name in _MEMBERS}
    for member, uri, code_hash, system_hash, body in rows:
        name = _MEMBERS[_INT2.unpack(member)[0]]
        if uri is not None:
            found[name].append(uri.decode())
            continue
        wanted = _INT8.unpack(code_hash)[0], _INT4.unpack(system_hash)[0]
        for coding in orjson.loads(decompress(body)).get("meta", {}).get(name, ()):
            if folded(coding.get("code"), coding.get("system")) == wanted:
                found[name].append(coding)
                break
    for name in _MEMBERS[1:]:
        found[name].sort(key=lambda coding: (coding.get("system", ""), coding.get("code", "")))
    found["profile"].sort()
    return {name: values for name, values in found.items() if values}
