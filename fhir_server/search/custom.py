"""SearchParameter resources as parameters this server indexes: which can be, and what each becomes. https://hl7.org/fhir/R4/searchparameter.html

Pure. A plain path is walked as R4's own are; any other FHIRPath is evaluated on each resource. What an expression may
select is known from the types of R4, so that a parameter that would never find anything is refused when it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.definitions import is_a
from fhir_server.fhirpath import FhirPathError, compile_expression
from fhir_server.fhirpath.checker import check_expression, result_types
from fhir_server.outcome import Issue
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search import by_composite, by_date, by_number, by_quantity, by_string, by_token
from fhir_server.search.by_uri import URI_TYPES
from fhir_server.search.parameters import (
    COLUMN,
    DECEASED,
    Component,
    SearchParameter,
    Table,
    by_url,
    own_branches,
    own_leaves,
    shipped,
    targets_of,
)
from fhir_server.search.paths import Leaf

INDEXED: dict[str, frozenset[str]] = {
    "token": frozenset(by_token.PAIRS),
    "date": frozenset(by_date.RANGE),
    "number": frozenset(by_number.RANGE),
    "quantity": frozenset(by_quantity.BANDS),
    "string": frozenset(by_string.TEXTS),
    "uri": URI_TYPES,
    "reference": URI_TYPES | {"Reference", "Resource"},
}
"""Parameter type -> FHIR types of the elements it can index."""

COMMON = ("Resource", "DomainResource")
_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}")
_RESERVED = frozenset(
    ("_id", "_lastUpdated", "_count", "_sort", "_total", "_summary", "_elements", "_type", "_explain", "_cursor",
     "_contained", "_containedType", "_format", "_pretty", "_include", "_revinclude", "_has", "_filter", "_text",
     "_content", "_list", "_query", "_in", "_since", "_at")
)  # fmt: skip
_LARGEST = 10_000
"""Characters of an expression."""

Row = dict[str, Any]
"""What of a SearchParameter counts here: url, code, type, base, expression, target, component; as `definitions` has it,
but a component carries what its definition said: code, type, expression, target."""


def row_of(resource: Mapping[str, Any], table: Table) -> Row | None:
    """What an active SearchParameter asks to have indexed; None if that is nothing: a draft, or R4's own again.

    One that is retired and has the URL of a parameter of R4 switches that off: then `off` is true. The resource must be
    free of `problems`.
    """
    url, status = resource.get("url"), resource.get("status")
    own = by_url().get(str(url))
    if _is_r4s(resource):
        return None
    if status == "retired" and own is not None:
        return {"url": url, "code": own["code"], "type": own["type"], "base": own["base"], "off": True}
    if status != "active":
        return None
    row: Row = {name: resource[name] for name in ("url", "code", "type", "base")}
    row["base"] = sorted(set(row["base"]))
    row["expression"] = resource.get("expression", "")
    if resource["type"] == "reference" and resource.get("target"):
        row["target"] = sorted(set(resource["target"]))
    if resource["type"] == "composite":
        row["component"] = [_component(one, table) for one in resource.get("component", ())]
    return row


def _is_r4s(resource: Mapping[str, Any]) -> bool:
    """Whether an active SearchParameter asks for what R4's own of that url, or the one it is derived from, does."""
    own = by_url().get(str(resource.get("url"))) or by_url().get(str(resource.get("derivedFrom")))
    if own is None or resource.get("status") != "active":
        return False
    if (own["code"], own["type"]) != (resource.get("code"), resource.get("type")) or "component" in own:
        return False
    if own["code"] in COLUMN:
        return True
    expression, bases = resource.get("expression"), resource.get("base", ())
    return isinstance(expression, str) and all(
        base in own["base"] and _own(expression, base) == _own(own.get("expression", ""), base) for base in bases
    )


def _component(component: Mapping[str, Any], table: Table) -> Row:
    defined = table.rows.get(component["definition"]) or by_url()[component["definition"]]
    return {
        "code": defined["code"],
        "type": defined["type"],
        "expression": component["expression"],
        "target": list(targets_of(defined)),
    }


