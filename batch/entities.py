"""What each flow brings, in the order in which it is applied, and what is asked of a line. Tasy contract, 10.3, 12.

`FLOWS` is a table: another entity is a row in it (README, "How to add an entity of Tasy's").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mappings.identifiers import CBO, code_of, value_of
from mappings.tasy.site import Site

Json = Any
OF_ERP = re.compile(r"(pf|seg|prest|plano|carencia|guia|conta)-[A-Za-z0-9\-.]+")
"""Logical ids that are the ERP's keys: whose they are says their prefix."""
REMOVED = "_Deleted"
"""Last of every flow: Bundles with DELETE entries, applied as an end, never as a deletion."""


def _nothing(resource: Json, site: Site) -> Json:
    return None


def _id(resource: Json, site: Site) -> str:
    return str(resource.get("id", ""))


def _guide(resource: Json, site: Site) -> str:
    """Of a guide's decision the ERP's number, whatever the hub calls it; its id where the ERP has given none yet."""
    try:
        number = value_of(resource, site.systems.sid("tasy/guia"))
    except (AttributeError, TypeError):  # an element is of another shape than FHIR's
        number = None
    return f"guia-{number}" if number else _id(resource, site)


@dataclass(frozen=True, slots=True)
class Entity:
    """A resource type of a flow."""

    type: str
    required: tuple[str, ...] = ()
    """Elements that a line must have beyond what FHIR asks for."""
    coded: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Element: code system of the project, and the table its code must be in."""
    status: tuple[str, str] | None = None
    """Of a type with `status`: what it is while it counts, and at its end. None: `active` says it."""
    facts: Callable[[Json, Site], Json] = _nothing
    """What guards of the flow ask of it. Nothing personal."""
    versioned: bool = False
    """Whether what it was before stays beside it, closed, when another comes into force."""
    endless: bool = False
    """Whether FHIR has no element that says that it has ended: it counts while it is there, and is not removed."""
    key: Callable[[Json, Site], str] = _id
    """By what a reconciliation finds the same in the other record."""
    open_only: bool = False
    """Whether the ERP tells a reconciliation of those alone that are not decided yet."""

    def active(self, resource: Json) -> bool:
        """Whether the resource counts today."""
        if self.endless:
            return True
        if self.status is None:
            return resource.get("active", True) is not False
        return bool(resource.get("status") == self.status[0])

    def told(self, resource: Json) -> bool:
        """Whether the ERP would tell a reconciliation of what the hub has."""
        return not self.open_only or (self.active(resource) and resource.get("outcome") == "queued")

    def ended(self) -> tuple[str, Json]:
        """The element that says that it does not count any more, and what it says."""
        return ("active", False) if self.status is None else ("status", self.status[1])


def _municipality(resource: Json, site: Site) -> Json:
    url = site.systems.extension("municipio-ibge")
    for one in resource.get("address", {}).get("extension", ()):
        if one.get("url") == url:
            return {"municipality": one.get("valueCode") or one.get("valueString")}
    return None


def _specialties(resource: Json, site: Site) -> Json:
    codes = [code for one in resource.get("specialty", ()) if (code := code_of(one, CBO))]
    places = [str(one.get("reference", "")).rpartition("/")[2] for one in resource.get("location", ())]
    return {"specialty": codes, "location": places}


def _product(resource: Json, site: Site) -> Json:
    """Its terms without when it ends: that a version is closed changes nothing of what it promised."""
    number = value_of(resource, site.systems.sid("produto-ans"))
    period = resource.get("period", {})
    terms = {name: value for name, value in resource.items() if name not in ("meta", "status", "period")}
    digest = hashlib.sha256(orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {"numbered": number is not None, "start": str(period.get("start", ""))[:10], "terms": digest}


_ORGANIZATION = Entity("Organization", ("identifier", "name"))
_LOCATION = Entity("Location", status=("active", "inactive"), facts=_municipality)
_PRACTITIONER = Entity("Practitioner", ("identifier", "name"))
_PATIENT = Entity("Patient", ("identifier", "name", "birthDate"))
_RELATED = Entity("RelatedPerson", ("patient", "relationship"))
_PLAN = Entity(
    "InsurancePlan",
    ("identifier", "name", "period.start"),
    status=("active", "retired"),
    facts=_product,
    versioned=True,
)
_WAITING = Entity("Basic", ("code", "subject", "extension"), endless=True)
_COVERAGE = Entity(
    "Coverage",
    ("subscriberId", "beneficiary", "payor", "period.start"),
    {"relationship": ("sib-parentesco", "kinship")},
    ("active", "cancelled"),
)
_ROLE = Entity("PractitionerRole", ("practitioner",), facts=_specialties)
_SERVICE = Entity("HealthcareService", ("providedBy",), facts=_specialties)
_AFFILIATION = Entity("OrganizationAffiliation", ("participatingOrganization",))
_CLAIM_RESPONSE = Entity("ClaimResponse", status=("active", "cancelled"), key=_guide, open_only=True)

_MEMBERS = (_PATIENT, _RELATED, _COVERAGE)
_NETWORK = (_ORGANIZATION, _LOCATION, _PRACTITIONER, _ROLE, _SERVICE, _AFFILIATION)
_PLANS = (_PLAN, _WAITING)

FLOWS: Mapping[str, tuple[Entity, ...]] = {
    "MEMBROS": _MEMBERS,
    "REDE": _NETWORK,
    "PLANOS": _PLANS,
    "RECONCILIACAO": (*_NETWORK[:3], *_MEMBERS[:2], *_PLANS, _COVERAGE, *_NETWORK[3:], _CLAIM_RESPONSE),
}
CODES = {"MEMBROS": "B-1", "REDE": "B-2", "PLANOS": "B-3", "RECONCILIACAO": "B-4"}
"""What the contract calls each flow."""


def entity(flow: str, resource_type: str) -> Entity | None:
    """The entity of a flow; None: it has none of this type."""
    return next((one for one in FLOWS[flow] if one.type == resource_type), None)


def place(flow: str, resource_type: str) -> int:
    """Where a type stands in the order of its flow; what is removed comes last."""
    types = [one.type for one in FLOWS[flow]]
    return types.index(resource_type) if resource_type in types else len(types)
