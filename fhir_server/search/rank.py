"""How well a criterion leads: whether its resources can be read as a set, and how few they are, judged by its kind."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.contained import MARK
from fhir_server.search.criteria import All, Between, Chain, Leaf, Member, Node, Not, Reverse, Some
from fhir_server.search.presence import of_r4

MAX_BRANCHES = 16
"""Alternatives of the driving criterion that are read apart; more are put into one condition."""

NEVER = 10
POINTS = frozenset({"_id", "identifier"})
_RANKS: dict[str, int] = {
    "reference": 2, "token": 3, "uri": 3, "composite": 4, "special": 4, "string": 5, "quantity": 6, "number": 6,
    "date": 6,
}  # fmt: skip


def rank(node: Node) -> int:
    """How well a node leads: few rows and rid order first. The planner may still turn the order around."""
    match node:
        case Leaf() if of_r4(node):
            return 8
        case Leaf(negated=True) | Not():
            return NEVER
        case Leaf():
            if node.parameter.code in POINTS and node.values:
                return 0 if node.parameter.column else 1
            if node.parameter.column:
                return 9
            return _RANKS[node.parameter.type] + (0 if node.values else 4)
        case Member():
            return 2
        case Chain():
            return 8 if any(isinstance(below, Leaf) and not readable(below) for _, below in node.targets) else 4
        case Reverse() if named(node):
            return 2
        case Between():
            return 5
        case Reverse():
            return 6  # three rows are read for each
        case All():
            return min(map(rank, node.nodes))
        case Some():
            return max(map(rank, node.nodes))


def by_size(nodes: Sequence[Node]) -> list[Node]:
    """The nodes that can be read as sets, those that leave few resources first as far as their kinds tell."""
    return sorted((node for node in nodes if readable(node)), key=rank)


def readable(node: Node) -> bool:
    """Whether the node's resources are a set of index rows."""
    match node:
        case Leaf():
            return not node.negated or of_r4(node)
        case Chain():
            targets = sum(target[0] != MARK for target, _ in node.targets)
            return targets <= MAX_BRANCHES and all(readable(below) for _, below in node.targets)
        case Reverse():
            return readable(node.node)
        case Member() | Between():
            return True
        case All():
            return any(map(readable, node.nodes))
        case Some():
            return all(map(readable, node.nodes))
        case Not():
            return False


def led(node: All) -> tuple[Node, list[Node]]:
    """The part of a conjunction that leads, and the others, which are tested on its resources."""
    first = min(node.nodes, key=lambda one: (not readable(one), rank(one)))
    return first, [one for one in node.nodes if one is not first]


def whole(node: Node) -> bool:
    """Whether all the node's resources are read at once, whatever their number: chains are bounded at each step."""
    match node:
        case Reverse():
            return named(node)
        case Chain() | Not():
            return False
        case All():
            return whole(led(node)[0])
        case Some():
            return all(map(whole, node.nodes))
        case _:
            return True


def named(node: Reverse) -> bool:
    """Whether what refers to the resources is named by its id, so that its references can be read from its own rows."""
    below = node.node
    if not isinstance(below, Leaf) or below.negated or below.modifier:
        return False
    return below.parameter.code == "_id" and bool(below.values)
