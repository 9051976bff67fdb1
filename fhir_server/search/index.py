"""All index rows of a resource, found in one walk of it. https://hl7.org/fhir/R4/search.html

The expressions of a type's search parameters are merged into one tree of JSON names, compiled to closures when the type
is first indexed; what no parameter selects is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeVar

from fhir_server.fhirpath import FhirPathError, Node, Temporal, compile_expression
from fhir_server.search import (
    by_composite,
    by_date,
    by_near,
    by_number,
    by_quantity,
    by_reference,
    by_string,
    by_token,
    by_uri,
    links,
)
from fhir_server.search.by_reference import PRESENT, ReferenceIds
from fhir_server.search.by_token import TokenIds
from fhir_server.search.contained import MARK, those_in
from fhir_server.search.parameters import DECEASED, SearchParameter, current, shipped, single_valued
from fhir_server.search.paths import Leaf, Move
from fhir_server.search.rows import ITSELF, Rows, hash32
from fhir_server.search.sink import Emit, Sink

TIMELINE: dict[str, str] = {
    "AllergyIntolerance": "date",
    "Appointment": "date",
    "AuditEvent": "date",
    "Basic": "created",
    "CarePlan": "date",
    "CareTeam": "date",
    "ChargeItem": "occurrence",
    "Claim": "created",
    "ClaimResponse": "created",
    "ClinicalImpression": "date",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Composition": "date",
    "Condition": "recorded-date",
    "Consent": "date",
    "Contract": "issued",
    "CoverageEligibilityRequest": "created",
    "CoverageEligibilityResponse": "created",
    "DetectedIssue": "identified",
    "DeviceRequest": "authored-on",
    "DiagnosticReport": "date",
    "DocumentManifest": "created",
    "DocumentReference": "date",
    "Encounter": "date",
    "EpisodeOfCare": "date",
    "ExplanationOfBenefit": "created",
    "FamilyMemberHistory": "date",
    "Flag": "date",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "Immunization": "date",
    "ImmunizationEvaluation": "date",
    "ImmunizationRecommendation": "date",
    "Invoice": "date",
    "List": "date",
    "MeasureReport": "date",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "NutritionOrder": "datetime",
    "Observation": "date",
    "Procedure": "date",
    "Provenance": "recorded",
    "QuestionnaireResponse": "authored",
    "RequestGroup": "authored",
    "ResearchSubject": "date",
    "RiskAssessment": "date",
    "ServiceRequest": "authored",
    "Specimen": "collected",
    "Task": "authored-on",
    "VisionPrescription": "datewritten",
}
"""Resource type -> code of the date parameter that places it on a patient's timeline (`patient_date`)."""


@cache
def dated_code(resource_type: str) -> SearchParameter | None:
    """The parameter `code` of a type with one clinical date: its rows in `token` carry that date."""
    known = shipped(resource_type)
    code, timeline = known.get("code"), known.get(TIMELINE.get(resource_type, ""))
    if code is None or timeline is None or not single_valued(timeline):
        return None
    plain = code.type == "token" and code.names == ("code",) and code.data_types <= {"CodeableConcept", "Coding"}
    return code if plain else None


_Row = TypeVar("_Row", bound=tuple[object, ...])

_ALONE = frozenset(("_tag", "_security"))


def index_rows(resource: dict[str, Any], base: str) -> Rows:
    """All rows of a valid resource. `base`: own FHIR base URL without slash at the end.

    Raises KeyError for a resourceType that R4 does not have.
    """
    indexer = _indexer(resource["resourceType"])
    sink = Sink(resource, base + "/")
    if "contained" in resource:
        return _containing(resource, sink, indexer)
    indexer.visit(resource, sink)
    return _rows(sink, indexer)


