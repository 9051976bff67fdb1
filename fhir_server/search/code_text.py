"""`:code-text`: codes by what they begin with (R5). https://hl7.org/fhir/R5/search.html#modifiercodetext

`token` holds hashes. Which codes a parameter has is read from its index (`present.py`); how each is spelled, from one
resource that has it, once: what a hash means never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any

from fhir_server.access import visible
from fhir_server.compression import decompress
from fhir_server.outcome import Invalid
from fhir_server.search.by_value_set import CODED
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.present import MAX_CODES, present
from fhir_server.search.rows import hash64
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters, Statement
from fhir_server.terminology.members import Members, Reader, members_of
from mappings.r4 import parse
from smart_auth.scopes import Access

_LONGEST = 1000
"""Characters of a string that may be a code."""
_AT_ONCE = 200
"""Resources read for the spelling of codes in one statement."""

_INT8 = Struct(">q")


async def beginning(reader: Reader, access: Access, parameter: SearchParameter, value: str) -> Members:
    """The codes of a parameter that begin with a text, without case. Raises Invalid."""
    text = unescape(value).casefold()
    if not parameter.data_types & CODED or parameter.column:
        raise Invalid("it has no codes of a code system", code="not-supported")
    codes = await present(reader, parameter)
    if codes is None:
        raise Invalid(f"it has more than {MAX_CODES:,} different codes", code="too-costly")
    known = reader.expansions.spelled
    unknown = [hashed for hashed in codes if hashed not in known]
    for start in range(0, len(unknown), _AT_ONCE):
        some = unknown[start : start + _AT_ONCE]
        for hashed, body in await reader.select(_holders(parameter, some, access)):
            wanted = _INT8.unpack(hashed or b"")[0]
            for one in _strings(parse(decompress(body or b""))):
                if len(one) <= _LONGEST and hash64.__wrapped__(folded := one.casefold()) == wanted:
                    known[wanted] = folded
                    break
    return members_of(hashed for hashed in codes if known.get(hashed, "").startswith(text) and hashed in known)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _holders(parameter: SearchParameter, hashes: Sequence[int], access: Access) -> Statement:
    """code_hash and body of one resource that the access sees, for each."""
    parameters = Parameters()
    wanted = parameters.add("{" + ",".join(map(str, hashes)) + "}", "bigint[]")
    param_ids = parameters.add("{" + ",".join(map(str, parameter.param_ids)) + "}", "integer[]")
    one = (
        "select r.body from token t join resource r on r.rid = t.rid"
        f" where t.param_id = any({param_ids}) and t.code_hash = h.code_hash and r.body is not null"
        f" and {visible(access, 'r', parameters)} limit 1"
    )
    return parameters.statement(
        f"select h.code_hash, o.body from unnest({wanted}) h(code_hash) cross join lateral ({one}) o", generic=True
    )