def types_of(base: str) -> tuple[str, ...]:
    """The types a base stands for: itself, or all that specialise it, and then those common to all."""
    if base not in COMMON:
        return (base,)
    return tuple(name for name in RESOURCE_TYPES if is_a(name, base)) + (("Resource",) if base == "Resource" else ())


def parameters(row: Row, id: int) -> Iterator[SearchParameter]:
    """The parameter of each of its types; `id` distinguishes its rows from those of any other definition."""
    for name in dict.fromkeys(one for base in row["base"] for one in types_of(base)):
        own = _own(row["expression"], name)
        components = tuple(
            Component(one["code"], one["type"], one["expression"], tuple(one["target"]))
            for one in row.get("component", ())
        )
        leaves, evaluated = _selected(own, name)
        yield SearchParameter(
            resource_type=name,
            code=row["code"],
            type=row["type"],
            url=row["url"],
            expression=row["expression"],
            types_of_target=targets_of(row),
            components=components,
            leaves=leaves or tuple(Leaf((), one) for one in _evaluated_types(evaluated or "", name, row["type"])),
            names=(f"{row['code']}@{id}",),
            custom=True,
            evaluated=evaluated,
        )


def _own(expression: str, resource_type: str) -> frozenset[str]:
    """The sides of the expression that concern the type."""
    if expression == DECEASED:
        return frozenset((expression,)) if resource_type == "Patient" else frozenset()
    return own_branches({"expression": expression}, resource_type)


def _selected(own: frozenset[str], resource_type: str) -> tuple[tuple[Leaf, ...], str | None]:
    """The leaves of a plain path, or the FHIRPath to evaluate."""
    if not own:
        return (), None
    try:
        return own_leaves(own, resource_type), None
    except (ValueError, KeyError, IndexError):
        return (), " | ".join(sorted(own))


def _evaluated_types(expression: str, resource_type: str, kind: str) -> tuple[str, ...]:
    """Types the result of an expression may have, of those the parameter type can index."""
    if not expression:
        return ()
    found = result_types(compile_expression(expression), resource_type)
    return tuple(sorted(INDEXED[kind] if found is None else INDEXED[kind] & found))


def problems(resource: Mapping[str, Any], table: Table) -> list[Issue]:
    """Why this server cannot index a SearchParameter that is active; none for any other, which is only stored."""
    if resource.get("status") != "active":
        return []
    return list(_problems(resource, table))


def _issue(code: str, reason: str, element: str) -> Issue:
    return Issue(code, reason, (f"SearchParameter.{element}",))


def _problems(resource: Mapping[str, Any], table: Table) -> Iterator[Issue]:
    kind, code = resource.get("type"), str(resource.get("code"))
    if _is_r4s(resource):
        return
    if not _CODE.fullmatch(code) or code in _RESERVED:
        yield _issue("value", "a code by which one can search has letters, digits, - and _, and is no word of search "
                     "itself", "code")  # fmt: skip
    if kind == "special":
        yield _issue("not-supported", "parameters of type special cannot be defined here", "type")
        return
    bases = [base for base in resource.get("base", ()) if base in TYPE_ID or base in COMMON]
    if len(bases) < len(resource.get("base", ())) or not bases:
        yield _issue("value", "a base is a resource type of R4, or Resource", "base")
    yield from _taken(resource, bases, table)
    expression = resource.get("expression")
    if not isinstance(expression, str) or not 0 < len(expression) <= _LARGEST:
        yield _issue("required", f"an active parameter needs an expression of 1 to {_LARGEST} characters", "expression")
        return
    if kind == "composite":
        components = resource.get("component", ())
        if not (yield from _components(components, table)):
            return
        yield from _composite(resource, bases, table)
        return
    for base in bases:
        yield from _indexable(str(kind), expression, base)