def _containing(resource: dict[str, Any], sink: Sink, indexer: _Indexer) -> Rows:
    """The rows of a resource and of those it contains."""
    sink.contained = those_in(resource)
    indexer.visit(resource, sink)
    rows = _rows(sink, indexer)
    rows.links = [(ITSELF, *link) for link in dict.fromkeys(sink.links)]
    for place, kind in sink.contained.values():
        below = Sink(resource["contained"][place], sink.base)
        below.contained = {**sink.contained, "": (ITSELF, resource["resourceType"])}
        inner = _indexer(MARK + kind)
        inner.visit(below.resource, below)
        rows.contained.append((place, _rows(below, inner)))
        rows.links += [(place, *link) for link in dict.fromkeys(below.links)]
    return rows


def custom_rows(resource: dict[str, Any], base: str, only: frozenset[int] | None = None) -> Rows | None:
    """The rows of the parameters that the record itself defines; None: there are none for the type.

    `only`: of the parameters with these param_ids. They have no rows by patient.
    """
    table = current()
    resource_type = resource["resourceType"]
    if resource_type not in table.written:
        return None
    sink = Sink(resource, base + "/")
    _custom(table.source, table.generation, resource_type, only)(resource, sink)
    return Rows(
        token=[(*row, None, None) for row in dict.fromkeys(sink.token + sink.alone)],
        reference=list(dict.fromkeys(sink.reference)),
        reference_other=list(dict.fromkeys(sink.reference_other)),
        canonical=list(dict.fromkeys(sink.canonical)),
        date=list(dict.fromkeys(sink.date)),
        quantity=list(dict.fromkeys(sink.quantity)),
        number=list(dict.fromkeys(sink.number)),
        string=list(dict.fromkeys(sink.string + _extremes(sink.sortable))),
        uri=list(dict.fromkeys(sink.uri)),
        composite=list(dict.fromkeys(sink.composite)),
    )


@dataclass(frozen=True, slots=True)
class _Indexer:
    visit: Emit
    patient_id: int | None
    """param_id of `patient` where the type has it."""
    timeline_id: int | None
    """param_id of its parameter in TIMELINE."""
    code_id: int | None
    """param_id of its `dated_code`."""


def _rows(sink: Sink, indexer: _Indexer) -> Rows:
    token = dict.fromkeys(sink.token)
    reference = _distinct(sink.reference)
    date = _distinct(sink.date)
    patient_value: list[tuple[str, int, int, int]] = []
    patient_date: list[tuple[str, int, int]] = []
    if indexer.patient_id is not None:
        patient_id, timeline_id = indexer.patient_id, indexer.timeline_id
        for param_id, kind, patient in reference:
            if param_id == patient_id and kind == "Patient":
                patient_value += [(patient, *row) for row in token]
                patient_date += [(patient, low, high) for date_id, low, high in date if date_id == timeline_id]
    return Rows(
        token=_dated(token | dict.fromkeys(sink.alone) if sink.alone else token, date, indexer),
        reference=reference,
        reference_other=_distinct(sink.reference_other),
        canonical=_distinct(sink.canonical),
        patient_value=patient_value,
        patient_date=patient_date,
        date=date,
        quantity=_distinct(sink.quantity),
        number=_distinct(sink.number),
        string=_distinct(sink.string + _extremes(sink.sortable) if sink.sortable else sink.string),
        uri=_distinct(sink.uri),
        composite=_distinct(sink.composite),
    )


def _dated(
    tokens: Iterable[tuple[int, int, int]], dates: list[tuple[int, int, int]], indexer: _Indexer
) -> list[tuple[int, int, int, int | None, int | None]]:
    """Rows of `token`: those of the resource's code carry its clinical date."""
    code_id, timeline_id = indexer.code_id, indexer.timeline_id
    span = next(((low, high) for date_id, low, high in dates if date_id == timeline_id), (None, None))
    return [(*row, *span) if row[0] == code_id else (*row, None, None) for row in tokens]


def _distinct(rows: list[_Row]) -> list[_Row]:
    return list(dict.fromkeys(rows)) if len(rows) > 1 else rows


