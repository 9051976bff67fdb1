"""Reasons of denials and refusals <-> concepts of table 38. TISS 4.01.00, ct_motivoGlosa."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from mappings.errors import MappingError
from mappings.identifiers import code_of, coding, concept
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.tiss.elements import Part, maybe, part

Json = Any


def reason(given: Part, site: Site) -> Json:
    """A reason as CodeableConcept: code with the table's words, what the plan wrote as text. Raises MappingError."""
    code, known = given.text("codigoGlosa"), table("denial-reason")
    known.to(code, f"{given.path}.codigoGlosa")
    return concept(
        coding(site.systems.codes("tiss-38"), code, known.displays[code]), text=given.content("descricaoGlosa")
    )


def reason_part(name: str, stated: Json, element: str, site: Site) -> Element:
    """The same as element `name`. Raises MappingError."""
    code = code_of(stated, site.systems.codes("tiss-38"))
    if code is None:
        raise MappingError(element, "has no reason of TISS table 38")
    table("denial-reason").to(code, element)
    return part(name, part("codigoGlosa", code), maybe("descricaoGlosa", stated.get("text")))


def reason_codes(items: Iterable[Json], system: str) -> list[str]:
    """Codes of all items' reasons, each once, in their order."""
    found = (code_of(one.get("reason"), system) for item in items for one in item.get("adjudication", ()))
    return list(dict.fromkeys(code for code in found if code))
