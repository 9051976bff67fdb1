"""What the scopes of an Access open, type by type. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html

`system/` opens a type as far as its condition goes; `patient/` what is in the compartment of one patient besides, and
of the types shared by all what may be read. `user/` opens what the policy of a person says, and there is none yet:
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fhir_server.compartment import member_types
from fhir_server.resource_types import RESOURCE_TYPES
from smart_auth.scopes import Access, Scope

SHARED = frozenset({
    "Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService", "Medication", "InsurancePlan",
    "Questionnaire", "CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "TerminologyCapabilities",
    "CapabilityStatement", "StructureDefinition", "StructureMap", "ImplementationGuide", "SearchParameter",
    "MessageDefinition", "OperationDefinition", "CompartmentDefinition", "GraphDefinition", "ExampleScenario",
})  # fmt: skip
"""Types that are of no patient: with a scope for them, everybody reads them."""
NEVER = frozenset({"AuditEvent", "Group", "Schedule"})
"""Types that R4's definition puts into the compartment, and that no patient is shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """Resources of some types that meet a condition of a scope."""

    types: tuple[str, ...]
    inside: bool
    """Only those of the patient's compartment."""
    condition: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """What is open for certain permissions."""

    open: frozenset[str]
    """Types of which everything is."""
    inside: frozenset[str]
    """Types of which the patient's own are."""
    parts: tuple[Part, ...]
    """What is open besides, under conditions."""
    types: tuple[str, ...]
    """All types of which anything may be open."""

    @property
    def everything(self) -> bool:
        """Nothing is closed."""
        return len(self.open) == len(RESOURCE_TYPES)


NO_WALL = Wall(frozenset(RESOURCE_TYPES), frozenset(), (), tuple(RESOURCE_TYPES))


def wall_of(access: Access) -> Wall:
    """The wall of the permissions in use."""
    if access.unrestricted:
        return NO_WALL
    return _wall(access.scopes, access.permission, access.patient is not None)


@lru_cache(maxsize=4096)
def _wall(scopes: tuple[Scope, ...], permission: str, patient: bool) -> Wall:
    given = [one for one in scopes if set(one.permissions) & set(permission)]
    opened: set[str] = set()
    inside: set[str] = set()
    parts: list[Part] = []
    for scope in given:
        types = RESOURCE_TYPES if scope.type == "*" else (scope.type,)
        own: tuple[str, ...] = ()
        if scope.level == "patient":
            own = tuple(one for one in types if patient and one in _compartment())
            # A patient's app reads what is shared, and changes none of it.
            types = tuple(one for one in types if one in SHARED and set(permission) <= set("rs"))
        elif scope.level != "system":
            continue
        if not scope.condition:
            opened.update(types)
            inside.update(own)
        else:
            parts += [
                Part(tuple(some), within, scope.condition) for some, within in ((types, False), (own, True)) if some
            ]
    some = opened | inside | {one for part in parts for one in part.types}
    if len(opened) == len(RESOURCE_TYPES):
        return NO_WALL
    return Wall(
        frozenset(opened), frozenset(inside - opened), tuple(parts), tuple(one for one in RESOURCE_TYPES if one in some)
    )


@lru_cache(maxsize=1)
def _compartment() -> frozenset[str]:
    return frozenset(member_types("Patient")) - NEVER
