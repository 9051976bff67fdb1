"""Naming systems of identifiers and codes: those written, and the other names under which the same come in.

Those of the Ministry of Health are RNDS's; `Systems` makes those of the plan itself from the project's base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings import check_digits
from mappings.errors import Fault

Json = Any

SID = "https://saude.gov.br/fhir/sid/"
_ALIASES = ("http://rnds.saude.gov.br/fhir/r4/NamingSystem/", "https://saude.gov.br/sid/")
_CODES = "https://terminologia.saude.gov.br/fhir/CodeSystem/"
_CODE_ALIAS = "http://www.saude.gov.br/fhir/r4/CodeSystem/"

CPF, CNS, CNPJ, CNES, RNE = (SID + name for name in ("cpf", "cns", "cnpj", "cnes", "rne"))
RACE, CBO, CID10, SIGTAP = (_CODES + name for name in ("BRRacaCor", "BRCBO", "BRCID10", "BRTabelaSUS"))
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"

_CHECKED = {CPF: "cpf", CNS: "cns", CNPJ: "cnpj"}


@dataclass(frozen=True, slots=True)
class Systems:
    """Naming systems below the project's base."""

    base: str = "https://austa.example/fhir"
    """Without trailing slash."""

    def sid(self, name: str) -> str:
        """registro-ans, produto-ans, carteira, protocolo, guia-prestador, or tasy/ and one of pessoa-fisica, segurado,
        prestador, guia, conta, protocolo."""
        return f"{self.base}/sid/{name}"

    def codes(self, name: str) -> str:
        """A code system: tuss-22, tiss-38, sib-parentesco, ..."""
        return f"{self.base}/CodeSystem/{name}"

    def extension(self, name: str) -> str:
        """The URL of an extension: carencia, tasy-status, municipio-ibge, ..."""
        return f"{self.base}/StructureDefinition/{name}"


def canonical(system: str) -> str:
    """The system that is written, for one of its aliases; any other as it is."""
    for alias in _ALIASES:
        if system.startswith(alias):
            return SID + system.removeprefix(alias).lower()
    if system.startswith(_CODE_ALIAS):
        return _CODES + system.removeprefix(_CODE_ALIAS)
    return system


def council(code: str, state: str) -> str:
    """The system of a professional council's registrations: "crm", "SP" -> .../sid/crm-sp."""
    return f"{SID}{code}-{state.lower()}"


def identifier(system: str, value: str | int | None, **more: Json) -> list[Json]:
    """An Identifier in a list, or an empty list where there is no value: made to be spread into a list of them."""
    return [] if value is None else [{**more, "system": system, "value": str(value)}]


def value_of(resource: Mapping[str, Json], system: str) -> str | None:
    """The value of the resource's first identifier of a system, aliases included; None if it has none."""
    for one in resource.get("identifier", ()):
        if canonical(one.get("system", "")) == system and one.get("value"):
            return str(one["value"])
    return None


def checked(identifiers: Iterable[Json], element: str = "identifier") -> list[Fault]:
    """A fault for each identifier of foreign data whose check digit is wrong: it is kept as it came."""
    return [
        Fault(f"{element}.{kind}", reason, "check-digit")
        for one in identifiers
        if (kind := _CHECKED.get(canonical(one.get("system", ""))))
        and (reason := check_digits.wrong(kind, str(one.get("value", ""))))
    ]


def coding(system: str, code: str, display: str | None = None) -> Json:
    """A Coding."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(*codings: Json, text: str | None = None) -> Json:
    """A CodeableConcept."""
    return {**({"coding": list(codings)} if codings else {}), **({"text": text} if text else {})}


def code_of(concept: Mapping[str, Json] | None, system: str) -> str | None:
    """The concept's code of a system, aliases included; None if it has none."""
    for one in (concept or {}).get("coding", ()):
        if canonical(one.get("system", "")) == system and one.get("code"):
            return str(one["code"])
    return None
