"""Who has an identifier, asked of many at once: the commonest conditional URL, `Type?identifier=system|value`.

Searches that differ in system and value alone are read once, and are one statement of one text however many there are.
https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_server.search.by_token import stored
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Leaf
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import one_of
from fhir_server.search.query import SearchQuery
from fhir_server.search.rows import hash32
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access

NAMED = re.compile(r"[^|,\\]+\|[^|,\\]+")
"""One identifier with its system; no list, and nothing escaped."""


def identifier_of(query: SearchQuery) -> SearchParameter | None:
    """The parameter, if the search asks for one identifier and nothing else."""
    if len(query.criteria) != 1 or len(query.types) != 1:
        return None
    node = query.criteria[0].nodes[query.types[0]]
    if not isinstance(node, Leaf) or node.negated or node.modifier is not None or len(node.values) != 1:
        return None
    parameter = node.parameter
    plain = parameter.type == "token" and parameter.data_types == {"Identifier"} and not parameter.column
    return parameter if plain and NAMED.fullmatch(node.values[0]) else None


def who_has(
    kind: str, parameter: SearchParameter, values: Sequence[str], access: Access, base: str, limit: int
) -> Statement:
    """Rows of number (of the value, from 0), rid and id: up to `limit` of the newest, by each code that a value may be
    stored by. kind: the type; values: as NAMED."""
    parameters = Parameters()
    conditions = Conditions(access, parameters, base)
    asked = []
    for number, value in enumerate(values):
        system, _, code = value.partition("|")
        asked += [(number, hashed, hash32(system)) for hashed in sorted(stored(code, system, parameters))]
    arrays = map(conditions.array, zip(*asked, strict=True), ("integer", "bigint", "integer"))
    seen = conditions.found("t.rid", (kind,))
    tests = [one_of("param_id", parameter.param_ids).replace("{t}", "t"), "t.code_hash = a.code"]
    tests += ["t.system_hash = a.system", *([seen] if seen else [])]
    text = (
        f"select a.number, r.rid, r.fhir_id from unnest({', '.join(arrays)}) a(number, code, system) cross join lateral"
        f" (select distinct t.rid from token t where {' and '.join(tests)} order by t.rid desc"
        f" limit {conditions.bound(limit, 'bigint')}) p join resource r on r.rid = p.rid"
    )
    return parameters.statement(text, generic=True)
