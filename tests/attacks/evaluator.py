"""Who sees what, a second time: by looking at whole resources one after another, as the contract says.

Slow and simple; it shares nothing with the SQL it is compared with but the rows of policies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fhir_server.access.policies import SHIPPED
from tests.attacks.world import AIAST, HIV, OF_PATIENTS, SHARED, Caller

Resource = dict[str, Any]
_SCOPE = re.compile(r"(patient|user|system)/(\*|\w+)\.(c?r?u?d?s?)(?:\?(\w+)=(\w+))?")
SHARED_TYPES = {*SHARED, "CodeSystem", "ConceptMap", "NamingSystem", "StructureDefinition", "SearchParameter"}
_ELEMENTS = {kind: element.removesuffix("[]") for kind, (element, _) in OF_PATIENTS.items()} | {
    "Consent": "patient", "CareTeam": "subject"
}  # fmt: skip


class Evaluator:
    """Judges by the resources of a record."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = resources
        self._by_reference = {f"{one['resourceType']}/{one['id']}": one for one in resources}

    def granted(self, caller: Caller, permission: str, kind: str) -> bool:
        """Whether the type is open at all: else 403, whatever there is of it."""
        return any(True for _ in self._grants(caller, permission, kind))

    def sees(self, caller: Caller, permission: str, resource: Resource) -> bool:
        """Whether the permission holds for the resource."""
        return any(
            self._meets(caller, resource, grant) for grant in self._grants(caller, permission, resource["resourceType"])
        )

    def _grants(self, caller: Caller, permission: str, kind: str) -> Iterator[dict[str, Any]]:
        """Each way by which the permission on the type is given: its walls."""
        for text in caller.scope.split():
            found = _SCOPE.fullmatch(text)
            assert found is not None, text
            level, named, letters, name, value = found.groups()
            if named not in ("*", kind) or permission not in letters:
                continue
            condition = (name, value) if name else None
            if level == "system":
                yield {"condition": condition}
            elif not caller.roles:
                if level == "patient" and kind in SHARED_TYPES:
                    if permission in "rs":
                        yield {"condition": condition}
                elif level == "patient" and self._of_a_patient(kind):
                    own = caller.user in (None, f"Patient/{caller.patient}")
                    yield {"condition": condition, "within": caller.patient, "consent": not own, "purpose": "PATRQT"}
            else:
                yield from self._by_policy(caller, permission, kind, level, condition)

    def _by_policy(
        self, caller: Caller, permission: str, kind: str, level: str, condition: tuple[str, str] | None
    ) -> Iterator[dict[str, Any]]:
        itself = (caller.user or "").removeprefix("Patient/") if (caller.user or "").startswith("Patient/") else None
        own = caller.patient or itself
        for role in caller.roles:
            for row in SHIPPED.by_role.get(role, ()):
                if kind not in row.types or permission not in row.interactions:
                    continue
                if kind in SHARED_TYPES:
                    if level == "user" or permission in "rs":
                        yield {"condition": condition}
                    continue
                within = row.relation in ("own", "ward") or level == "patient"
                if within and (own is None or not self._of_a_patient(kind)):
                    continue
                if row.relation == "care" and caller.organization is None:
                    continue
                yield {
                    "condition": condition, "desk": row.criteria, "within": own if within else None,
                    "relation": row.relation, "consent": row.relation != "own", "purpose": row.purposes[0],
                }  # fmt: skip

    def _meets(self, caller: Caller, resource: Resource, grant: dict[str, Any]) -> bool:
        labels = {one["code"] for one in resource.get("meta", {}).get("security", ())}
        if grant["condition"] is not None:
            name, value = grant["condition"]
            there = labels if name == "_security" else {resource.get(name)}
            if value not in there:
                return False
        for name, value in grant.get("desk", ()):
            if not set(value.split(",")) & _told(resource, name):
                return False
        patient = self._patient(resource)
        if grant.get("within") is not None and (patient != grant["within"] or AIAST["code"] in labels):
            return False
        if grant.get("relation") == "care" and not self._related(patient, self._at(caller.organization)):
            return False
        if grant.get("relation") == "ward" and not self._minor(grant["within"]):
            return False
        return not grant.get("consent") or self._consented(caller, resource, patient, labels)

    def _consented(self, caller: Caller, resource: Resource, patient: str | None, labels: set[str]) -> bool:
        """The consents of this record name one actor each, and nothing else but perhaps a label."""
        said = [
            (one["provision"]["type"], {label["code"] for label in one["provision"].get("securityLabel", ())})
            for one in self.resources
            if one["resourceType"] == "Consent"
            and self._patient(one) == patient
            and caller.user in {each["reference"]["reference"] for each in one["provision"]["actor"]}
        ]
        if any(kind == "deny" and (not about or about & labels) for kind, about in said):
            return False
        if HIV["code"] not in labels:
            return True
        permitted = any(kind == "permit" and HIV["code"] in about for kind, about in said)
        return permitted or self._related(patient, {caller.user})

    def _of_a_patient(self, kind: str) -> bool:
        return kind == "Patient" or kind in _ELEMENTS

    def _patient(self, resource: Resource) -> str | None:
        if resource["resourceType"] == "Patient":
            return str(resource["id"])
        value = resource.get(_ELEMENTS.get(resource["resourceType"], ""))
        reference = (value[0] if isinstance(value, list) else value or {}).get("reference", "")
        return str(reference).removeprefix("Patient/") or None

    def _at(self, organization: str | None) -> set[str | None]:
        places = {
            f"Location/{one['id']}"
            for one in self.resources
            if one.get("managingOrganization", {}).get("reference") == organization
        }
        return {organization, *places}

    def _related(self, patient: str | None, whom: set[str | None]) -> bool:
        """Whether anything of the last 24 months ties one of them to the patient."""
        since = (datetime.now(UTC) - timedelta(days=730)).date()
        for one in self.resources:
            if self._patient(one) != patient or one.get("period", {}).get("start", "0001-01-01") == "0001-01-01":
                continue
            others = {one.get("serviceProvider", {}).get("reference")}
            others |= {each.get("member", {}).get("reference") for each in one.get("participant", ())}
            if others & (whom - {None}) and date.fromisoformat(one["period"]["start"]) >= since:
                return True
        return False

    def _minor(self, patient: str) -> bool:
        born = date.fromisoformat(self._by_reference[f"Patient/{patient}"]["birthDate"])
        today = datetime.now(UTC).date()
        return (today.year - born.year - ((today.month, today.day) < (born.month, born.day))) < 18


def _told(task: Resource, name: str) -> set[str]:
    """What a Task says of whose desk it is for, and how soon."""
    concepts = {"code": [task.get("code", {})], "performer": task.get("performerType", [])}
    if name in concepts:
        return {coding["code"] for one in concepts[name] for coding in one.get("coding", ())}
    return {str(task.get(name))}
