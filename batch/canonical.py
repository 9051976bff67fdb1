"""What two records of one thing are compared by: names folded, days, cards without leading zeros. 10.3, 13. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batch.entities import Entity
from mappings.identifiers import CBO, CNES, CNPJ, CNS, CPF, RNE, code_of, value_of
from mappings.tasy.site import Site
from mappings.text import card_key, match_key

Json = Any
Reader = Callable[[Json, Site], str]
STATE = "situacao"
ACTIVE, ENDED = "ativo", "inativo"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is compared. What it cannot be read from is "", as is what is not there."""

    name: str
    read: Reader
    personal: bool = True
    """Whether reports mask it."""
    identity: bool = False
    """Whether it says who, rather than what."""
    unique: bool = False
    """Whether two records with the same are one too many."""
    refers: bool = False
    """Whether it is a reference that must lead somewhere."""


def _at(*path: str | int) -> Reader:
    def read(resource: Json, site: Site) -> str:
        at = resource
        for step in path:
            if isinstance(step, int):
                at = at[step] if isinstance(at, list) and len(at) > step else None
            else:
                at = at.get(step) if isinstance(at, dict) else None
        return str(at) if isinstance(at, (str, int, bool)) else ""

    return read


def _day(*path: str) -> Reader:
    read = _at(*path)
    return lambda resource, site: read(resource, site)[:10]


def _identifier(system: str) -> Reader:
    return lambda resource, site: value_of(resource, system) or ""


def _own(name: str) -> Reader:
    return lambda resource, site: value_of(resource, site.systems.sid(name)) or ""


def _name(resource: Json, site: Site) -> str:
    name = resource.get("name", "")
    if isinstance(name, list):
        official = next((one for one in name if one.get("use") == "official"), name[0] if name else {})
        name = official.get("text") or " ".join([*official.get("given", ()), official.get("family", "")])
    return match_key(name)


def _card(resource: Json, site: Site) -> str:
    return card_key(str(resource.get("subscriberId", "")))


def _kinship(resource: Json, site: Site) -> str:
    found = resource.get("relationship")
    return (
        code_of(found[0] if isinstance(found, list) and found else found or None, site.systems.codes("sib-parentesco"))
        or ""
    )


def _plan(resource: Json, site: Site) -> str:
    for one in resource.get("class", ()):
        if any(coding.get("code") == "plan" for coding in one.get("type", {}).get("coding", ())):
            return str(one.get("value", ""))
    return ""


def _extension(name: str, element: str) -> Reader:
    def read(resource: Json, site: Site) -> str:
        url = site.systems.extension(name)
        return next((str(one.get(element, "")) for one in resource.get("extension", ()) if one.get("url") == url), "")

    return read


def _inside(name: str, part: str, element: str) -> Reader:
    """Of an extension that has parts."""

    def read(resource: Json, site: Site) -> str:
        url = site.systems.extension(name)
        parts = [each for one in resource.get("extension", ()) if one.get("url") == url for each in one["extension"]]
        return next((str(one.get(element, "")) for one in parts if one.get("url") == part), "")

    return read


def _specialties(resource: Json, site: Site) -> str:
    return " ".join(sorted(code for one in resource.get("specialty", ()) if (code := code_of(one, CBO))))


def _network(resource: Json, site: Site) -> str:
    return " ".join(sorted(str(one.get("identifier", {}).get("value", "")) for one in resource.get("network", ())))


_PERSON = (
    Field("cpf", _identifier(CPF), identity=True, unique=True),
    Field("cns", _identifier(CNS), identity=True, unique=True),
    Field("nome", _name, identity=True),
    Field("nascimento", _day("birthDate"), identity=True),
)
_CONTRACT_DAYS = (Field("inicio", _day("period", "start"), False), Field("fim", _day("period", "end"), False))

FIELDS: Mapping[str, tuple[Field, ...]] = {
    "Patient": (*_PERSON, Field("rne", _identifier(RNE), identity=True), Field("sexo", _at("gender"), identity=True)),
    "RelatedPerson": (
        Field("nome", _name, identity=True),
        Field("paciente", _at("patient", "reference"), refers=True),
        Field("parentesco", _kinship, False),
    ),
    "Coverage": (
        Field("cartao", _card, unique=True),
        Field("beneficiario", _at("beneficiary", "reference"), refers=True),
        Field("parentesco", _kinship, False),
        Field("plano", _plan, False),
        *_CONTRACT_DAYS,
        Field("limite-utilizacao", _extension("limite-utilizacao", "valueDate"), False),
    ),
    "Organization": (
        Field("cnpj", _identifier(CNPJ), False, identity=True, unique=True),
        Field("cnes", _identifier(CNES), False),
        Field("nome", _name, False, identity=True),
    ),
    "Practitioner": _PERSON,
    "Location": (
        Field("cep", _at("address", "postalCode"), False),
        Field("telefone", _at("telecom", 0, "value"), False),
        Field("organizacao", _at("managingOrganization", "reference"), False, refers=True),
    ),
    "PractitionerRole": (
        Field("profissional", _at("practitioner", "reference"), False, refers=True),
        Field("organizacao", _at("organization", "reference"), False, refers=True),
        Field("local", _at("location", 0, "reference"), False, refers=True),
        Field("especialidades", _specialties, False),
        *_CONTRACT_DAYS,
    ),
    "HealthcareService": (
        Field("organizacao", _at("providedBy", "reference"), False, refers=True),
        Field("local", _at("location", 0, "reference"), False, refers=True),
        Field("especialidades", _specialties, False),
    ),
    "OrganizationAffiliation": (
        Field("participante", _at("participatingOrganization", "reference"), False, refers=True),
        Field("rede", _network, False),
        *_CONTRACT_DAYS,
    ),
    "InsurancePlan": (
        Field("registro-ans", _own("produto-ans"), False, identity=True, unique=True),
        Field("nome", _name, False, identity=True),
        *_CONTRACT_DAYS,
    ),
    "Basic": (
        Field("plano", _at("subject", "identifier", "value"), False),
        Field("grupo", _inside("carencia", "grupo", "valueCode"), False),
        Field("dias", _inside("carencia", "dias", "valueInteger"), False),
        Field("cpt", _inside("carencia", "cpt", "valueBoolean"), False),
    ),
    "ClaimResponse": (
        Field("resultado", _at("outcome"), False),
        Field("estado", _extension("tasy-status", "valueCode"), False),
        Field("senha", _at("preAuthRef")),
    ),
}
"""By type what is compared beside whether it counts."""


def canonical(resource: Json, kind: Entity, site: Site) -> tuple[str, ...]:
    """What a resource says, field by field, whether it counts first. Raises nothing: what has no sense is ""."""
    state = ACTIVE if kind.active(resource) else ENDED
    return (state, *(_read(one, resource, site) for one in FIELDS[kind.type]))


def _read(field: Field, resource: Json, site: Site) -> str:
    try:
        return field.read(resource, site)
    except (AttributeError, TypeError, KeyError, IndexError):
        return ""


def masked(value: str, field: Field | None) -> str:
    """A value for a report: of what is personal the end at most. field: None for whether it counts."""
    if not value:
        return "(vazio)"
    if field is None or not field.personal:
        return value
    return "***" + (value[-4:] if len(value) > 8 and value.isdigit() else "")
