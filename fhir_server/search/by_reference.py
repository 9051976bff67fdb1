"""Search parameters of type reference: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#reference

A reference to a resource of this server is a row of `reference`; any other (absolute, canonical, urn, versioned) is a
hash in `reference_other`. `#contained` refers to nothing one could search for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search import by_uri
from fhir_server.search.by_token import PAIRS, token_test
from fhir_server.search.by_uri import LIMIT, URI_TYPES
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, either, one_of
from fhir_server.search.rows import hash64
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters

_RELATIVE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(/_history/[A-Za-z0-9.\-]{1,64})?", re.ASCII)
ID = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)
_IDENTIFIER = frozenset(("Identifier",))

PRESENT = hash64("")
"""Row of a reference that says only that it is there: a display, or something contained."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a literal reference points to."""

    type: str
    """"": the URL does not tell."""
    id: str
    """"" unless the type is known."""
    local: bool
    """A resource of this server."""
    text: str
    """The reference, without the base if local."""
    unversioned: str
    """`text` without "/_history/..."."""


@lru_cache(maxsize=8192)
def target(reference: str, base: str) -> Target:
    """Reads a literal reference. `base`: own FHIR base URL with a slash at the end."""
    found = _RELATIVE.fullmatch(reference)
    if found is None or found[1] not in TYPE_ID:
        return Target("", "", False, reference, reference)
    start = reference[: found.start(1)]
    local = not start or start == base
    text = reference[len(start) :] if local else reference
    return Target(found[1], found[2], local, text, text.removesuffix(found[3] or ""))


@dataclass(frozen=True, slots=True)
class ReferenceIds:
    """Where the rows of one reference parameter go."""

    param_id: int
    identifier_id: int
    only: str | None
    """The type that `where(resolve() is ...)` asks for."""
    but: frozenset[str] = frozenset()
    """Types that are left to other parameters: see `SearchParameter.parts`."""


def emitter(data_type: str, targets: Sequence[ReferenceIds]) -> Emit | None:
    """Writes the rows of an element of the type; None for types that refer to nothing."""
    if data_type == "Reference":
        return _reference(targets)
    if data_type in URI_TYPES:
        return _canonical([each.param_id for each in targets])
    if data_type == "Resource":
        return _resource([each.param_id for each in targets])
    return None


def _reference(targets: Sequence[ReferenceIds]) -> Emit:
    tokens = PAIRS["Identifier"]
    told = frozenset(each.only for each in targets if each.only).union(*(each.but for each in targets))
    ids = {kind: _concerned(targets, kind) for kind in (None, *told)}

    def emit(value: dict[str, Any], sink: Sink) -> None:
        literal = value.get("reference")
        kind = value.get("type")
        if literal is None or literal[:1] == "#":
            others: tuple[int, ...] = (PRESENT,)
            local = None
            within = sink.contained.get(literal[1:]) if literal and sink.contained else None
            if within:
                place, kind = within
                sink.links += [(param_id, place) for param_id, _ in ids[kind if kind in told else None]]
        else:
            found = target(literal, sink.base)
            kind = found.type or kind
            local = found if found.local else None
            others = _hashes(found)
        concerned = ids[kind if kind in told else None]
        for param_id, _ in concerned:
            if local:
                sink.reference.append((param_id, local.type, local.id))
            for hashed in others:
                sink.reference_other.append((param_id, hashed))
        identifier = value.get("identifier")
        if identifier is not None:
            for pair in tokens(identifier):
                for _, identifier_id in concerned:
                    sink.alone.append((identifier_id, *pair))

    return emit


def _concerned(targets: Sequence[ReferenceIds], kind: str | None) -> list[tuple[int, int]]:
    """param_ids of a reference to the type, and of its identifier; None: to any type that none of them names."""
    return [
        (each.param_id, each.identifier_id)
        for each in targets
        if each.only in (None, kind) and (kind is None or kind not in each.but)
    ]


def _hashes(found: Target) -> tuple[int, ...]:
    """Rows of `reference_other`: anything but the current version of a resource of this server."""
    if found.text == found.unversioned:
        return () if found.local else (hash64(found.text),)
    return (hash64(found.text),) if found.local else (hash64(found.text), hash64(found.unversioned))


def _canonical(ids: Sequence[int]) -> Emit:
    """Two rows, with and without version, a `uri` row for :above and :below, and one that leads to the resource."""

    def emit(value: str, sink: Sink) -> None:
        if value[:1] == "#":
            return
        bare = value.partition("#")[0]
        url, _, version = bare.partition("|")
        for param_id in ids:
            sink.reference_other.append((param_id, hash64(url)))
            if version:
                sink.reference_other.append((param_id, hash64(bare)))
            sink.uri.append((param_id, url[:LIMIT]))
            sink.canonical.append((param_id, hash64(bare)))

    return emit


