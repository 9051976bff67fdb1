"""Criteria whose index yields resources newest first: what a page is walked along. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.branch import Branch
from fhir_server.search.by_token import SYSTEM_ALONE
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Leaf, Node
from fhir_server.search.parameters import shipped
from fhir_server.search.presence import in_sets
from fhir_server.search.rank import whole
from fhir_server.search.resources import Source
from fhir_server.search.values import split_components

_IN_RID_ORDER = frozenset(("token", "reference", "reference_other"))


def in_rid_order(node: Node, scope: Sequence[str], conditions: Conditions) -> list[Source] | None:
    """The node's sources, if the index of each (or of each part) yields rids in order: all columns before rid equal one
    value."""
    if in_sets(node):
        return [conditions.set_by_set(node, scope)]
    if not whole(node):
        return None
    before = conditions.mark()
    sources = conditions.sources(node, scope)
    ordered = all(
        source.table in _IN_RID_ORDER
        and SYSTEM_ALONE not in source.where  # its index has no rids
        and "= " in source.where.partition(" and ")[2]
        and single(source.where)
        for source in sources
    )
    if ordered and len(sources) <= 16:
        return sources
    conditions.back(before)
    return None


def single(where: str) -> bool:
    """Whether the condition has one value for each column it names."""
    return not any(word in where for word in (" or ", " in (", "any(", "exists"))


def code_of(node: Node) -> Leaf | None:
    """What the code in a composite of Observation asks for by itself."""
    if not (isinstance(node, Leaf) and node.parameter.type == "composite" and node.resource_type == "Observation"):
        return None
    own = shipped("Observation").get(node.parameter.components[0].code)
    if (
        node.parameter.custom
        or own is None
        or own.code not in ("code", "combo-code", "component-code")
        or len(node.values) != 1
    ):
        return None
    return Leaf("Observation", own, None, (split_components(node.values[0])[0],))


def lined(sources: Sequence[Source], tests: Sequence[str]) -> list[Branch]:
    """The sources as branches, for whose rids the tests hold."""
    return [Branch(source, tuple(tests), source.table == "resource", True) for source in sources]
