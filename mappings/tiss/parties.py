"""Who takes part: provider, professional, member and plan, as TISS names them <-> resources.

In a resource they stand within (`contained`), for all that a guide says of them is numbers and a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from mappings import check_digits
from mappings.errors import Fault, MappingError
from mappings.identifiers import CBO, CNPJ, CPF, SID, canonical, code_of, coding, concept, council, value_of
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.tiss.elements import Part, maybe, part

Json = Any

_COUNCIL = re.compile(re.escape(SID) + r"([a-z]+)-([a-z]{2})")


def own_number(site: Site) -> str:
    """The system of the plan's own numbers of providers: those of its ERP."""
    return site.systems.sid("tasy/prestador")


def contracted(given: Part, faults: list[Fault]) -> tuple[str, str]:
    """System-less identifier of a provider: which element, and its text. Raises MappingError."""
    name, value = given.choice("codigoPrestadorNaOperadora", "cpfContratado", "cnpjContratado")
    kind = {"cpfContratado": "cpf", "cnpjContratado": "cnpj"}.get(name)
    if kind == "cnpj" and not value.isdecimal():
        raise MappingError(f"{given.path}.{name}", "this version of TISS has digits only in a CNPJ (5050)")
    if kind and (reason := check_digits.wrong(kind, value)):
        faults.append(Fault(f"{given.path}.{name}", reason, "check-digit"))
    return name, value


def provider(given: Part, id: str, name: str | None, site: Site, faults: list[Fault]) -> Json:
    """A provider as Organization."""
    kind, value = contracted(given, faults)
    system = {"cpfContratado": CPF, "cnpjContratado": CNPJ}.get(kind, own_number(site))
    return {
        "resourceType": "Organization", "id": id, "identifier": [{"system": system, "value": value}],
        **({"name": name} if name else {}),
    }  # fmt: skip


def contracted_part(name: str, resource: Json, element: str, site: Site) -> Element:
    """The same as element `name`. Raises MappingError."""
    for kind, system in (("codigoPrestadorNaOperadora", own_number(site)), ("cpfContratado", CPF),
                         ("cnpjContratado", CNPJ)):  # fmt: skip
        if value := value_of(resource, system):
            if kind == "cnpjContratado" and not value.isdecimal():
                raise MappingError(element, "this version of TISS has digits only in a CNPJ (5050)")
            return part(name, part(kind, value))
    raise MappingError(element, "has neither the plan's number nor CPF nor CNPJ")


def professional(given: Part, id: str) -> tuple[Json, Json]:
    """A professional as Practitioner, and their occupation as concept. Raises MappingError."""
    registered = table("council").to(given.text("conselhoProfissional"), f"{given.path}.conselhoProfissional")
    state = table("uf").back(given.text("UF"), f"{given.path}.UF")
    name = given.content("nomeProfissional")
    return {
        "resourceType": "Practitioner", "id": id,
        "identifier": [{"system": council(registered, state), "value": given.text("numeroConselhoProfissional")}],
        **({"name": [{"text": name}]} if name else {}),
    }, concept(coding(CBO, given.text("CBOS")))  # fmt: skip


def professional_part(name: str, resource: Json, occupation: Json, element: str) -> Element:
    """The same as element `name`. Raises MappingError."""
    for one in resource.get("identifier", ()):
        found = _COUNCIL.fullmatch(canonical(one.get("system", "")))
        if found and one.get("value"):
            break
    else:
        raise MappingError(element, "has no registration with a professional council")
    cbo = code_of(occupation, CBO)
    if cbo is None:
        raise MappingError(element, "has no occupation (CBO)")
    return part(
        name,
        maybe("nomeProfissional", name_of(resource)),
        part("conselhoProfissional", table("council").back(found[1], element)),
        part("numeroConselhoProfissional", str(one["value"])),
        part("UF", table("uf").to(found[2].upper(), element)),
        part("CBOS", cbo),
    )


def name_of(resource: Json, use: str | None = None) -> str | None:
    """A person's name in one line: the first of a use, or the first."""
    for one in resource.get("name", ()):
        if use is None or one.get("use") == use:
            return str(one.get("text") or " ".join([*one.get("given", ()), one.get("family", "")])).strip() or None
    return None


def coverage(card: str, id: str, plan: str, site: Site, until: str | None = None) -> Json:
    """A member's card as Coverage."""
    return {
        "resourceType": "Coverage", "id": id, "status": "active", "subscriberId": card,
        "beneficiary": member(card, site),
        **({"period": {"end": until}} if until else {}),
        "payor": [{"identifier": {"system": site.systems.sid("registro-ans"), "value": plan}}],
    }  # fmt: skip


def member(card: str, site: Site) -> Json:
    """Reference to a member of whom the card alone is known."""
    return site.reference("Patient", "carteira", card)


def card(resource: Json, referred: Mapping[str, Json], site: Site) -> tuple[str, Json]:
    """Number of the card that a request names, and its Coverage. Raises MappingError."""
    insurance = resource.get("insurance", ())
    chosen = next((one for one in insurance if one.get("focal")), insurance[0] if insurance else {})
    found = referred_to(chosen.get("coverage"), resource, referred)
    number = found.get("subscriberId") or value_of(found, site.systems.sid("carteira"))
    if not number:
        raise MappingError("insurance.coverage", "has no number of a member's card")
    return str(number), found


def referred_to(reference: Json, resource: Json, referred: Mapping[str, Json]) -> Json:
    """What a reference of a resource points to: within it, or beside it; {} where it is not there."""
    target = str((reference or {}).get("reference", ""))
    if target.startswith("#"):
        return next((one for one in resource.get("contained", ()) if one.get("id") == target[1:]), {})
    return referred.get(target, {})
