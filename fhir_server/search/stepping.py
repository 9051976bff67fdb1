"""Patients that have something with a code, newest first, each once: an index is stepped through.

https://hl7.org/fhir/R4/search.html#has A patient may have one resource of a code or thousands. From each patient the
next is looked up behind it, so that a page takes as many steps as it shows patients, however many have the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.schema.search_rows import CODES_OF_PATIENTS
from fhir_server.search.branch import filters
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Leaf, Node, Reverse
from fhir_server.search.lines import single


def stepped(node: Node, scope: Sequence[str], conditions: Conditions, limit: str) -> str | None:
    """SQL of a page of rids of what meets the node; None where no index has it in this order."""
    if not isinstance(node, Reverse) or tuple(scope) != ("Patient",):
        return None
    below = node.node
    if not (isinstance(below, Leaf) and below.coded and below.parameter.param_id in CODES_OF_PATIENTS):
        return None
    mark = conditions.mark()
    found = conditions.patient_values(node.parameter, below)
    if found is None or len(found) > 1 or not single(found[0]):
        conditions.back(mark)
        return None
    mark = conditions.mark()
    hidden = conditions.seen("{rid}", (node.resource_type,))
    conditions.back(mark)
    # Whether any of what has the code may be seen is asked of each patient, if it has to be asked at all.
    tests = [conditions.live(scope, "{rid}"), *filters([node] if hidden else [], scope, conditions)]
    v, s = conditions.alias(), conditions.alias()
    having = f"from patient_value {v} where {found[0].replace('{t}', v)}"
    newest = f"order by {v}.patient_rid desc limit 1"
    start = "".join(f" and {test}" for test in conditions.start).replace("{rid}", f"{v}.patient_rid")
    where = " and ".join(tests).replace("{rid}", f"{s}.rid")
    return (
        f"with recursive step(rid) as ((select {v}.patient_rid {having}{start} {newest}) union all"
        f" select (select {v}.patient_rid {having} and {v}.patient_rid < {s}.rid {newest}) from step {s}"
        f" where {s}.rid is not null) select {s}.rid from step {s} where {s}.rid is not null and {where} limit {limit}"
    )
