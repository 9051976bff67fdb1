"""What an export is asked for: kick-off parameters -> ExportOrder. https://hl7.org/fhir/uv/bulkdata/export.html#query-parameters"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from fhir_server.compartment import member_types
from fhir_server.definitions import structure
from fhir_server.instant import period
from fhir_server.outcome import FhirError, Invalid, Issue
from fhir_server.prepare import ID
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.query import SearchQuery, parse_query
from fhir_server.search.terms import ask_terminology

NDJSON = "application/fhir+ndjson"
PARQUET = "application/vnd.apache.parquet"
FORMATS = frozenset({NDJSON, "application/fhir ndjson", "application/ndjson", "ndjson"})
"""Names of NDJSON; in one a plus sign was not percent-encoded."""
OUTPUT = {**dict.fromkeys(FORMATS, NDJSON), PARQUET: PARQUET, "application/parquet": PARQUET, "parquet": PARQUET}
"""Values of _outputFormat -> media type."""

SYSTEM, PATIENT, GROUP = "system", "Patient", "Group"

BESIDE = ("Device", "Provenance")
"""Types exported with patients though R4's Patient compartment does not hold them, or not all of them."""


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """An export, read and checked; `asdict` of it is what the job keeps."""

    level: str
    """SYSTEM, PATIENT or GROUP."""
    group: str | None = None
    """Id of the Group."""
    types: tuple[str, ...] = ()
    """Empty: all of the level."""
    since: int | None = None
    """Changed after this instant, in microseconds."""
    until: int | None = None
    """Changed before or at this instant."""
    elements: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    """Type and query; those of one type are alternatives."""
    patients: tuple[str, ...] = ()
    """Ids; empty: all of the level."""
    format: str = NDJSON
    """Media type of the files."""
    ignored: tuple[str, ...] = ()
    """What a lenient client asked for in vain, in words."""


@dataclass(slots=True)
class _Reading:
    level: str
    types: list[str] = field(default_factory=list)
    since: int | None = None
    until: int | None = None
    elements: list[str] = field(default_factory=list)
    filters: list[tuple[str, str]] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    format: str = NDJSON


class NotSupported(Invalid):
    """400, unless the client is lenient."""

    code = "not-supported"


def possible_types(level: str) -> frozenset[str]:
    """The types an export of the level can hold."""
    if level == SYSTEM:
        return frozenset(TYPE_ID)
    return frozenset(member_types("Patient")).union(BESIDE)


def read_order(
    level: str, group: str | None, parameters: Sequence[tuple[str, str]], *, lenient: bool
) -> tuple[ExportOrder, list[Issue]]:
    """The order of named text values (of `patient` the reference), and warnings about what was left out.

    Raises Invalid for a value that cannot be used, and for what is not supported unless `lenient`.
    """
    reading, ignored = _Reading(level), list[Issue]()
    for name, value in parameters:
        read = _READERS.get(name)
        try:
            if read is None:
                raise NotSupported(f"$export does not take the parameter {_name(name)}")
            read(reading, value)
        except NotSupported as error:
            if not lenient:
                raise
            ignored.append(Issue("not-supported", f"ignored: {error}", severity="warning"))
    if not reading.types and any(name == "_type" for name, _ in parameters):
        raise Invalid("_type names no type that can be exported here", code="not-supported")
    for resource_type, _ in reading.filters:
        if reading.types and resource_type not in reading.types:
            raise Invalid("_typeFilter names a type that _type does not", code="value")
    return ExportOrder(
        level,
        group,
        tuple(dict.fromkeys(reading.types)),
        reading.since,
        reading.until,
        tuple(dict.fromkeys(reading.elements)),
        tuple(reading.filters),
        tuple(dict.fromkeys(reading.patients)),
        reading.format,
        tuple(issue.diagnostics for issue in ignored),
    ), ignored


