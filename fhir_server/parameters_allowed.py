"""Query parameters an interaction takes; any other is an error unless the client is lenient. https://hl7.org/fhir/R4/http.html#parameters"""

from __future__ import annotations

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid
from fhir_server.prefer import prefer

GENERAL = frozenset({"_format", "_pretty"})
"""Those every interaction takes; `app` obeys them."""


def only(request: FhirRequest, more: frozenset[str] = frozenset()) -> None:
    """Raises Invalid for a parameter that is neither general nor in `more`, unless `Prefer: handling=lenient`."""
    if not request.query:
        return
    unknown = sorted({name for name, _ in request.query} - GENERAL - more)
    if unknown and not prefer(request.headers).lenient:
        # Names are quoted only as far as they can be names.
        shown = ", ".join(name for name in unknown if name.isascii() and name.isprintable() and len(name) < 64)
        raise Invalid(f"this interaction does not take the parameters: {shown}", code="not-supported")
