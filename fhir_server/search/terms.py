"""Looks up what criteria ask of terminology before their SQL is written. https://hl7.org/fhir/R4/search.html#token

`:in` and `:not-in` name a value set, `:above` and `:below` of a token a code, `:code-text` what a code begins with:
their leaves are given the codes meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fhir_server.definitions import value_set
from fhir_server.outcome import Invalid, Issue
from fhir_server.search.code_text import beginning
from fhir_server.search.criteria import All, Chain, Criterion, Leaf, Node, Not, Reverse, Some
from fhir_server.search.present import LARGE, narrowed, present
from fhir_server.search.values import split_parts, unescape
from fhir_server.terminology.members import Members, Reader
from smart_auth.scopes import Access

MODIFIERS = frozenset(("in", "above", "below", "code-text"))
"""Modifiers of tokens whose codes are looked up; :not-in is a negated :in."""

_Asked = tuple[str, str, str]
"""Modifier, then "" and value set, or system and code, or parameter and beginning."""

_Found = dict[tuple[_Asked, tuple[int, ...]], Members]
"""What is asked, and param_id of whose codes -> the codes meant."""


def ask_terminology(criteria: Sequence[Criterion]) -> bool:
    """Whether any of the criteria has to be looked up."""
    return any(_asks(leaf) for criterion in criteria for node in criterion.nodes.values() for leaf in leaves(node))


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves at and below a node."""
    match node:
        case Leaf():
            yield node
        case Chain():
            for _, below in node.targets:
                yield from leaves(below)
        case Reverse() | Not():
            yield from leaves(node.node)
        case All() | Some():
            for one in node.nodes:
                yield from leaves(one)


async def looked_up(criteria: Sequence[Criterion], reader: Reader, access: Access, base: str) -> tuple[Criterion, ...]:
    """The criteria with codes for every leaf that asks for them: a round trip for each value set or code.

    Raises Invalid for a value set or code system that is not here or cannot be evaluated, with the reason.
    """
    answers: dict[_Asked, Members] = {}
    codes: dict[tuple[int, ...], list[int] | None] = {}
    found: _Found = {}
    for leaf in (leaf for criterion in criteria for node in criterion.nodes.values() for leaf in leaves(node)):
        for asked in _questions(leaf) if _asks(leaf) else ():
            if asked not in answers:
                answers[asked] = await _answer(asked, leaf, reader, access, base)
            members, ids = answers[asked], leaf.parameter.param_ids
            if sum(len(each.hashes) for each in members) > LARGE:
                if ids not in codes:
                    codes[ids] = await present(reader, leaf.parameter)
                members = members if (few := codes[ids]) is None else narrowed(members, few)
            found[asked, ids] = members
    return tuple(
        replace(criterion, nodes={name: _with_codes(node, found) for name, node in criterion.nodes.items()})
        for criterion in criteria
    )


def _asks(leaf: Leaf) -> bool:
    return leaf.parameter.type == "token" and leaf.modifier in MODIFIERS


def _questions(leaf: Leaf) -> list[_Asked]:
    return [_question(leaf, value) for value in leaf.values]


def _question(leaf: Leaf, value: str) -> _Asked:
    modifier = str(leaf.modifier)
    if modifier == "in":
        return modifier, "", unescape(value)
    if modifier == "code-text":
        return modifier, f"{leaf.resource_type}.{leaf.parameter.code}", value
    parts = split_parts(value)
    if len(parts) == 1:
        # An element of type code has the system of its value set.
        urls = {each.value_set for each in leaf.parameter.leaves if each.data_type == "code" and each.value_set}
        systems = {system for url in urls for system in value_set(url) or ()}
        if len(systems) == 1:
            return modifier, systems.pop(), parts[0]
    if len(parts) != 2 or not all(parts):
        raise Invalid(f"search parameter '{leaf.parameter.code}:{modifier}' wants system|code", code="value")
    return modifier, parts[0], parts[1]


async def _answer(asked: _Asked, leaf: Leaf, reader: Reader, access: Access, base: str) -> Members:
    modifier, system, value = asked
    place = f"search parameter '{leaf.parameter.code}:{'not-in' if leaf.negated else modifier}'"
    if "\0" in system + value:
        raise Invalid(f"{place}: the value is no uri", code="value")
    try:
        if modifier == "in":
            return await reader.expansions.members(reader, access, base, value)
        if modifier == "code-text":
            return await beginning(reader, access, leaf.parameter, value)
        return await reader.expansions.related(reader, access, system, value, above=modifier == "above")
    except Invalid as error:
        raise Invalid([Issue(one.code, f"{place}: {one.diagnostics}") for one in error.issues]) from None


def _with_codes(node: Node, found: _Found) -> Node:
    match node:
        case Leaf() if _asks(node):
            return replace(node, codes=tuple(found[asked, node.parameter.param_ids] for asked in _questions(node)))
        case Chain():
            return replace(node, targets=tuple((name, _with_codes(below, found)) for name, below in node.targets))
        case Reverse() | Not():
            return replace(node, node=_with_codes(node.node, found))
        case All() | Some():
            return replace(node, nodes=tuple(_with_codes(one, found) for one in node.nodes))
    return node
