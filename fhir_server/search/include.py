"""_include and _revinclude: what else a page brings, and the SQL that finds it. https://hl7.org/fhir/R4/search.html#include"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.outcome import Invalid
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.contained import MARK, plain
from fhir_server.search.criteria import UnknownParameter, unknown
from fhir_server.search.links import REFERENCE, link
from fhir_server.search.parameters import SearchParameter, parameters_of, search_parameter
from fhir_server.statement import Parameters

MAX_INCLUDED = 1000
"""Resources brought along per page; what is beyond is left out and said."""


@dataclass(frozen=True, slots=True)
class Include:
    """One _include or _revinclude, resolved to the reference parameters it follows."""

    param_ids: tuple[int, ...]
    tables: tuple[str, ...]
    """Where these lead along: see links.py."""
    target: str | None
    """Only referred-to resources of this type (_include), only if the page's type is this one (_revinclude)."""
    reverse: bool
    iterate: bool
    brings: tuple[str, ...] | None = None
    """The types it leads to; None: any."""


def include_of(types: Sequence[str], value: str, *, reverse: bool, iterate: bool) -> Include:
    """The include that `Type:parameter`, `Type:parameter:target`, `Type:*` or `*` asks for.

    Raises UnknownParameter for an unknown type or parameter, Invalid for a malformed value.
    """
    name = "_revinclude" if reverse else "_include"
    # Where it begins with the page, that says what is referred to.
    to = types if reverse and types and not iterate else None
    parts = value.split(":")
    if parts == ["*"]:
        types, named = list(map(plain, types)), types
        sources = RESOURCE_TYPES if reverse or iterate else tuple(named)
        followed = [one for source in sources for one in _references(source, types if reverse else None)]
        return _include(followed, None, to, reverse, iterate)
    if len(parts) not in (2, 3) or not all(parts):
        raise Invalid(f"{name} is written [type]:[parameter] or [type]:[parameter]:[target type]", code="value")
    source, code = parts[:2]
    target = parts[2] if len(parts) == 3 else None
    if source not in TYPE_ID or (target is not None and target not in TYPE_ID):
        raise UnknownParameter(f"{name} names an unknown resource type")
    if code == "*":
        return _include(_references(source, None), target, to, reverse, iterate)
    parameter, within = search_parameter(source, code), search_parameter(MARK + source, code)
    if parameter is None or parameter.type != "reference":
        raise unknown(source, code, f"{name}: {source} has no reference parameter '{code[:64]}'")
    if target is not None and target not in parameter.types_of_target:
        raise UnknownParameter(f"{name}: {source}.{code} does not refer to {target}")
    followed = [parameter, *([within] if within and MARK + source in types else [])]
    return _include(followed, target, to, reverse, iterate)


def _include(
    followed: Sequence[SearchParameter], target: str | None, to: Sequence[str] | None, reverse: bool, iterate: bool
) -> Include:
    """`to`: the types that are referred to, where that is known beside `target`."""
    tables = tuple(dict.fromkeys(map(link, followed))) or (REFERENCE,)
    to = (target,) if target is not None else to
    numbers = (number for one in followed for number in (one.param_ids if to is None else one.ids_to(to)))
    brings = (target,) if target and not reverse else _led_to(followed, reverse=reverse)
    return Include(tuple(dict.fromkeys(numbers)), tables, target, reverse, iterate, brings)


def _led_to(followed: Sequence[SearchParameter], *, reverse: bool) -> tuple[str, ...] | None:
    """The types that references lead to, or (`reverse`) come from; None: any."""
    found: dict[str, None] = {}
    for one in followed:
        if not reverse and not one.types_of_target:
            return None
        found |= dict.fromkeys((plain(one.resource_type),) if reverse else one.types_of_target)
    return tuple(found)


def brought_types(includes: Sequence[Include]) -> tuple[str, ...] | None:
    """The types that the includes can bring; None: any."""
    found: dict[str, None] = {}
    for one in includes:
        if one.brings is None:
            return None
        found |= dict.fromkeys(one.brings)
    return tuple(found)


def _references(source: str, to: Sequence[str] | None) -> list[SearchParameter]:
    """Reference parameters of a type; with `to`, those that may refer to one of these types."""
    return [
        parameter
        for parameter in parameters_of(source).values()
        if parameter.type == "reference" and (to is None or any(one in parameter.types_of_target for one in to))
    ]


def _step(include: Include, rid: str, parameters: Parameters) -> str:
    """SQL: the rids one step from `rid`."""
    numbers = parameters.add("{" + ",".join(map(str, include.param_ids)) + "}", "integer[]")
    typed = ""
    if include.target is not None:
        checked = rid if include.reverse else "x.target_rid"
        number = parameters.add(TYPE_ID[include.target], "smallint")
        typed = f" and exists (select from resource y where y.rid = {checked} and y.type_id = {number})"
    near, far = ("target_rid", "rid") if include.reverse else ("rid", "target_rid")
    where = f"x.{near} = {rid} and x.param_id = any({numbers}){typed}"
    return " union all ".join(f"select x.{far} from {table} x where {where}" for table in include.tables)


def included(includes: Sequence[Include], visible: str, parameters: Parameters) -> str:
    """SQL of the recursive table `included(rid)`: everything the rows of `shown(rid)` bring, to the fixpoint.

    `visible` is the condition on `resource v` under which a step may be taken and shown. Iterating includes start
    from what was brought as well; a table without duplicates ends by itself, and the limit of its reader ends it early.
    """
    seen = f"exists (select from resource v where v.rid = s.rid and v.body is not null and {visible})"
    first = " union all ".join(_step(include, "p.rid", parameters) for include in includes)
    # What several of the page lead to is looked at once.
    found = f"select distinct x.rid from shown p cross join lateral ({first}) x(rid)"
    start = f"select s.rid from ({found}) s where {seen}"
    again = [include for include in includes if include.iterate]
    if not again:
        return f"included(rid) as ({start})"
    further = " union all ".join(_step(include, "i.rid", parameters) for include in again)
    step = f"select s.rid from included i cross join lateral ({further}) s(rid) where {seen}"
    return f"included(rid) as ({start} union {step})"