def _resource(ids: Sequence[int]) -> Emit:
    """A resource in a Bundle: found by "Type/id", though it is none of this server's own."""

    def emit(value: dict[str, Any], sink: Sink) -> None:
        if "id" in value:
            for param_id in ids:
                sink.reference_other.append((param_id, hash64(f"{value['resourceType']}/{value['id']}")))

    return emit


def _local(types: Sequence[str], id: str, parameter: SearchParameter, parameters: Parameters) -> tuple[str, str]:
    ids = one_of("param_id", parameter.ids_to(types))
    text = parameters.add(id, "text")
    if len(types) == 1:
        row = f"r.type_id = {TYPE_ID[types[0]]} and r.fhir_id = {text}"
        return "reference", f"{ids} and {{t}}.target_rid = (select r.rid from resource r where {row})"
    numbers = ", ".join(str(TYPE_ID[name]) for name in types)
    row = f"r.type_id in ({numbers}) and r.fhir_id = {text}"
    return "reference", f"{ids} and {{t}}.target_rid = any(array(select r.rid from resource r where {row}))"


def _elsewhere(texts: Sequence[str], ids: str, parameters: Parameters) -> tuple[str, str]:
    tests = [f"{{t}}.target_hash = {parameters.add(hash64(text), 'bigint')}" for text in texts]
    return "reference_other", f"{ids} and {either(tests)}"


def _known_types(parameter: SearchParameter) -> Sequence[str]:
    only = sorted({leaf.resolves_to for leaf in parameter.leaves if leaf.resolves_to})
    if only and all(leaf.resolves_to for leaf in parameter.leaves):
        return only
    return [name for name in parameter.types_of_target if name in TYPE_ID] or list(TYPE_ID)


def _refers(parameter: SearchParameter, text: str, types: Sequence[str], base: str, parameters: Parameters) -> Probe:
    ids = one_of("param_id", parameter.param_ids)
    data_types = parameter.data_types
    found = target(text, base)
    alternatives: list[tuple[str, str]] = []
    if found.local and found.text != found.unversioned:
        alternatives.append(_elsewhere([found.text], ids, parameters))
    elif found.local:
        if "Reference" in data_types:
            alternatives.append(_local([found.type], found.id, parameter, parameters))
        if data_types - {"Reference"}:
            # Canonical URLs of our own resources stand as they were written; entries of a Bundle by type and id.
            alternatives.append(_elsewhere([found.text, base + found.text], ids, parameters))
    elif ID.fullmatch(text):
        if "Reference" in data_types:
            alternatives.append(_local(types, text, parameter, parameters))
        if data_types - {"Reference"}:
            named = [f"{start}{name}/{text}" for name in types[:20] for start in {"", base}]
            alternatives.append(_elsewhere([text, *named], ids, parameters))
    else:
        if not (":" in text or "/" in text):
            raise Invalid(
                f"search parameter '{parameter.code}': a reference is an id, Type/id or an absolute URL", code="value"
            )
        alternatives.append(_elsewhere([text], ids, parameters))
    (table, where), *others = alternatives
    return Probe(table, where, tuple(others))


def _identifier(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    ids = one_of("param_id", parameter.ids(":identifier"))
    test = token_test("code_hash", value, parameter.code, _IDENTIFIER, (), parameters)
    return Probe("token", f"{ids} and {test}")


def condition(
    parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters, base: str = ""
) -> Probe:
    """Probe of one reference; modifiers: a resource type, :identifier, and for canonical URLs :above and :below (those
    of other references follow a hierarchy: see `condition.py`).

    `base`: own FHIR base URL without slash at the end. Raises Invalid.
    """
    own = base + "/" if base else ""
    text = unescape(value)
    if not text:
        raise Invalid(f"search parameter '{parameter.code}': the value is empty", code="value")
    if modifier == "identifier":
        return _identifier(parameter, value, parameters)
    if modifier in ("above", "below") and parameter.data_types & URI_TYPES:
        return by_uri.condition(parameter, value, modifier, parameters)
    if modifier is None:
        return _refers(parameter, text, _known_types(parameter), own, parameters)
    if modifier not in parameter.types_of_target:
        raise Invalid(
            f"search parameter '{parameter.code}' is a reference; ':{modifier}' is neither a type it may refer to nor "
            "a modifier this server supports",
            code="not-supported",
        )
    qualified = f"{modifier}/{text}" if ID.fullmatch(text) else text
    if target(qualified, own).type not in (modifier, ""):
        raise Invalid(
            f"search parameter '{parameter.code}:{modifier}': the value names another resource type", code="value"
        )
    return _refers(parameter, qualified, (modifier,), own, parameters)