def _taken(resource: Mapping[str, Any], bases: list[str], table: Table) -> Iterator[Issue]:
    """Others that have the URL, or the code of a base."""
    url, code = str(resource.get("url")), str(resource.get("code"))
    replaced = (url, resource.get("derivedFrom"))
    holder = table.urls.get(url)
    if holder is not None and holder != resource.get("id"):
        yield _issue("duplicate", "another SearchParameter with this url is in force", "url")
    for base in bases:
        held = table.codes.get((base, code))
        other = next(
            (one for one in types_of(base) if (known := shipped(one).get(code)) and known.url not in replaced), None
        )
        if held is not None and held != resource.get("id"):
            yield _issue("duplicate", f"another active SearchParameter has this code for {base}", "code")
        elif other is not None:
            reason = f"{other} has this code in R4; only one with its url, or derivedFrom it, takes its place"
            yield _issue("duplicate", reason, "code")


def _indexable(kind: str, expression: str, base: str) -> Iterator[Issue]:
    """Why the expression selects nothing of the base that the type could index."""
    own = _own(expression, base)
    if not own:
        yield _issue("value", f"the expression selects nothing of {base}", "expression")
        return
    leaves, evaluated = _selected(own, base)
    if evaluated is None:
        if not any(leaf.data_type in INDEXED[kind] for leaf in leaves):
            yield _issue("value", f"what the expression selects of {base} is no {kind}", "expression")
        return
    try:
        compiled = compile_expression(evaluated)
        check_expression(compiled, base)
        found = result_types(compiled, base)
    except FhirPathError as error:
        yield _issue("invalid", f"the expression cannot be evaluated on {base}: {error}", "expression")
        return
    if found is not None and not found & INDEXED[kind]:
        yield _issue("value", f"what the expression selects of {base} is no {kind}", "expression")


def _components(components: list[Mapping[str, Any]], table: Table) -> Any:
    """Issues of the components' definitions; true if there are none."""
    found: list[Issue] = []
    if not 2 <= len(components) <= 3:
        found.append(_issue("value", "a composite has two components here, or three", "component"))
    for number, component in enumerate(components):
        where = f"component[{number}]"
        defined = table.rows.get(component.get("definition", "")) or by_url().get(component.get("definition", ""))
        if defined is None:
            found.append(
                _issue("not-found", "names no parameter of R4 and no active SearchParameter", f"{where}.definition")
            )
            continue
        kinds = ("token",) if number == 0 else ("number",) if number == 2 else tuple(by_composite.CELLS)
        if defined["type"] not in kinds:
            found.append(_issue("not-supported", f"component {number + 1} of a composite is a {' or '.join(kinds)}",
                                f"{where}.definition"))  # fmt: skip
    yield from found
    return not found


def _composite(resource: Mapping[str, Any], bases: list[str], table: Table) -> Iterator[Issue]:
    """Paths of a composite that are beyond walking, or select nothing its components could index."""
    for base in bases:
        leaves, evaluated = _selected(_own(resource["expression"], base), base)
        if evaluated is not None or not leaves:
            yield _issue("not-supported", f"the expression of a composite is a plain path of {base} here", "expression")
            continue
        for number, component in enumerate(resource["component"]):
            made = _component(component, table)
            part = Component(made["code"], made["type"], made["expression"])
            where = f"component[{number}].expression"
            try:
                selected = [
                    leaf for start in leaves for leaf in by_composite.component_leaves(part, base, start.data_type)
                ]
            except (ValueError, KeyError, IndexError):
                yield _issue("not-supported", "a component's expression is a plain path from the composite's element",
                             where)  # fmt: skip
                continue
            if any(move[0] != "key" for leaf in selected for move in leaf.moves) or any(
                not leaf.moves for leaf in selected
            ):
                yield _issue("not-supported", "a component's expression names elements, without where() here", where)
            elif not any(leaf.data_type in INDEXED[part.type] for leaf in selected):
                yield _issue("value", f"what the component selects is no {part.type}", where)
