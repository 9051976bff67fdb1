"""What FHIR adds to FHIRPath: extension, resolve, memberOf, conformsTo, htmlChecks. https://hl7.org/fhir/R4/fhirpath.html#functions"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.definitions import value_set
from fhir_server.fhirpath.code import Code, Frame, Items, from_many, from_truth, single
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Compile, Function, check_of_items, on_items, text_of
from fhir_server.fhirpath.nodes import Node, append_elements, plain
from fhir_server.fhirpath.references import resolved
from fhir_server.fhirpath.syntax import Tree
from fhir_server.fhirpath.types import find, named
from fhir_server.narrative import narrative_fault

_PROFILE = "http://hl7.org/fhir/StructureDefinition/"


def _extensions(items: Items, url: Items) -> Items:
    wanted = text_of(url)
    found: Items = []
    for item in items:
        if item.__class__ is Node:
            holder = item.value if item.value.__class__ is dict else item.extra
            if holder and "extension" in holder:
                append_elements(found, holder, "extension", named("Extension"), item.type)
    return [item for item in found if item.value.__class__ is dict and item.value.get("url") == wanted]


def _has_value(items: Items) -> bool:
    return len(items) == 1 and plain(items[0]) is not None and plain(items[0]).__class__ is not dict


def _value(items: Items) -> Items:
    return items if _has_value(items) else []


def _resolve(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before = source.many

    def many(frame: Frame, this: Items) -> Items:
        return [found for item in before(frame, this) if (found := resolved(frame, item)) is not None]

    return from_many(many)


def _is_member(systems: Any, code: str | None, system: str | None) -> bool:
    return any(
        (system is None or system == known) and (codes is None or code in codes) for known, codes in systems.items()
    )


def _member_of(items: Items, url: Items) -> bool | None:
    item, name = single(items), text_of(url)
    systems = None if name is None else value_set(name.partition("|")[0])
    if item is None or systems is None:
        return None
    value = plain(item)
    if value.__class__ is str:
        return _is_member(systems, value, None)
    if value.__class__ is not dict:
        return False
    codings = value.get("coding", [value])
    return any(_is_member(systems, coding.get("code"), coding.get("system") or "") for coding in codings)


def _conforms_to(items: Items, url: Items) -> bool | None:
    item, profile = single(items), text_of(url)
    if item is None or profile is None:
        return None
    kind = find(profile.removeprefix(_PROFILE)) if profile.startswith(_PROFILE) else None
    if kind is None or kind.is_backbone:
        raise FhirPathError("unknown profile")
    return item.__class__ is Node and kind.name in item.type.ancestry


def _html_checks(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before = source.many

    def truth(frame: Frame, this: Items) -> bool:
        items = before(frame, this)
        texts = [plain(item) for item in items]
        return all(text.__class__ is str and narrative_fault(text) is None for text in texts)

    return from_truth(truth)


FHIR: dict[str, Function] = {
    "extension": on_items(_extensions, 1),
    "hasExtension": check_of_items(lambda items, url: bool(_extensions(items, url)), 1),
    "hasValue": check_of_items(_has_value),
    "getValue": on_items(_value),
    "resolve": Function(0, 0, _resolve),
    "memberOf": check_of_items(_member_of, 1),
    "conformsTo": check_of_items(_conforms_to, 1),
    "htmlChecks": Function(0, 0, _html_checks),
}
