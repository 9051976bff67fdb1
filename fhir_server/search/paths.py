"""Search parameter expressions as paths through JSON, resolved against the types of R4. https://hl7.org/fhir/R4/searchparameter.html

The expressions of R4 use a small part of FHIRPath: names, `as`, `ofType`, `where` with one comparison, `extension`,
an index. A path becomes the JSON names it walks, one `Leaf` per name and type that a choice element may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from fhir_server.definitions import is_a, structure

Move = tuple[Literal["key", "first"], str] | tuple[Literal["equals", "extended"], str, str]
"""("key", "code"): into a member; ("first", "entry"): into the first item of one; ("equals", "system", "email"): stay
where a member has a value; ("extended", "extension", url): stay where such an extension is."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One kind of element an expression selects."""

    moves: tuple[Move, ...]
    data_type: str
    """"CodeableConcept", "dateTime", "Resource", "Observation.component"."""
    targets: tuple[str, ...] = ()
    """Of Reference and canonical: types the element may point to."""
    value_set: str | None = None
    """Required binding of a code."""
    resolves_to: str | None = None
    """Only references to this type: `where(resolve() is Patient)`."""


_TOKEN = re.compile(
    r"""(?P<where>where\(\s*(?:resolve\(\)\s+is\s+(?P<resolved>\w+)
          |(?P<member>\w+)\s*=\s*'(?P<equal>[^']*)'
          |hasExtension\('(?P<extended>[^']*)'\))\s*\))
      |(?P<of>(?:as|ofType)\(\s*(?P<type>\w+)\s*\))
      |(?P<extension>extension\('(?P<url>[^']*)'\))
      |(?P<name>%?\w+)(?:\[(?P<index>0)\])?""",
    re.VERBOSE,
)
_AS = re.compile(r"\((?P<path>[^()]+?)\s+as\s+(?P<type>\w+)\)(?P<rest>.*)\Z", re.DOTALL)
_INFIX_AS = re.compile(r"(?P<path>[\w.]+)\s+as\s+(?P<type>\w+)\Z")


def branches(expression: str) -> tuple[str, ...]:
    """The sides of a union, each as `path.as(Type)...` without outer parentheses."""
    found, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(expression):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == "|" and depth == 0:
                found.append(expression[start:position])
                start = position + 1
    found.append(expression[start:])
    return tuple(_plain(branch.strip()) for branch in found)


def _plain(branch: str) -> str:
    cast = _AS.match(branch) or _INFIX_AS.match(branch)
    if cast:
        rest = cast["rest"] if "rest" in cast.groupdict() else ""
        return f"{cast['path']}.as({cast['type']}){rest}"
    if branch.startswith("(") and branch.endswith(")"):
        return _plain(branch[1:-1].strip())
    return branch


def leaves(branch: str, start: str, *, rooted: bool = True) -> list[Leaf]:
    """What a branch selects, walking from the type `start`.

    `rooted`: the branch begins with the name of the type itself (`Observation.code`); if not, it is relative (`code`).
    Raises ValueError for an expression beyond the ones R4 uses.
    """
    found = [Leaf((), start)]
    for number, token in enumerate(_tokens(branch)):
        if number == 0 and rooted:
            continue
        if token["where"]:
            found = [_where(leaf, token) for leaf in found]
        elif token["of"]:
            wanted = token["type"].lower()  # R4 itself writes as(DateTime) for dateTime
            found = [leaf for leaf in found if leaf.data_type.lower() == wanted]
        elif token["extension"]:
            extended = [step for leaf in found for step in _step(leaf, "extension", False)]
            found = [
                value
                for leaf in extended
                for value in _step(replace(leaf, moves=(*leaf.moves, ("equals", "url", token["url"]))), "value", False)
            ]
        else:
            found = [step for leaf in found for step in _step(leaf, token["name"], token["index"] is not None)]
    return found


def _tokens(branch: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(branch):
        token = _TOKEN.match(branch, position)
        if token is None or (token.end() < len(branch) and branch[token.end()] != "."):
            raise ValueError(f"not a path this server can index: {branch}")
        yield token
        position = token.end() + 1


def _where(leaf: Leaf, token: re.Match[str]) -> Leaf:
    if token["resolved"]:
        return replace(leaf, resolves_to=token["resolved"])
    if token["member"]:
        return replace(leaf, moves=(*leaf.moves, ("equals", token["member"], token["equal"])))
    return replace(leaf, moves=(*leaf.moves, ("extended", "extension", token["extended"])))


def _step(leaf: Leaf, name: str, first: bool) -> list[Leaf]:
    elements = structure(leaf.data_type).elements
    # FHIRPath says value.ofType(dateTime); some implementation guides name the JSON member: valueDateTime.
    element = elements.get(name) or next((one for one in elements.values() if name in one.json_names()), None)
    if element is None:
        raise ValueError(f"{leaf.data_type} has no element {name}")
    return [
        Leaf(
            (*leaf.moves, ("first" if first else "key", json_name)),
            kind.code,
            kind.targets,
            element.value_set if kind.code == "code" else None,
        )
        for json_name, kind in element.json_names().items()
        if name in (element.name, json_name)
    ]


def is_resource(data_type: str) -> bool:
    """Whether a leaf is a whole resource (Bundle.entry.resource)."""
    return "." not in data_type and is_a(data_type, "Resource")