def _extremes(texts: list[tuple[int, str]]) -> list[tuple[int, str, int]]:
    """The lowest and the highest text of each parameter, as rows of `string`: more are not needed to sort."""
    found: dict[int, list[str]] = {}
    for param_id, text in texts:
        found.setdefault(param_id, []).append(text)
    return [(param_id, text, 0) for param_id, several in found.items() for text in {min(several), max(several)}]


@dataclass(slots=True)
class _Node:
    """A place in the JSON of a type: what is emitted there, and what lies below."""

    emitters: list[Emit] = field(default_factory=list)
    members: dict[str, _Node] = field(default_factory=dict)
    first: dict[str, _Node] = field(default_factory=dict)
    """Members of which only the first item counts."""
    filtered: list[tuple[Callable[[Any], bool], _Node]] = field(default_factory=list)
    conditions: dict[Move, _Node] = field(default_factory=dict)

    def below(self, move: Move) -> _Node:
        """The node a move leads to, made if need be."""
        if move[0] == "key":
            return self.members.setdefault(move[1], _Node())
        if move[0] == "first":
            return self.first.setdefault(move[1], _Node())
        if move not in self.conditions:
            self.conditions[move] = _Node()
            self.filtered.append((_condition(move), self.conditions[move]))
        return self.conditions[move]


def _condition(move: Move) -> Callable[[Any], bool]:
    kind, member, value = move  # type: ignore[misc]  # the other kinds of move never come here
    if kind == "equals":
        return lambda element: element.get(member) == value
    return lambda element: any(extension.get("url") == value for extension in element.get(member, ()))


@cache
def _indexer(resource_type: str) -> _Indexer:
    known = shipped(resource_type)
    # Rows of a parameter that goes by others' names are theirs; columns of `resource` have none.
    own = [one for one in known.values() if one.names[0] == one.code and not one.column]
    root = _tree(own)
    if resource_type[0] == MARK:
        row = (hash32(resource_type), PRESENT, 0)
        root.emitters.append(lambda value, sink: sink.alone.append(row))
        return _Indexer(_compile(root), None, None, None)
    if links.has_canonical(resource_type):
        root.emitters.append(links.name)
    patient, timeline = known.get("patient"), known.get(TIMELINE.get(resource_type, ""))
    return _Indexer(
        _compile(root),
        patient.param_id if patient else None,
        timeline.param_id if timeline else None,
        dated.param_id if (dated := dated_code(resource_type)) else None,
    )


@lru_cache(maxsize=1024)
def _custom(source: str, generation: int, resource_type: str, only: frozenset[int] | None) -> Emit:
    """Writes the rows of custom parameters, as they are in this generation of this database."""
    wanted = [one for one in current().written[resource_type] if only is None or one.param_id in only]
    return _compile(_tree(wanted))


def _tree(parameters: Sequence[SearchParameter]) -> _Node:
    root = _Node()
    grouped: dict[tuple[tuple[Move, ...], str, str], list[tuple[SearchParameter, Leaf]]] = {}
    for parameter in parameters:
        if parameter.evaluated:
            root.emitters.append(_evaluated(parameter))
        elif parameter.expression == DECEASED:
            root.emitters.append(_deceased(parameter.param_id))
        else:
            for leaf in parameter.leaves:
                grouped.setdefault((leaf.moves, leaf.data_type, parameter.type), []).append((parameter, leaf))
    for (moves, data_type, kind), found in grouped.items():
        node = root
        for move in moves:
            node = node.below(move)
        node.emitters.extend(_emitters(kind, data_type, found))
    return root


def _evaluated(parameter: SearchParameter) -> Emit:
    """Writes the rows of what a FHIRPath selects, each by its type."""
    expression = compile_expression(parameter.evaluated or "")
    emitters = {leaf.data_type: list(_emitters(parameter.type, leaf.data_type, [(parameter, leaf)]))
                for leaf in parameter.leaves}  # fmt: skip

    def emit(resource: Any, sink: Sink) -> None:
        try:
            found = expression.nodes(resource)
        except FhirPathError:
            return  # where it cannot be evaluated there is no value
        for item in found:
            kind, value = _typed(item)
            if value is not None:
                for each in emitters.get(kind, ()):
                    each(value, sink)

    return emit


