"""All index rows of a resource, found in one walk of it. https://hl7.org/fhir/R4/search.html

The expressions of a type's search parameters are merged into one tree of JSON names, compiled to closures when the type
is first indexed; what no parameter selects is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from fhir_server.search.parameters import DECEASED, SearchParameter, current, shipped
from fhir_server.search.paths import Leaf, Move
from fhir_server.search.rows import ITSELF, Rows, hash32
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.timeline import TIMELINE, dated_code
from fhir_server.search.tree import Place, compiled

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


@cache
def _indexer(resource_type: str) -> _Indexer:
    known = shipped(resource_type)
    # Rows of a parameter that goes by others' names are theirs; columns of `resource` have none.
    own = [one for one in known.values() if one.names[0] == one.code and not one.column]
    root = _tree(own)
    if resource_type[0] == MARK:
        row = (hash32(resource_type), PRESENT, 0)
        root.emitters.append(lambda value, sink: sink.alone.append(row))
        return _Indexer(compiled(root), None, None, None)
    if links.has_canonical(resource_type):
        root.emitters.append(links.name)
    patient, timeline = known.get("patient"), known.get(TIMELINE.get(resource_type, ""))
    return _Indexer(
        compiled(root),
        patient.param_id if patient else None,
        timeline.param_id if timeline else None,
        dated.param_id if (dated := dated_code(resource_type)) else None,
    )


@lru_cache(maxsize=1024)
def _custom(source: str, generation: int, resource_type: str, only: frozenset[int] | None) -> Emit:
    """Writes the rows of custom parameters, as they are in this generation of this database."""
    wanted = [one for one in current().written[resource_type] if only is None or one.param_id in only]
    return compiled(_tree(wanted))


def _tree(parameters: Sequence[SearchParameter]) -> Place:
    root = Place()
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
        place = root
        for move in moves:
            place = place.below(move)
        place.emitters.extend(_emitters(kind, data_type, found))
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