def order_of(kept: dict[str, Any]) -> ExportOrder:
    """The order a job keeps as JSON."""
    tuples: dict[str, Any] = {
        name: tuple(kept[name]) for name in ("types", "elements", "patients", "ignored") if name in kept
    }
    return ExportOrder(**{**kept, **tuples, "filters": tuple((name, query) for name, query in kept["filters"])})


def filter_query(resource_type: str, query: str) -> SearchQuery:
    """One query of _typeFilter. Raises Invalid for what cannot filter."""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        try:
            pairs.append((unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")))
        except UnicodeDecodeError:
            raise Invalid("_typeFilter is not percent-encoded UTF-8", code="value") from None
    if any(name.partition(":")[0] in _RESULT for name, _ in pairs):
        raise Invalid("_typeFilter takes search parameters only, none about the result", code="not-supported")
    found = parse_query(resource_type, pairs)
    if ask_terminology(found.criteria):
        raise Invalid("_typeFilter takes no :in, :not-in, :above and :below of tokens", code="not-supported")
    return found


_RESULT = frozenset(
    {"_sort", "_count", "_include", "_revinclude", "_summary", "_total", "_elements", "_contained", "_explain",
     "_cursor", "_type", "_format", "_pretty"}
)  # fmt: skip


def _name(name: str) -> str:
    return name if name.isascii() and name.isprintable() and len(name) < 64 else "of that name"


def _format(reading: _Reading, value: str) -> None:
    format = OUTPUT.get(value.strip())
    if format is None:
        raise Invalid(f"_outputFormat: {NDJSON} or {PARQUET}", code="not-supported")
    reading.format = format


def _instant(name: str, value: str) -> int:
    try:
        if "T" not in value:
            raise ValueError
        return period(value)[0]
    except ValueError:
        raise Invalid(f"{name} is an instant such as 2026-01-31T12:00:00Z", code="value") from None


def _since(reading: _Reading, value: str) -> None:
    reading.since = _instant("_since", value)


def _until(reading: _Reading, value: str) -> None:
    reading.until = _instant("_until", value)


def _type(reading: _Reading, value: str) -> None:
    asked, possible = _parts(value), possible_types(reading.level)
    reading.types += [one for one in asked if one in possible]
    for one in asked:
        if one not in TYPE_ID:
            raise NotSupported("_type names an unknown resource type")
        if one not in possible:
            raise NotSupported(f"an export of this level does not hold {one}")


def _elements(reading: _Reading, value: str) -> None:
    for one in _parts(value):
        kind, dot, name = one.rpartition(".")
        if "." in kind or (dot and kind not in TYPE_ID):
            raise Invalid(
                "_elements takes elements at the root of a resource, such as id or Patient.name", code="value"
            )
        if dot and name not in structure(kind).elements:
            raise NotSupported(f"_elements: {kind} has no such element")
        reading.elements.append(one)


def _type_filter(reading: _Reading, value: str) -> None:
    refused: NotSupported | None = None
    for one in _parts(value):
        resource_type, _, query = one.partition("?")
        try:
            if resource_type not in possible_types(reading.level):
                raise NotSupported("it names a resource type that is not exported here")
            filter_query(resource_type, query)
        except FhirError as error:
            refused = NotSupported(f"_typeFilter: {error}")
        else:
            reading.filters.append((resource_type, query))
    if refused is not None:
        raise refused


def _patient(reading: _Reading, value: str) -> None:
    if reading.level == SYSTEM:
        raise NotSupported("patient belongs to an export of patients or of a group")
    kind, _, id = value.rpartition("/")
    if not ID.fullmatch(id) or kind.rpartition("/")[2] not in ("Patient", ""):
        raise Invalid("patient is a reference to a Patient", code="value")
    reading.patients.append(id)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


_READERS: dict[str, Callable[[_Reading, str], None]] = {
    "_outputFormat": _format, "_since": _since, "_until": _until, "_type": _type, "_elements": _elements,
    "_typeFilter": _type_filter, "patient": _patient,
}  # fmt: skip
