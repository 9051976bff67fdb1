"""Search parameters of type composite: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#composite

A row is one combination of components of one element. The first component is always a token (first_hash,
first_system). The second, by its type (docs/decisions/composite-rows.md):

| type      | second_hash             | second_system | low, high                              |
|-----------|-------------------------|---------------|----------------------------------------|
| token     | code                    | system        | null                                   |
| reference | "Type/id" or URL        | 0             | null                                   |
| uri       | the URI                 | 0             | null                                   |
| quantity  | unit, as in `quantity`  | 0             | as in `quantity`                       |
| date      | 0                       | 0             | microseconds                           |
| string    | original                | 0             | normalised text as a number, twice     |
| number    | 0                       | 0             | the number; a third component low2, high2 |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search import by_date, by_number
from fhir_server.search.by_quantity import BANDS, conditions
from fhir_server.search.by_reference import target
from fhir_server.search.by_string import TEXTS, normalised
from fhir_server.search.by_token import PAIRS, token_test
from fhir_server.search.by_uri import URI_TYPES
from fhir_server.search.contained import plain
from fhir_server.search.parameters import Component, SearchParameter
from fhir_server.search.paths import Leaf, Move, branches, leaves
from fhir_server.search.probe import Probe, either, one_of
from fhir_server.search.rows import Bound, hash64
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import split_components, split_prefix, unescape
from fhir_server.statement import Parameters

_RESOURCE = "%resource."
_WIDTH = 120
"""Bytes of a text that take part in a composite."""

Cell = tuple[int, int, Bound | None, Bound | None]
"""hash, system, low, high of one component."""
Cells = Callable[[Any, Sink], Iterable[Cell]]


def _token(data_type: str) -> Cells | None:
    pairs = PAIRS.get(data_type)

    def cells(value: Any, sink: Sink) -> Iterator[Cell]:
        for code, system in pairs(value) if pairs else ():
            yield code, system, None, None

    return cells if pairs else None


def _quantity(data_type: str) -> Cells | None:
    bands = BANDS.get(data_type)

    def cells(value: Any, sink: Sink) -> Iterator[Cell]:
        for unit, low, high in bands(value) if bands else ():
            yield unit, 0, low, high

    return cells if bands else None


def _date(data_type: str) -> Cells | None:
    to_range = by_date.RANGE.get(data_type)

    def cells(value: Any, sink: Sink) -> Iterator[Cell]:
        found = to_range(value) if to_range else None
        if found:
            yield 0, 0, str(found[0]), str(found[1])

    return cells if to_range else None


def _number(data_type: str) -> Cells | None:
    to_range = by_number.RANGE.get(data_type)

    def cells(value: Any, sink: Sink) -> Iterator[Cell]:
        found = to_range(value) if to_range else None
        if found:
            yield 0, 0, *found

    return cells if to_range else None


def _string(data_type: str) -> Cells | None:
    texts = TEXTS.get(data_type)

    def cells(value: Any, sink: Sink) -> Iterator[Cell]:
        for text in texts(value) if texts else ():
            number = str(_as_number(text, b"\0"))
            yield hash64(text), 0, number, number

    return cells if texts else None


def _reference(data_type: str) -> Cells | None:
    def cells(value: dict[str, Any], sink: Sink) -> Iterator[Cell]:
        literal = value.get("reference", "#")
        if literal[:1] != "#":
            yield hash64(target(literal, sink.base).unversioned), 0, None, None

    return cells if data_type == "Reference" else None


def _uri(data_type: str) -> Cells | None:
    def cells(value: str, sink: Sink) -> Iterator[Cell]:
        yield hash64(value), 0, None, None

    return cells if data_type in URI_TYPES else None


CELLS: dict[str, Callable[[str], Cells | None]] = {
    "token": _token,
    "quantity": _quantity,
    "date": _date,
    "number": _number,
    "string": _string,
    "reference": _reference,
    "uri": _uri,
}


ANY = "any"
"""Modifier under which a component may be left empty: with any value there. For _filter, not for URLs."""


def _as_number(text: str, filling: bytes) -> int:
    """The first bytes of the normalised text as one big number, so that texts with a prefix are a range of numbers."""
    return int.from_bytes(normalised(text).encode()[:_WIDTH].ljust(_WIDTH, filling), "big")


def component_leaves(component: Component, resource_type: str, element_type: str) -> tuple[Leaf, ...]:
    """What a component selects, from the element of the composite or, with %resource, from the resource."""
    return tuple(
        leaf
        for branch in branches(component.expression)
        for leaf in leaves(
            branch.removeprefix(_RESOURCE),
            plain(resource_type) if branch.startswith(_RESOURCE) else element_type,
            rooted=False,
        )
    )


def select(moves: Sequence[Move], value: Any) -> list[Any]:
    """The elements that the moves lead to; composites use no other kind of move than into a member."""
    found = [value]
    for _, name, *_ in moves:
        found = [below for each in found if (below := each.get(name)) is not None]
        found = [item for each in found for item in (each if isinstance(each, list) else (each,)) if item is not None]
    return found


def _reader(component: Component, resource_type: str, element_type: str) -> Callable[[Any, Sink], list[Cell]]:
    of_resource = component.expression.startswith(_RESOURCE)
    readers = [
        (leaf.moves, cells)
        for leaf in component_leaves(component, resource_type, element_type)
        if (cells := CELLS[component.type](leaf.data_type))
    ]

    def read(value: Any, sink: Sink) -> list[Cell]:
        start = sink.resource if of_resource else value
        found: list[Cell] = []
        for moves, cells in readers:
            if moves[0][1] in start:
                for each in select(moves, start):
                    found.extend(cells(each, sink))
        return found

    return read


def emitter(parameter: SearchParameter, data_type: str, param_id: int) -> Emit:
    """Writes the `composite` rows of an element of the type."""
    first, *rest = (_reader(each, parameter.resource_type, data_type) for each in parameter.components)
    second = component_leaves(parameter.components[1], parameter.resource_type, data_type)
    needed = frozenset(leaf.moves[0][1] for leaf in second)

    def emit(value: Any, sink: Sink) -> None:
        # The second component is absent most of the time.
        if needed.isdisjoint(value):
            return
        others = [read(value, sink) for read in rest]
        if not all(others):
            return
        for (code, system, _, _), (then, *third) in product(first(value, sink), product(*others)):
            low2, high2 = third[0][2:] if third else (None, None)
            sink.composite.append((param_id, code, system, *then, low2, high2))

    return emit


@cache
def _types(parameter: SearchParameter) -> tuple[tuple[frozenset[str], tuple[str, ...]], ...]:
    """Of each component the FHIR types of its elements and the value sets of its codes."""
    found = []
    for component in parameter.components:
        all_leaves = [
            leaf
            for start in parameter.leaves
            for leaf in component_leaves(component, parameter.resource_type, start.data_type)
        ]
        found.append(
            (
                frozenset(leaf.data_type for leaf in all_leaves) & frozenset(PAIRS),
                tuple(sorted({leaf.value_set for leaf in all_leaves if leaf.value_set})),
            )
        )
    return tuple(found)


def _token_test(
    column: str, text: str, code: str, types: tuple[frozenset[str], tuple[str, ...]], parameters: Parameters
) -> str:
    test = token_test(f"{column}_hash", text, code, *types, parameters)
    return test.replace("{t}.system_hash", f"{{t}}.{column}_system")


def _second(
    component: Component, parameter: SearchParameter, text: str, base: str, parameters: Parameters
) -> list[str]:
    """Conditions, any of which may hold: of a quantity several, each of which is a range of the index."""
    if component.type == "quantity":
        found = conditions(text, parameter.code, parameters, "second_hash")
        return [f"{{t}}.low is not null and {one}" for one in found]
    return [_one_second(component, parameter, text, base, parameters)]


def _one_second(component: Component, parameter: SearchParameter, text: str, base: str, parameters: Parameters) -> str:
    code = parameter.code
    match component.type:
        case "token":
            types = _types(parameter)[1]
            return "{t}.low is null and " + _token_test("second", text, code, types, parameters)
        case "reference":
            return "{t}.low is null and " + _reference_test(component, parameter, text, base, parameters)
        case "uri":
            return f"{{t}}.low is null and {{t}}.second_hash = {parameters.add(hash64(unescape(text)), 'bigint')}"
        case "date":
            prefix, low, high = by_date.ranged(text, code)
            now = by_date.clock() if prefix == "ap" else 0
            test = by_date.compare(
                prefix, low, high, now, "{t}.low", "{t}.high", lambda instant: parameters.add(instant, "numeric")
            )
            return "{t}.low is not null and " + test
        case "number":
            return "{t}.low is not null and " + _number_test("", text, code, parameters)
        case _:
            word = unescape(text)
            if not normalised(word):
                raise Invalid(f"search parameter '{code}': a component has no letter or digit", code="value")
            low_text, high_text = (str(_as_number(word, filling)) for filling in (b"\0", b"\xff"))
            return (
                f"{{t}}.low >= {parameters.add(low_text, 'numeric')} and "
                f"{{t}}.low <= {parameters.add(high_text, 'numeric')}"
            )


def _reference_test(
    component: Component, parameter: SearchParameter, text: str, base: str, parameters: Parameters
) -> str:
    literal = unescape(text)
    found = target(literal, base)
    if ":" in literal or "/" in literal:
        texts = [found.unversioned]
    else:
        texts = [f"{name}/{literal}" for name in component.types_of_target]
    return either([f"{{t}}.second_hash = {parameters.add(hash64(each), 'bigint')}" for each in texts])


def _number_test(suffix: str, text: str, code: str, parameters: Parameters) -> str:
    prefix, rest = split_prefix(unescape(text))
    value, half = by_number.parse(rest, code)
    return by_number.compare(
        prefix,
        value,
        half,
        f"{{t}}.low{suffix}",
        f"{{t}}.high{suffix}",
        lambda bound: parameters.add(str(bound), "numeric"),
    )


def condition(
    parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters, base: str = ""
) -> Probe:
    """Probe of one composite value, `component$component`. `base`: own FHIR base URL. Raises Invalid."""
    code = parameter.code
    if modifier not in (None, ANY):
        raise Invalid(
            f"search parameter '{code}' is a composite and has no modifier ':{modifier}'", code="not-supported"
        )
    texts = split_components(value)
    if len(texts) != len(parameter.components) or not (all(texts) or modifier == ANY):
        raise Invalid(
            f"search parameter '{code}' wants {'$'.join(part.code for part in parameter.components)}", code="value"
        )
    tests = [one_of("param_id", parameter.param_ids)]
    if texts[0]:
        tests.append(_token_test("first", texts[0], code, _types(parameter)[0], parameters))
    seconds = ["true"]
    if texts[1]:
        seconds = _second(parameter.components[1], parameter, texts[1], base + "/" if base else "", parameters)
    tests += [_number_test("2", text, code, parameters) for text in texts[2:] if text]
    first, *others = (" and ".join([*tests, second]) for second in seconds)
    return Probe("composite", first, tuple(("composite", other) for other in others))
