"""Search semantics once more, slow and obvious, straight from https://hl7.org/fhir/R4/search.html and docs/decisions.

Written without a look at the index: no hashes, no microseconds, no SQL. `matches(resource, parameter, modifier, value)`
says whether one value of one parameter finds a resource. Only what the property tests draw is covered: the parameters
in ELEMENTS, the units in UNITS (reference_ranges.py, where dates, numbers and quantities are compared).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tests.fhir_server.search.reference_ranges import (
    date_matches,
    number_matches,
    quantity_matches,
    span,
    target_span,
)

Json = dict[str, Any]
ValueSet = Mapping[str, tuple[bool, Collection[str]]]
"""System -> its codes, or whether all others are meant."""
BASE = "http://fhir.example.org/fhir"


def matches(
    resource: Json, code: str, modifier: str | None, value: str, sets: Mapping[str, ValueSet] | None = None
) -> bool:
    """Whether the resource is found by `code:modifier=value`; `sets`: what the value sets contain, by name."""
    kind, elements = ELEMENTS[resource["resourceType"], code]
    if modifier == "not":
        return not matches(resource, code, None, value)
    if modifier in ("in", "not-in"):
        assert sets is not None
        codings = [coding for data_type, element in elements(resource) for coding in _codings(data_type, element)]
        return any(_contained(*coding, sets[value]) for coding in codings) is (modifier == "in")
    return any(EVALUATORS[kind](element, modifier, value) for element in elements(resource))


Tree = tuple[str, Any]
"""("test", (code, operator, value)), ("not", tree), ("and", [tree, ...]), ("or", [tree, ...])."""


def filtered(resource: Json, tree: Tree) -> bool:
    """Whether the resource meets a `_filter`: https://hl7.org/fhir/R4/search_filter.html"""
    kind, below = tree
    if kind == "not":
        return not filtered(resource, below)
    if kind == "and":
        return all(filtered(resource, each) for each in below)
    if kind == "or":
        return any(filtered(resource, each) for each in below)
    code, operator, value = below
    type_of_parameter, elements = ELEMENTS[resource["resourceType"], code]
    found = elements(resource)
    if operator == "pr":
        return any(_present(type_of_parameter, each) for each in found) is (value == "true")
    return any(_operated(type_of_parameter, each, operator, value) for each in found)


def _present(kind: str, element: tuple[str, Any]) -> bool:
    """Whether the element says anything that can be searched for."""
    data_type, value = element
    if kind == "date":
        return target_span(data_type, value) is not None
    if kind == "string":
        return bool(_texts(data_type, value)[0])
    if kind == "token":
        texts = (
            [value.get("text"), *(c.get("display") for c in value.get("coding", []))]
            if data_type == "CodeableConcept"
            else []
        )
        return any(code is not None or system is not None for system, code in _codings(data_type, value)) or any(texts)
    return True


def _operated(kind: str, element: tuple[str, Any], operator: str, value: str) -> bool:
    if kind == "string":
        asked = _plain(value)
        return any(_TEXT_OPERATORS[operator](_plain(text), asked) for text in _texts(*element)[0])
    if kind == "token":
        if operator == "eq":
            return token_matches(element, None, value)
        return any(not token_matches(one, None, value) for one in _single(element))
    if operator in ("po", "co"):
        target = target_span(*element)
        if target is None:
            return False
        low, high = target
        start, end = span(value)
        if operator == "po":
            return (low is None or low < end) and (high is None or high > start)
        return (low is None or low <= start) and (high is None or high >= end)
    return EVALUATORS[kind](element, None, operator + value)


def _single(element: tuple[str, Any]) -> list[tuple[str, Any]]:
    """The codings of a concept, each as a concept of its own."""
    data_type, value = element
    if data_type != "CodeableConcept":
        return [element] if any(one is not None for pair in _codings(*element) for one in pair) else []
    return [(data_type, {"coding": [one]}) for one in value.get("coding", []) if "system" in one or "code" in one]


_TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda text, asked: text == asked,
    "ne": lambda text, asked: text != asked,
    "co": lambda text, asked: asked in text,
    "sw": lambda text, asked: text.startswith(asked),
    "ew": lambda text, asked: text.endswith(asked),
    "gt": lambda text, asked: text > asked,
    "lt": lambda text, asked: text < asked,
    "ge": lambda text, asked: text >= asked,
    "le": lambda text, asked: text <= asked,
}


# --- where the parameters look ------------------------------------------------------------------------------


def _choice(resource: Json, name: str) -> Iterator[Any]:
    for key, value in resource.items():
        if key.startswith(name):
            yield key[len(name) :], value


ELEMENTS: dict[tuple[str, str], tuple[str, Callable[[Json], list[tuple[str, Any]]]]] = {
    ("Observation", "date"): ("date", lambda r: list(_choice(r, "effective"))),
    ("Patient", "birthdate"): ("date", lambda r: [("Date", r["birthDate"])] if "birthDate" in r else []),
    ("RiskAssessment", "probability"): (
        "number",
        lambda r: [each for p in r.get("prediction", []) for each in _choice(p, "probability")],
    ),
    ("MolecularSequence", "window-start"): (
        "number",
        lambda r: [("Integer", r["referenceSeq"]["windowStart"])] if "referenceSeq" in r else [],
    ),
    ("Observation", "value-quantity"): ("quantity", lambda r: list(_choice(r, "value"))),
    ("Observation", "code"): ("token", lambda r: [("CodeableConcept", r["code"])]),
    ("Observation", "status"): ("token", lambda r: [("Code", r["status"])]),
    ("Patient", "identifier"): ("token", lambda r: [("Identifier", each) for each in r.get("identifier", [])]),
    ("Patient", "telecom"): ("token", lambda r: [("ContactPoint", each) for each in r.get("telecom", [])]),
    ("Patient", "active"): ("token", lambda r: [("Boolean", r["active"])] if "active" in r else []),
    ("Patient", "name"): ("string", lambda r: [("HumanName", each) for each in r.get("name", [])]),
    ("Patient", "family"): (
        "string",
        lambda r: [("Family", name["family"]) for name in r.get("name", []) if "family" in name],
    ),
    ("Patient", "address-city"): (
        "string",
        lambda r: [("String", address["city"]) for address in r.get("address", []) if "city" in address],
    ),
    ("Location", "near"): ("near", lambda r: [("Position", r["position"])] if "position" in r else []),
    ("Observation", "subject"): ("reference", lambda r: [("", r["subject"])] if "subject" in r else []),
    ("Observation", "patient"): (
        "reference",
        lambda r: [("Patient", r["subject"])] if "subject" in r else [],
    ),
    ("QuestionnaireResponse", "questionnaire"): (
        "reference",
        lambda r: [("canonical", r["questionnaire"])] if "questionnaire" in r else [],
    ),
}
"""(type, parameter) -> its type, and the elements it selects, each with its data type."""


# --- token --------------------------------------------------------------------------------------------------


def _codings(data_type: str, element: Any) -> list[tuple[str | None, str | None]]:
    """(system, code) pairs."""
    match data_type:
        case "CodeableConcept":
            return [(coding.get("system"), coding.get("code")) for coding in element.get("coding", [])]
        case "Identifier":
            return [(element.get("system"), element.get("value"))]
        case "ContactPoint":
            return [(None, element.get("value"))]
        case "Boolean":
            return [(None, "true" if element else "false")]
        case _:
            return [("http://hl7.org/fhir/observation-status", element)]


def token_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """`code`, `system|code`, `|code`, `system|`; identifiers with case, all else without."""
    data_type, target = element
    if modifier == "text":
        if data_type == "Identifier":
            texts = [target.get("type", {}).get("text")]
        else:
            texts = [target.get("text"), *(coding.get("display") for coding in target.get("coding", []))]
        return any(text is not None and _starts(text, value) for text in texts)
    if modifier == "of-type":
        system, code, number = value.split("|")
        types = target.get("type", {}).get("coding", [])
        typed = any(each.get("system") == system and _same(each.get("code"), code, False) for each in types)
        return typed and target.get("value") == number
    system, bar, code = value.rpartition("|")
    for target_system, target_code in _codings(data_type, target):
        if code and not _same(target_code, code, data_type == "Identifier"):
            continue
        if not bar or (not code and system == target_system):
            return True
        implicit = data_type not in ("CodeableConcept", "Identifier")
        if code and (system == (target_system or "") or (not system and implicit)):
            return True
    return False


