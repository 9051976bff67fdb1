"""Which codes of a parameter the record has, by jumping through its index: 3 µs for each different code.

A large value set is narrowed to those before it enters a search: PostgreSQL would look at each of its codes while it
plans, and again for each resource it tests.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from struct import Struct

from fhir_server.search.parameters import SearchParameter
from fhir_server.statement import Parameters, Statement
from fhir_server.terminology.members import Members, Reader, SystemCodes

MAX_CODES = 20_000
"""Different codes of one parameter that are looked at."""
LARGE = 200
"""Codes from which on a set is narrowed."""

_INT8 = Struct(">q")


async def present(reader: Reader, parameter: SearchParameter) -> list[int] | None:
    """Every code_hash of a parameter, in order; None if there are more than MAX_CODES."""
    rows = await reader.select(_present(parameter))
    return None if len(rows) > MAX_CODES else sorted(_INT8.unpack(row[0] or b"")[0] for row in rows)


def narrowed(members: Members, codes: Sequence[int]) -> Members:
    """The members without the codes that are not among these."""
    return tuple(
        SystemCodes(each.system, array("q", (code for code in codes if _has(each.hashes, code))), each.others)
        for each in members
    )


def _has(hashes: Sequence[int], code: int) -> bool:
    place = bisect_left(hashes, code)
    return place < len(hashes) and hashes[place] == code


def _present(parameter: SearchParameter) -> Statement:
    parameters = Parameters()
    parts = []
    for param_id in parameter.param_ids:
        following = f"select min(t.code_hash) from token t where t.param_id = {param_id} and t.code_hash > p.code_hash"
        parts.append(
            f"(with recursive p(code_hash) as (select min(t.code_hash) from token t where t.param_id = {param_id}"
            f" union all select ({following}) from p where p.code_hash is not null)"
            f" select p.code_hash from p where p.code_hash is not null limit {MAX_CODES + 1})"
        )
    return parameters.statement(" union ".join(parts), generic=True)
