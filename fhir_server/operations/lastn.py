"""$lastn: the latest observations of a patient, of each kind. https://hl7.org/fhir/R4/observation-operation-lastn.html"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fhir_server.access.searching import judged
from fhir_server.audit.trail import saw
from fhir_server.bundle import Entry, searchset
from fhir_server.compression import decompress
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import texts, whole
from fhir_server.outcome import Invalid
from fhir_server.parameters_allowed import GENERAL
from fhir_server.postgres import Row
from fhir_server.prefer import prefer
from fhir_server.search.criteria import criterion
from fhir_server.search.latest import Seen, bodies, candidates, latest, patient
from fhir_server.search.query import RESULT_PARAMETERS, parse_query
from fhir_server.search.terms import ask_terminology, looked_up

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

STATUSES = ("preliminary", "final", "amended", "corrected")
"""Of these without `status`: neither what was entered in error nor what has no result yet."""
_MOST = 1000
_INT4, _INT8 = Struct(">i"), Struct(">q")


async def lastn(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """A searchset Bundle of the `max` latest observations of each kind that meet the search parameters.

    Reads observations of one patient, under the access. Raises Invalid, Forbidden.
    """
    given: dict[str, list[str]] = {}
    search: list[tuple[str, str]] = []
    for name, value in texts(request):
        if name == "max":
            given.setdefault(name, []).append(value)
        elif name not in GENERAL:
            search.append((name, value))
    if len(given.get("max", ())) > 1:
        raise Invalid("max may be given once", code="invalid")
    most = whole(given, "max", 1, _MOST)
    lenient = prefer(request.headers).lenient
    shaping = [name for name, _ in search if name.partition(":")[0] in RESULT_PARAMETERS]
    if shaping and not lenient:
        raise Invalid("$lastn takes max and search parameters that select observations", code="not-supported")
    query = parse_query("Observation", [pair for pair in search if pair[0] not in shaping], lenient=lenient)
    if patient(query.criteria) is None:
        raise Invalid("$lastn needs one patient: patient=[id] or subject=Patient/[id]", code="required")
    criteria = list(judged(query, request.access).criteria)
    if not any(one.name.partition(":")[0] == "status" for one in criteria):
        criteria.append(criterion(("Observation",), "status", STATUSES))
    if ask_terminology(criteria):
        criteria = list(await looked_up(criteria, server.store, request.access, server.base))
    rows = await server.store.select(candidates(criteria, request.access, server.base))
    rids = latest(map(_seen, rows), most)
    if len(rids) > server.settings.max_count:
        reason = f"more than {server.settings.max_count} observations: ask for a category, a code, or a smaller max"
        raise Invalid(reason, code="too-costly")
    found = await server.store.select(bodies(rids, request.access)) if rids else []
    entries = [Entry("Observation", id.decode(), decompress(body), "match") for _, _, id, body in found]
    saw((_INT8.unpack(rid)[0], _INT4.unpack(version)[0]) for rid, version, _, _ in found)
    used = [*query.used, *(("max", value) for value in given.get("max", ()))]
    url = f"{server.base}/Observation/$lastn?{urlencode(used, quote_via=quote, safe=',:|/*$')}"
    return FhirResponse(
        200, searchset(server.base, entries, {"self": url}, total=len(entries), issues=list(query.ignored))
    )


def _seen(row: Row) -> Seen:
    rid, code, system, text, low = row
    kind = text.decode() if text is not None else None if code is None else (code, system)
    return Seen(_INT8.unpack(rid)[0], kind, None if low is None else _INT8.unpack(low)[0])
