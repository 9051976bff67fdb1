"""The part of a resource that a request asks for by _summary and _elements. https://hl7.org/fhir/R4/search.html#summary"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid
from fhir_server.parameters_allowed import only
from fhir_server.summary import apply
from mappings.r4 import parse, serialize

SHAPING = frozenset({"_summary", "_elements"})
SUMMARIES = ("true", "text", "data", "false")
"""`count` is of searches only."""


Part = Callable[[bytes], bytes]


def shaped(request: FhirRequest, body: bytes, taken: frozenset[str] = SHAPING) -> bytes:
    """The stored bytes, or those of the part asked for; `taken` are the parameters the interaction takes.

    Raises Invalid for other parameters, unless the client is lenient.
    """
    only(request, taken)
    part = part_asked(dict(request.query))
    return part(body) if part else body


def part_asked(given: Mapping[str, str]) -> Part | None:
    """What makes of stored bytes those of the part that `_summary` and `_elements` ask for; None: all is asked for.

    Raises Invalid.
    """
    summary = given.get("_summary")
    elements = [name.strip() for name in given.get("_elements", "").split(",") if name.strip()]
    if summary is not None and summary not in SUMMARIES:
        raise Invalid(f"_summary is one of {', '.join(SUMMARIES)} here", code="value")
    if summary in (None, "false") and not elements:
        return None
    if summary not in (None, "false") and elements:
        raise Invalid("_elements and _summary cannot be combined")
    return lambda body: serialize(apply(parse(body), summary, elements))
