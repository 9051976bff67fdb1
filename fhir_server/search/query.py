"""A search as it was asked: query parameters -> SearchQuery. https://hl7.org/fhir/R4/search.html

Pure: names, modifiers, chains, includes, sort and result parameters are resolved against the table of search
parameters; values stay text until `select.py` asks `by_<type>.py` for their conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from fhir_server.outcome import Invalid, Issue
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.contained import MARK, is_contained
from fhir_server.search.criteria import Criterion, Leaf, UnknownParameter, criterion
from fhir_server.search.filter import filter_criteria
from fhir_server.search.include import Include, include_of
from fhir_server.search.lists import list_criterion
from fhir_server.search.parameters import FULL_TEXT, single_valued
from fhir_server.search.sort_path import sort_path
from fhir_server.search.terms import leaves
from fhir_server.search.timeline import TIMELINE
from fhir_server.search.values import split_values

Total = Literal["none", "estimate", "accurate"]
_T = TypeVar("_T", bound=str)

MAX_PARAMETERS = 100
MAX_VALUES = 10_000
MAX_INCLUDES = 20
MAX_SORT_KEYS = 8

_IGNORED = frozenset({"_format", "_pretty"})
_SUMMARIES = ("true", "text", "data", "count", "false")
_TOTALS: tuple[Total, ...] = ("none", "estimate", "accurate")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of _sort."""

    code: str
    descending: bool


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search, resolved."""

    types: tuple[str, ...]
    """The types searched; all 146 in a system search without _type."""
    criteria: tuple[Criterion, ...] = ()
    includes: tuple[Include, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = 20
    """0: only the number of matches is asked for."""
    total: Total = "none"
    summary: str | None = None
    """true, text or data; count is `count == 0`, false is None."""
    elements: tuple[str, ...] = ()
    explain: bool = False
    cursor: str | None = None
    alone: bool = False
    """Contained resources are shown without what contains them."""
    pretty: bool = False
    words: bool = False
    """Any of the criteria asks for words (_text, _content), in a chain or filter too."""
    used: tuple[tuple[str, str], ...] = ()
    """Parameters that took effect, for the links; without the cursor."""
    ignored: tuple[Issue, ...] = ()
    """Warnings about parameters left out because the client is lenient."""

    @property
    def exact(self) -> bool:
        """The number of matches is asked for, and no estimate of it."""
        return self.count == 0 or self.total == "accurate"

    @property
    def contained(self) -> bool:
        """Contained resources are searched, be it beside others."""
        return is_contained(self.types[-1:])


@dataclass(slots=True)
class _Reading:
    """What has been read of the query so far."""

    types: tuple[str, ...]
    criteria: list[Criterion]
    includes: list[Include]
    once: dict[str, str]
    lists: list[str]
    values: int = 0


def parse_query(
    resource_type: str | None,
    parameters: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    default_count: int = 20,
    max_count: int = 1000,
    within: Sequence[str] | None = None,
    full_text: bool | None = None,
    contained: bool = False,
) -> SearchQuery:
    """The search that the parameters ask of a type (None: of the system).

    Raises Invalid for what is unknown, malformed or beyond a limit; with `lenient`, unknown parameters and modifiers
    are left out and named in `ignored`. `within`: the types a compartment can hold. `full_text`: whether _text and
    _content are switched on; None where they cannot be used at all.
    `contained`: contained resources may be searched too.
    """
    if len(parameters) > MAX_PARAMETERS:
        raise Invalid(f"a search has at most {MAX_PARAMETERS} parameters", code="too-costly")
    types = _with_contained(_types(resource_type, parameters, within), parameters, contained and within is None)
    reading = _Reading(types, [], [], {}, [])
    used: list[tuple[str, str]] = []
    ignored: list[Issue] = []
    for name, value in parameters:
        try:
            _read(reading, name, value)
        except UnknownParameter as error:
            if not lenient:
                raise
            ignored.append(Issue("not-supported", f"ignored: {error}", severity="warning"))
            continue
        if name not in _IGNORED and name != "_cursor":
            used.append((name, value))
    lists = [list_criterion(reading.types, tuple(one.split(",")), reading.criteria) for one in reading.lists]
    words = _asks_for_words(reading.criteria)
    if words and not full_text:
        raise Invalid(f"_text and _content {_NO_FULL_TEXT[full_text]}", code="not-supported")
    once = reading.once
    summary = once.get("_summary")
    count = _count(once.get("_count"), default_count, max_count)
    if summary == "count":
        count = 0
    elements = tuple(part.strip() for part in once.get("_elements", "").split(",") if part.strip())
    if elements and summary not in (None, "false"):
        raise Invalid("_elements and _summary cannot be combined", code="invalid")
    return SearchQuery(
        reading.types,
        (*reading.criteria, *lists),
        tuple(reading.includes),
        _sort(reading.types, once.get("_sort", "")) or _by_range(reading, compartment=within is not None),
        count,
        _one_of("_total", once.get("_total", "none"), _TOTALS),
        None if summary in ("false", "count") else summary,
        elements,
        once.get("_explain") == "true",
        once.get("_cursor"),
        once.get("_containedType") == "contained",
        once.get("_pretty") == "true",
        words,
        tuple(used),
        tuple(ignored),
    )


_NO_FULL_TEXT: dict[bool | None, str] = {
    False: "are switched off on this server; HUB_FULL_TEXT=true switches them on",
    None: "can be used in a search only: what they find comes a moment after what was written",
}


def _asks_for_words(criteria: Sequence[Criterion]) -> bool:
    found = (leaf for criterion in criteria for node in criterion.nodes.values() for leaf in leaves(node))
    return any(leaf.parameter.code in FULL_TEXT for leaf in found)


def _types(
    resource_type: str | None, parameters: Sequence[tuple[str, str]], within: Sequence[str] | None
) -> tuple[str, ...]:
    asked: list[str] = []
    for name, value in parameters:
        if name == "_type":
            if resource_type is not None:
                raise Invalid("_type belongs to a search of the whole system", code="invalid")
            asked.extend(part for part in value.split(",") if part)
    for name in asked:
        if name not in TYPE_ID:
            raise Invalid("_type names an unknown resource type", code="value")
    if resource_type is not None:
        return (resource_type,)
    possible = RESOURCE_TYPES if within is None else tuple(within)
    return tuple(one for one in dict.fromkeys(asked) if one in possible) or possible


def _with_contained(types: tuple[str, ...], parameters: Sequence[tuple[str, str]], possible: bool) -> tuple[str, ...]:
    """The types, or "#Type" for those that are contained, or both, as _contained says."""
    asked = dict(parameters)
    wanted = asked.get("_contained", "false")
    if wanted not in ("true", "both"):
        return types
    if not possible:
        raise Invalid("_contained: contained resources can be searched for by type or in the whole record, not here")
    if "_sort" in asked and asked.get("_containedType") != "contained":
        raise Invalid("_sort: what contains the resources has no such order; possible with _containedType=contained")
    marked = tuple(MARK + one for one in types)
    return marked if wanted == "true" else types + marked


def _read(reading: _Reading, name: str, value: str) -> None:
    """Takes one parameter in. Raises UnknownParameter if it means nothing here, Invalid if it is wrong."""
    control = _CONTROLS.get(name)
    if control is not None:
        if name in reading.once and name not in _IGNORED and name != "_type":
            raise Invalid(f"{name} may be given once", code="invalid")
        reading.once[name] = control(name, value)
        return
    head, _, modifier = name.partition(":")
    if head in ("_include", "_revinclude"):
        if modifier not in ("", "iterate", "recurse"):
            raise UnknownParameter(f"{head} has no modifier of this name; possible: iterate")
        reading.includes.append(include_of(reading.types, value, reverse=head == "_revinclude", iterate=bool(modifier)))
        if len(reading.includes) > MAX_INCLUDES:
            raise Invalid(f"a search has at most {MAX_INCLUDES} _include and _revinclude", code="too-costly")
        return
    if name == "_list":
        reading.lists.append(value)
        return
    if name == "_filter":
        reading.criteria += filter_criteria(reading.types, value)
        return
    found = criterion(reading.types, name, tuple(split_values(value)))
    reading.values += len(found.values)
    if reading.values > MAX_VALUES:
        raise Invalid(f"a search has at most {MAX_VALUES} values", code="too-costly")
    reading.criteria.append(found)


def _text(name: str, value: str) -> str:
    return value


def _flag(name: str, value: str) -> str:
    return _one_of(name, value, ("true", "false"))


def _contained(name: str, value: str) -> str:
    return _one_of(name, value, ("false", "true", "both"))


def _contained_type(name: str, value: str) -> str:
    return _one_of(name, value, ("container", "contained"))


def _summary(name: str, value: str) -> str:
    return _one_of(name, value, _SUMMARIES)


_CONTROLS: dict[str, Callable[[str, str], str]] = {
    "_count": _text, "_sort": _text, "_total": _text, "_summary": _summary, "_elements": _text, "_type": _text,
    "_explain": _flag, "_cursor": _text, "_contained": _contained, "_containedType": _contained_type,
    "_format": _text, "_pretty": _text,
}  # fmt: skip
"""Parameters about the result, each with a check of its value."""

RESULT_PARAMETERS: tuple[str, ...] = (*_CONTROLS, "_include", "_revinclude")


def _one_of(name: str, value: str, possible: Sequence[_T]) -> _T:
    for one in possible:
        if one == value:
            return one
    raise Invalid(f"{name} is one of {', '.join(possible)}", code="value")


def _count(value: str | None, default: int, maximum: int) -> int:
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid("_count is a whole number, 0 or more", code="value")
    # The specification lets a server return fewer than asked, and the link to the rest follows.
    return min(int(value), maximum)


def _by_range(reading: _Reading, *, compartment: bool) -> tuple[SortKey, ...]:
    """The order of a search that asks for none but for a range of dates by which its type is ordered: newest first.

    The standard leaves that order to the server. The page is one range of an index then, however old the dates. What
    is in a compartment is few by itself, and of several types no index has it in another order.
    """
    if compartment and len(reading.types) > 1:
        return ()
    for one in reading.criteria:
        node = one.nodes[reading.types[0]]
        if not isinstance(node, Leaf) or node.negated or node.modifier or len(node.values) != 1:
            continue
        if node.values[0].startswith("ap"):
            continue
        own = node.parameter.code == "_lastUpdated"
        timeline = len(reading.types) == 1 and node.parameter.code == TIMELINE.get(node.resource_type)
        if own or (timeline and single_valued(node.parameter)):
            return (SortKey(node.parameter.code, True),)
    return ()


def _sort(types: tuple[str, ...], value: str) -> tuple[SortKey, ...]:
    keys: dict[str, SortKey] = {}
    for part in value.split(","):
        code = part.strip().removeprefix("-")
        if not code:
            continue
        for resource_type in types:
            sort_path(resource_type, code)
        keys.setdefault(code, SortKey(code, part.strip().startswith("-")))
    if len(keys) > MAX_SORT_KEYS:
        raise Invalid(f"_sort takes at most {MAX_SORT_KEYS} keys", code="too-costly")
    return tuple(keys.values())