def _contained(system: str | None, code: str | None, value_set: ValueSet) -> bool:
    if system not in value_set:
        return False
    others, codes = value_set[system]
    return any(_same(code, each, False) for each in codes) is not others


def _same(one: str | None, other: str, cased: bool) -> bool:
    return one is not None and (one == other if cased else one.casefold() == other.casefold())


# --- string -------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Without case, accents, punctuation; dashes, slashes, commas and colons part words."""
    letters = []
    for character in unicodedata.normalize("NFKD", text.casefold()):
        kind = unicodedata.category(character)
        if character in "/\\,;:" or kind in ("Pd", "Pc") or character.isspace():
            letters.append(" ")
        elif kind[0] not in "PM":
            letters.append(character)
    return " ".join("".join(letters).split())


def _starts(text: str, start: str) -> bool:
    return _plain(text).startswith(_plain(start))


def _texts(data_type: str, element: Any) -> tuple[list[str], list[str]]:
    """Texts as they are, and family names, whose parts count on their own."""
    if data_type == "HumanName":
        texts = [element[part] for part in ("text", "family") if part in element]
        for part in ("given", "prefix", "suffix"):
            texts += element.get(part, [])
        return texts, [element["family"]] if "family" in element else []
    return [element], [element] if data_type == "Family" else []


def string_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """Starts with; :contains; :exact."""
    texts, families = _texts(*element)
    if modifier == "exact":
        return value in texts
    if modifier == "contains":
        return any(_plain(value) in _plain(text) for text in texts)
    words = [(" " + _plain(family)) for family in families]
    return any(_starts(text, value) for text in texts) or any(" " + _plain(value) in word for word in words)


# --- reference ----------------------------------------------------------------------------------------------


def _read(text: str) -> tuple[str, str, str]:
    """Server ("" for our own), type/id or the whole, version."""
    found = re.match(r"(?:(.*)/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]+?)(?:/_history/([A-Za-z0-9.-]+))?$", text)
    if not found:
        return "?", text, ""
    return "" if found[1] in (None, BASE) else found[1], found[2], found[3] or ""


def reference_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """id, Type/id, URL, with or without version; :Type; :identifier; canonical with or without |version."""
    only, target = element
    if only == "canonical":
        return value in (target.partition("#")[0], target.partition("#")[0].partition("|")[0])
    literal = target.get("reference")
    if literal is not None and literal.startswith("#"):
        literal = None
    server, what, version = _read(literal) if literal else ("", "", "")
    kind = what.partition("/")[0] if literal and server != "?" else target.get("type", "")
    if only and kind != only:
        return False
    if modifier == "identifier":
        return "identifier" in target and token_matches(("Identifier", target["identifier"]), None, value)
    if literal is None:
        return False
    if "/" not in value and ":" not in value:
        local = server == "" and what.partition("/")[2] == value
        return local and (modifier is None or modifier == kind)
    asked_server, asked, asked_version = _read(value)
    return (asked_server, asked) == (server, what) and asked_version in ("", version)


# --- near ---------------------------------------------------------------------------------------------------


def near_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """Latitude, longitude, distance in kilometres: by the chord between two points in space."""
    assert modifier is None
    latitude, longitude, distance = map(float, value.split("|")[:3])

    def point(latitude: float, longitude: float) -> tuple[float, float, float]:
        north, east = math.radians(latitude), math.radians(longitude)
        return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)

    there = point(float(element[1]["latitude"]), float(element[1]["longitude"]))
    return 2 * 6371.0088 * math.asin(min(1.0, math.dist(point(latitude, longitude), there) / 2)) <= distance


EVALUATORS: dict[str, Callable[[tuple[str, Any], str | None, str], bool]] = {
    "date": date_matches,
    "near": near_matches,
    "number": number_matches,
    "quantity": quantity_matches,
    "token": token_matches,
    "string": string_matches,
    "reference": reference_matches,
}