_SYSTEM = {bool: "boolean", int: "integer", Decimal: "decimal", str: "string"}


def _typed(item: Any) -> tuple[str, Any]:
    """FHIR type and JSON value of an item of a FHIRPath result."""
    if isinstance(item, Node):
        return "Resource" if item.type.is_resource else item.type.name, item.value
    if isinstance(item, Temporal):
        return item.kind, str(item)
    return _SYSTEM.get(type(item), ""), item


def _emitters(kind: str, data_type: str, found: list[tuple[SearchParameter, Leaf]]) -> Iterator[Emit]:
    """The emitters of all parameters of one type on one element."""
    ids = [parameter.param_id for parameter, _ in found]
    emit: Emit | None
    match kind:
        case "composite":
            for parameter, _ in found:
                yield by_composite.emitter(parameter, data_type, parameter.param_id)
            return
        case "token":
            emit = by_token.emitter(data_type, [_token_ids(parameter, data_type) for parameter, _ in found])
        case "reference":
            emit = by_reference.emitter(
                data_type,
                [
                    ReferenceIds(
                        parameter.param_id,
                        parameter.ids(":identifier")[0],
                        leaf.resolves_to,
                        frozenset(kind for kind, _ in parameter.parts),
                    )
                    for parameter, leaf in found
                ],
            )
        case "string":
            words = [parameter.ids(by_string.WORD)[0] for parameter, leaf in found if by_string.is_family(leaf)]
            emit = by_string.emitter(data_type, ids, words)
        case _:
            emit = _PLAIN[kind](data_type, ids)
    if emit:
        yield emit


_PLAIN: dict[str, Callable[[str, list[int]], Emit | None]] = {
    "date": by_date.emitter,
    "number": by_number.emitter,
    "quantity": by_quantity.emitter,
    "special": by_near.emitter,
    "uri": by_uri.emitter,
}


def _token_ids(parameter: SearchParameter, data_type: str) -> TokenIds:
    return TokenIds(
        parameter.param_id,
        parameter.ids(":text")[0],
        parameter.ids(":of-type")[0],
        data_type == "Identifier" or parameter.code in _ALONE,
        parameter.ids(by_token.SORT)[0] if by_token.unworded(parameter) else None,
    )


def _deceased(param_id: int) -> Emit:
    rows = {answer: (param_id, *by_token.folded(str(answer).lower(), None)) for answer in (True, False)}
    return lambda value, sink: sink.token.append(rows[by_token.deceased(value)])


def _compile(node: _Node) -> Emit:
    """A function over one element (not a list) that writes all rows at and below the node."""
    table: dict[str, Emit] = {}
    for name in node.members.keys() | node.first.keys():
        table[name] = _member(node.members.get(name), node.first.get(name))
    filtered = [(condition, _compile(below)) for condition, below in node.filtered]
    emitters = node.emitters
    if not table and not filtered and len(emitters) == 1:
        return emitters[0]

    def visit(value: Any, sink: Sink) -> None:
        for emit in emitters:
            emit(value, sink)
        for condition, below in filtered:
            if condition(value):
                below(value, sink)

    if not table:
        return visit

    def walk(value: Any, sink: Sink) -> None:
        for name, below in value.items():
            found = table.get(name)
            if found is not None:
                found(below, sink)
        if emitters or filtered:
            visit(value, sink)

    return walk


def _member(every: _Node | None, first: _Node | None) -> Emit:
    """A function over the value of a member, be it one element or a list of them."""
    visit = _compile(every) if every else None
    visit_first = _compile(first) if first else None

    def enter(value: Any, sink: Sink) -> None:
        if type(value) is list:
            if visit is not None:
                for item in value:
                    # null stands for a primitive with extensions only
                    if item is not None:
                        visit(item, sink)
            if visit_first is not None and value:
                visit_first(value[0], sink)
        elif visit is not None and value is not None:
            visit(value, sink)

    return enter
