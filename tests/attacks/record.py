"""Two patients, A and B, each with a record, and what is between them."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

from tests.attacks.caller import Caller
from tests.hub_process import Answer

LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
EVERYTHING = "system/*.cruds"


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


@dataclass
class Record:
    """Ids of all of it end in `mark`."""

    caller: Caller
    mark: str

    def __post_init__(self) -> None:
        self.operator = self.caller.token(EVERYTHING, seconds=3600)
        self.a, self.b = f"a-{self.mark}", f"b-{self.mark}"
        for one in self.resources():
            self.put(one)

    def token(self, scope: str = "patient/*.cruds", patient: str | None = None, **more: Any) -> str:
        """A token for A, or for another patient."""
        return self.caller.token(scope, patient=patient or self.a, **more)

    def put(self, resource: dict[str, Any]) -> Answer:
        """Stores a resource, as the operator."""
        path = f"{resource['resourceType']}/{resource['id']}"
        answer = self.caller.get(path, self.operator, "PUT", resource)
        assert answer.status in (200, 201), answer.body
        return answer

    def observation(self, who: str, id: str, category: str = "laboratory", **more: Any) -> dict[str, Any]:
        """An Observation of a patient ("a" or "b")."""
        return {
            "resourceType": "Observation", "id": f"{id}-{self.mark}", "status": "final", "code": coded(LOINC, "8867-4"),
            "category": [coded(CATEGORY, category)], "subject": {"reference": f"Patient/{who}-{self.mark}"},
            "performer": [{"reference": f"Practitioner/doctor-{self.mark}"}], "effectiveDateTime": "2024-01-01",
            "identifier": [{"system": "urn:o", "value": f"{id}-{self.mark}"}],
        } | more  # fmt: skip

    def resources(self) -> list[dict[str, Any]]:
        mark, a, b = self.mark, {"reference": f"Patient/{self.a}"}, {"reference": f"Patient/{self.b}"}
        found: list[dict[str, Any]] = [
            {"resourceType": "Organization", "id": f"org-{mark}", "name": f"Org {mark}"},
            {"resourceType": "Practitioner", "id": f"doctor-{mark}", "name": [{"family": f"Doctor{mark}"}]},
        ]
        for who, own in (("a", a), ("b", b)):
            id = f"{who}-{mark}"
            found += [
                {"resourceType": "Patient", "id": id, "name": [{"family": f"{who}{mark}"}], "gender": "female",
                 "identifier": [{"system": "urn:p", "value": id}], "birthDate": "1970-01-31",
                 "managingOrganization": {"reference": f"Organization/org-{mark}"}},
                self.observation(who, f"lab-{who}"),
                self.observation(who, f"vital-{who}", "vital-signs", code=coded(LOINC, f"v-{mark}")),
                {"resourceType": "Condition", "id": f"condition-{id}", "subject": own, "code": {"text": f"c{mark}"}},
                {"resourceType": "Encounter", "id": f"encounter-{id}", "status": "finished", "subject": own,
                 "class": {"code": "AMB"}},
                {"resourceType": "Binary", "id": f"binary-{id}", "contentType": "text/plain",
                 "securityContext": own, "data": base64.b64encode(f"binary of {who}".encode()).decode()},
                {"resourceType": "Consent", "id": f"consent-{id}", "status": "active", "patient": own,
                 "scope": {"text": "x"}, "category": [{"text": "x"}], "policyRule": {"text": "x"}},
                {"resourceType": "Provenance", "id": f"provenance-{id}", "recorded": "2024-01-01T00:00:00Z",
                 "target": [own], "agent": [{"who": {"reference": f"Practitioner/doctor-{mark}"}}]},
                {"resourceType": "Device", "id": f"device-{id}", "patient": own},
                {"resourceType": "Task", "id": f"task-{id}", "status": "draft", "intent": "order", "for": own},
            ]  # fmt: skip
        found += [
            {"resourceType": "Group", "id": f"group-{mark}", "type": "person", "actual": True,
             "member": [{"entity": a}, {"entity": b}]},
            {"resourceType": "AuditEvent", "id": f"audit-{mark}", "type": {"code": "rest"}, "recorded":
             "2024-01-01T00:00:00Z", "agent": [{"requestor": True, "who": a}], "source": {"observer": a},
             "entity": [{"what": a}]},
            # A's, and it speaks of B.
            self.observation("a", "focus-on-b", focus=[b]),
            {"resourceType": "DocumentReference", "id": f"document-{mark}", "status": "current", "subject": a,
             "content": [{"attachment": {"url": f"Binary/binary-b-{mark}"}}]},
            # B's, and it refers to what is A's.
            self.observation("b", "of-a-member", hasMember=[{"reference": f"Observation/lab-a-{mark}"}]),
        ]  # fmt: skip
        return found

    def foreign(self) -> list[str]:
        """Type/id of everything that A's app is never shown."""
        mine = {f"{one['resourceType']}/{one['id']}" for one in self.resources()}
        own = {
            f"{kind}/{id}"
            for kind, id in (
                ("Organization", f"org-{self.mark}"), ("Practitioner", f"doctor-{self.mark}"), ("Patient", self.a),
                ("Observation", f"lab-a-{self.mark}"), ("Observation", f"vital-a-{self.mark}"),
                ("Observation", f"focus-on-b-{self.mark}"), ("Condition", f"condition-{self.a}"),
                ("Encounter", f"encounter-{self.a}"), ("Consent", f"consent-{self.a}"),
                ("Provenance", f"provenance-{self.a}"), ("DocumentReference", f"document-{self.mark}"),
            )
        }  # fmt: skip
        return sorted(mine - own)

    def shown(self, path: str, token: str, **more: Any) -> set[str]:
        """Type/id of every entry of a Bundle, all pages."""
        found: set[str] = set()
        following: str | None = path
        while following:
            answer = self.caller.get(following, token, **more)
            assert answer.status == 200, (path, answer.status, answer.body[:300])
            bundle = answer.json()
            for entry in bundle.get("entry", ()):
                if "resource" in entry:
                    found.add(f"{entry['resource']['resourceType']}/{entry['resource']['id']}")
            following = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
        return found

    def status(self, path: str, token: str, method: str = "GET", body: Any = None, **headers: str) -> int:
        """What comes of a request, by its number alone."""
        return self.caller.get(path, token, method, body, **headers).status

    def until(self, path: str, token: str, wanted: int) -> float:
        """Seconds until both workers answer with this status."""
        began, in_a_row = time.monotonic(), 0
        while in_a_row < 12:
            in_a_row = in_a_row + 1 if self.status(path, token) == wanted else 0
            assert time.monotonic() - began < 5.5, "a change of policies holds within 5 seconds"
            time.sleep(0.02)
        return time.monotonic() - began

    def events(self, path: str, token: str, least: int) -> list[dict[str, Any]]:
        """AuditEvents, once so many are sealed."""
        end = time.monotonic() + 20
        while True:
            answer = self.caller.get(path, token)
            assert answer.status == 200, answer.body
            found = [entry["resource"] for entry in answer.json().get("entry", ())]
            if len(found) >= least:
                return found
            assert time.monotonic() < end, f"{len(found)} of {least}"
            time.sleep(0.1)
