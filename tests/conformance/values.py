"""Search values made from an element: one that must find its resource, and a changed one that must not.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhir_server.definitions import is_a, primitive_types
from tests.conformance.locate import Located

CURRENCY = "urn:iso:std:iso:4217"
PREFIX_LENGTH = 60
"""A string search finds by the beginning; the whole text of a long element would not fit a URL."""


class NoValue(Exception):
    """Nothing in the element can be searched for; the text says why."""


@dataclass(frozen=True)
class Pair:
    """Query values without the parameter name; `modifier` goes behind the name, ":identifier" for example."""

    finds: str
    changed: str
    modifier: str = ""
    near: bool = False
    """The changed value lies so near that another element of the same resource may rightly match it."""


def escape(text: str) -> str:
    return re.sub(r"([\\,$|])", r"\\\1", text)


def _uri(text: str) -> str:
    # The bar before a canonical's version is part of the value.
    return re.sub(r"([\\,$])", r"\\\1", text)


def _coded(system: str | None, code: str | None) -> Iterator[Pair]:
    if code is not None:
        yield Pair(escape(code), escape(code + "-changed"))
        if system is not None:
            yield Pair(f"{escape(system)}|{escape(code)}", f"{escape(system + '-changed')}|{escape(code)}")
            yield Pair(f"{escape(system)}|{escape(code)}", f"|{escape(code)}", near=True)
        else:
            yield Pair(f"|{escape(code)}", f"|{escape(code + '-changed')}")
    elif system is not None:
        yield Pair(f"{escape(system)}|", f"{escape(system + '-changed')}|")


def token(element: Located) -> Iterator[Pair]:
    value = element.value
    match element.type:
        case "CodeableConcept":
            if not value.get("coding"):
                if not value.get("text"):
                    raise NoValue("CodeableConcept without coding or text")
                begin = value["text"][:PREFIX_LENGTH].strip()
                yield Pair(escape(begin), escape("changed " + begin), ":text")
                return
            for coding in value["coding"]:
                yield from token(Located("Coding", coding))
        case "Coding":
            yield from _coded(value.get("system"), value.get("code"))
        case "Identifier":
            yield from _coded(value.get("system"), value.get("value"))
        case "ContactPoint":
            if "value" in value:
                yield Pair(escape(value["value"]), escape(value["value"] + "-changed"))
        case "boolean":
            yield Pair(str(value).lower(), str(not value).lower(), near=True)
        case kind if kind in primitive_types() or isinstance(value, str):
            yield Pair(escape(str(value)), escape(f"{value}-changed"))
        case kind:
            raise NoValue(f"no token form for {kind}")


def reference(element: Located) -> Iterator[Pair]:
    value = element.value
    if isinstance(value, str):  # canonical, uri
        if value.startswith("#"):
            raise NoValue("reference to a contained resource")
        yield Pair(_uri(value), _uri(value.partition("|")[0] + "-changed"))
        if "|" in value and element.type == "canonical":
            yield Pair(_uri(value.partition("|")[0]), _uri(value + "-changed"))
        return
    if "resourceType" in value:
        if "id" not in value:
            raise NoValue("resource in Bundle without id")
        yield Pair(f"{value['resourceType']}/{value['id']}", f"{value['resourceType']}/{value['id'][:50]}-changed")
        return
    text = value.get("reference")
    identifier = value.get("identifier", {})
    if text and not text.startswith("#"):
        plain = text.partition("/_history/")[0]
        yield Pair(_uri(plain), _uri(plain + "-changed"))
    elif identifier.get("value"):
        system, code = identifier.get("system"), identifier["value"]
        text = f"{escape(system)}|{escape(code)}" if system else escape(code)
        yield Pair(text, text + "-changed", ":identifier")
    elif text:
        raise NoValue("reference to a contained resource")
    else:
        raise NoValue("Reference without reference or identifier")


def _later(text: str) -> str:
    """The same day 800 years on: leap years fall alike."""
    return f"{int(text[:4]) + 800:04}{text[4:]}"


def date(element: Located) -> Iterator[Pair]:
    value = element.value
    if element.type in ("date", "dateTime", "instant"):
        yield Pair(value, _later(value))
        yield Pair("ge" + value, "gt" + value, near=True)
        yield Pair("le" + value, "lt" + value, near=True)
        return
    if element.type not in ("Period", "Timing"):
        raise NoValue(f"no date in {element.type}")
    if element.type == "Timing":
        events = sorted(value.get("event", ()))
        bounds = value.get("repeat", {}).get("boundsPeriod")
        if not events and not bounds:
            raise NoValue("Timing without event or boundsPeriod")
        value = {"start": events[0], "end": events[-1]} if events else bounds
    start, end = value.get("start"), value.get("end")
    if start:
        yield Pair("ge" + start, "eb" + start, near=True)
    if end:
        yield Pair("le" + end, "sa" + end, near=True)
    if start or end:
        yield Pair("ge0800" if not end else f"lt{_later(end)}", "eq" + _later(start or end))
    else:
        raise NoValue("Period without start or end")


def _shift(number: Decimal) -> str:
    """A number so far off that no precision band meets it, written with the same digits behind the point."""
    if number.adjusted() > 15:
        return str(number.scaleb(1))
    return format(number + 1_000_003, "f")


def number(element: Located) -> Iterator[Pair]:
    if not isinstance(element.value, int | Decimal):
        raise NoValue(f"no number in {element.type}")
    value = Decimal(element.value)
    yield Pair(str(value), _shift(value))
    yield Pair(f"ge{value}", f"gt{_shift(value)}")
    yield Pair(f"le{_shift(value)}", f"lt{-abs(value) - 1_000_003}")


def quantity(element: Located) -> Iterator[Pair]:
    value = element.value
    match element.type:
        case "Money":
            unit = f"|{CURRENCY}|{escape(value['currency'])}" if "currency" in value else ""
        case "Range":
            for bound, prefix in (("low", "ge"), ("high", "le")):
                if bound in value:
                    exact = next(quantity(Located("Quantity", value[bound])))
                    yield Pair(prefix + exact.finds, exact.changed)
            return
        case "SampledData":
            raise NoValue("SampledData has no one value")
        case kind if is_a(kind, "Quantity"):
            system, code, name = value.get("system"), value.get("code"), value.get("unit")
            if system and code:
                unit = f"|{escape(system)}|{escape(code)}"
            else:
                unit = f"||{escape(code or name)}" if code or name else ""
        case kind:
            raise NoValue(f"no quantity in {kind}")
    if "value" not in value:
        raise NoValue("quantity without value")
    amount = Decimal(value["value"])
    prefix = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}.get(value.get("comparator", ""), "")
    if prefix:
        away = _shift(amount) if prefix[0] == "l" else str(-abs(amount) - 1_000_003)
        yield Pair(f"{prefix}{amount}{unit}", f"{'gt' if prefix[0] == 'l' else 'lt'}{away}{unit}")
        return
    for suffix in dict.fromkeys((unit, "")):
        yield Pair(f"{amount}{suffix}", f"{_shift(amount)}{suffix}")
    if unit:
        yield Pair(f"ge{amount}{unit}", f"{amount}|http://example.org/changed|changed")


_PARTS: dict[str, tuple[str, ...]] = {
    "HumanName": ("family", "given", "text", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}


def string(element: Located) -> Iterator[Pair]:
    if element.type in _PARTS:
        texts = [element.value[part] for part in _PARTS[element.type] if part in element.value]
        for text in texts:
            for one in text if isinstance(text, list) else [text]:
                if one is not None:
                    yield from string(Located("string", one))
        return
    if not isinstance(element.value, str):
        raise NoValue(f"no string in {element.type}")
    text = element.value
    begin = text[:PREFIX_LENGTH].strip()
    if not begin:
        raise NoValue("blank text")
    yield Pair(escape(begin), escape("changed " + begin))
    if len(text) <= PREFIX_LENGTH:
        yield Pair(escape(text), escape(text + " changed"), ":exact")
        yield Pair(escape(text[1:].strip() or text), escape(text + " changed"), ":contains")


def uri(element: Located) -> Iterator[Pair]:
    if not isinstance(element.value, str):
        raise NoValue(f"no uri in {element.type}")
    yield Pair(_uri(element.value), _uri(element.value + "/changed"))


MAKERS: dict[str, Callable[[Located], Iterator[Pair]]] = {
    "token": token,
    "reference": reference,
    "date": date,
    "number": number,
    "quantity": quantity,
    "string": string,
    "uri": uri,
}


def pairs(kind: str, element: Located) -> list[Pair]:
    """All pairs for an element by a parameter of a type. Raises NoValue."""
    if kind not in MAKERS:
        raise NoValue(f"search parameters of type {kind} have no value to take from an element")
    found = list(MAKERS[kind](element))
    if not found:
        raise NoValue(f"{element.type} without a value")
    return found


def composite(parts: list[tuple[str, list[Located]]]) -> list[Pair]:
    """Pairs of a composite: (type, elements) of each component. Raises NoValue."""
    columns: list[list[Pair]] = []
    for kind, elements in parts:
        column: list[Pair] = []
        for element in elements:
            column += [pair for pair in pairs(kind, element) if not pair.modifier]
        if not column:
            raise NoValue("a component has no value")
        columns.append(column)
    # Each value of each component once, beside the first of the others.
    found = []
    for position, column in enumerate(columns):
        for pair in column:
            row = [pair if at == position else other[0] for at, other in enumerate(columns)]
            changed = [part.finds for part in row]
            changed[position] = pair.changed
            found.append(Pair("$".join(part.finds for part in row), "$".join(changed), near=pair.near))
    return found


def example(resource: Any) -> Located:
    return Located(resource["resourceType"], resource)
