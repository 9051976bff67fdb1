"""Codes of TISS: those that pass through as extensions, and procedures. TISS 4.01.00, tissSimpleTypesV4_01_00.xsd."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

from mappings import check_digits
from mappings.errors import Fault, MappingError
from mappings.identifiers import coding, concept
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.tiss.elements import Part, maybe, part

Json = Any

_CODES: Mapping[str, frozenset[str]] = {
    "tipoEtapaAutorizacao": frozenset("12"),
    "ausenciaCodValidacao": frozenset(f"0{n}" for n in range(1, 8)),
    "tipoIdent": frozenset(f"0{n}" for n in range(1, 10)),
    "coberturaEspecial": frozenset(("01", "02", "03")),
}
"""Codes that pass through as they are."""
EXTENSIONS = {
    "tipoEtapaAutorizacao": "etapa-autorizacao", "ausenciaCodValidacao": "ausencia-validacao",
    "tipoIdent": "tipo-identificacao", "coberturaEspecial": "cobertura-especial",
}  # fmt: skip
_MOST = 999


def coded(given: Part, name: str, site: Site) -> list[Json]:
    """A code that passes through, as extension in a list. Raises MappingError: it is none of its table."""
    code = given.content(name)
    if code is None:
        return []
    if code not in _CODES[name]:
        raise MappingError(f"{given.path}.{name}", "code unknown to TISS 4.01.00")
    return [{"url": site.systems.extension(EXTENSIONS[name]), "valueCode": code}]


def coded_part(name: str, resource: Json, site: Site) -> Element | None:
    """The same as element. Raises MappingError."""
    code = extension(resource, EXTENSIONS[name], site).get("valueCode")
    if code is not None and code not in _CODES[name]:
        raise MappingError(f"extension({EXTENSIONS[name]})", "code unknown to TISS 4.01.00")
    return maybe(name, code)


def text_extension(given: Part, name: str, called: str, site: Site) -> list[Json]:
    """Text that passes through, as extension in a list."""
    text = given.content(name)
    return [] if text is None else [{"url": site.systems.extension(called), "valueString": text}]


def extension(resource: Json, name: str, site: Site) -> Json:
    """An extension of the plan's own, {} where there is none."""
    url = site.systems.extension(name)
    return next((one for one in resource.get("extension", ()) if one["url"] == url), {})


def procedure(given: Part, site: Site, faults: list[Fault]) -> Json:
    """A `ct_procedimentoDados` as concept. Raises MappingError: its table is none."""
    kind, code = given.text("codigoTabela"), given.text("codigoProcedimento")
    system = table("tiss-table").to(kind, f"{given.path}.codigoTabela")
    if kind == "22" and (reason := check_digits.wrong("tuss", code)):
        faults.append(Fault(f"{given.path}.codigoProcedimento", reason, "check-digit"))
    return concept(coding(site.systems.codes(system), code, given.text("descricaoProcedimento")))


def procedure_part(stated: Json, element: str, site: Site) -> Element:
    """The same as element. Raises MappingError."""
    known = {site.systems.codes(name): kind for kind, name in table("tiss-table").forward.items()}
    for one in (stated or {}).get("coding", ()):
        if one.get("code") and one.get("system") in known:
            said = one.get("display") or stated.get("text")
            if not said:
                raise MappingError(element, "needs a display: TISS asks for the procedure's description")
            return part(
                "procedimento",
                part("codigoTabela", known[one["system"]]),
                part("codigoProcedimento", str(one["code"])),
                part("descricaoProcedimento", str(said)),
            )
    raise MappingError(element, "has no code of a table that TISS knows")


def whole(quantity: Json, element: str) -> str:
    """A quantity as TISS writes it. Raises MappingError: not a whole number of at most three digits."""
    value = (quantity or {}).get("value", 1)
    if not isinstance(value, int | float | Decimal) or value != int(value) or not 0 <= value <= _MOST:
        raise MappingError(element, "TISS asks for a whole number of at most three digits")
    return str(int(value))
