"""FHIR XML to FHIR JSON, for the official cases that come as XML only. https://hl7.org/fhir/R4/xml.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser, register_namespace, tostring

from fhir_server.fhirpath.types import TypeInfo, named

_FHIR, _XHTML = "{http://hl7.org/fhir}", "{http://www.w3.org/1999/xhtml}"
_WHOLE = ("integer", "positiveInt", "unsignedInt")


class _Builder(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refused, and with it every entity that could grow or fetch."""
        raise ValueError("a document type declaration is not allowed")


def parse(text: bytes) -> Element:
    """Root of an XML document without a DTD."""
    parser = XMLParser(target=_Builder())
    parser.feed(text)
    root = parser.close()
    assert isinstance(root, Element)
    return root


def resource(element: Element) -> dict[str, Any]:
    """A resource as JSON."""
    name = element.tag.removeprefix(_FHIR)
    return {"resourceType": name, **_members(element, named(name))}


def _value(text: str, kind: str) -> Any:
    if kind == "boolean":
        return text == "true"
    if kind in _WHOLE:
        return int(text)
    return Decimal(text) if kind == "decimal" else text


def _xhtml(element: Element) -> str:
    register_namespace("", "http://www.w3.org/1999/xhtml")
    element.tail = None
    return tostring(element, encoding="unicode")


def _members(element: Element, kind: TypeInfo) -> dict[str, Any]:
    members: dict[str, Any] = {name: text for name, text in element.attrib.items() if name != "value"}
    for child in element:
        if child.tag.startswith(_XHTML):
            members["div"] = _xhtml(child)
            continue
        name = child.tag.removeprefix(_FHIR)
        element_child, child_type = kind.by_key[name]
        if child_type.is_resource:
            _put(members, name, resource(child[0]), element_child.repeats)
        elif child_type.is_primitive:
            _put_primitive(members, name, child, child_type, element_child.repeats)
        else:
            _put(members, name, _members(child, child_type), element_child.repeats)
    return members


def _put(members: dict[str, Any], name: str, value: Any, repeats: bool) -> None:
    if repeats:
        members.setdefault(name, []).append(value)
    else:
        members[name] = value


def _put_primitive(members: dict[str, Any], name: str, child: Element, kind: TypeInfo, repeats: bool) -> None:
    text = child.get("value")
    value = None if text is None else _value(text, kind.name)
    extra = _members(child, kind) or None
    if not repeats:
        members.update({key: part for key, part in ((name, value), ("_" + name, extra)) if part is not None})
        return
    values = members.setdefault(name, [])
    values.append(value)
    if extra is not None or "_" + name in members:
        extras = members.setdefault("_" + name, [])
        extras.extend([None] * (len(values) - 1 - len(extras)))
        extras.append(extra)
