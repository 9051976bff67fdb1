"""What the client would like back from a write. https://hl7.org/fhir/R4/http.html#ops"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.access.interactions import readable
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Invalid, Issue, operation_outcome
from fhir_server.version import Version
from mappings.r4 import serialize

RETURNS = ("minimal", "representation", "OperationOutcome")
HANDLINGS = ("strict", "lenient")


@dataclass(frozen=True, slots=True)
class Prefer:
    """A Prefer header; `returns` is None where nothing was said (then the resource comes back)."""

    returns: str | None = None
    lenient: bool = False
    later: bool = False
    """The client would rather be told where the answer will be (respond-async)."""


@lru_cache(maxsize=256)
def parse_prefer(value: str) -> Prefer:
    """The Prefer header's value. Preferences of other specifications are ignored, as RFC 7240 wants it.

    Raises Invalid for an unknown value of return or handling.
    """
    chosen: dict[str, str] = {}
    for part in value.replace(";", ",").split(","):
        name, _, wanted = part.partition("=")
        # RFC 7240: the first one counts.
        chosen.setdefault(name.strip().lower(), wanted.strip().strip('"'))
    returns = _one_of("return", chosen.get("return"), RETURNS)
    handling = _one_of("handling", chosen.get("handling"), HANDLINGS)
    return Prefer(returns, handling == "lenient", "respond-async" in chosen)


def _one_of(name: str, wanted: str | None, known: Sequence[str]) -> str | None:
    if wanted is None:
        return None
    for value in known:
        if value.lower() == wanted.lower():
            return value
    raise Invalid(f"Prefer: {name} is one of {', '.join(known)}", code="value")


def prefer(headers: Mapping[str, str]) -> Prefer:
    """The preferences of a request."""
    return parse_prefer(headers.get("prefer", ""))


DONE = {
    "POST": "created", "PUT": "stored", "PATCH": "patched", "DELETE": "deleted", "": "nothing to change"
}  # fmt: skip


def written(
    request: FhirRequest, version: Version, *, created: bool, unchanged: bool = False, issues: Sequence[Issue] = ()
) -> FhirResponse:
    """The answer to a create, update or patch: 201 or 200, with the body `Prefer: return` asks for.

    `issues`: warnings of validation, told with `return=OperationOutcome`.
    """
    returns = prefer(request.headers).returns
    body: bytes | None = version.body
    if returns == "minimal" or not readable(request.access, version.type):
        body = None
    if returns == "OperationOutcome":
        done = Issue("informational", DONE["" if unchanged else request.method], severity="information")
        body = serialize(operation_outcome([done, *issues]))
    return FhirResponse(
        201 if created else 200,
        body,
        version_id=version.version_id,
        last_updated=version.last_updated,
        location=f"{version.type}/{version.id}/_history/{version.version_id}",
    )


def removed(request: FhirRequest, version: Version | None, count: int | None = None) -> FhirResponse:
    """The answer to a delete: 204, or 200 with an OperationOutcome where asked; the same if nothing was there.

    `version` the deletion, where it was one; `count` how many a conditional delete removed.
    """
    known = version.version_id if version else None
    if prefer(request.headers).returns != "OperationOutcome":
        return FhirResponse(204, version_id=known)
    told = DONE["DELETE" if version else ""] if count is None else f"{count} deleted"
    done = Issue("informational", told, severity="information")
    return FhirResponse(200, serialize(operation_outcome([done])), version_id=known)
