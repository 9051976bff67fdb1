"""A record with two patients, one of them a child, and those who ask for what is in it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fhir_server.dispatch import Settings
from fhir_server.exchange import FhirRequest
from hub.authorization import known
from mappings.r4 import serialize
from smart_auth.scopes import UNRESTRICTED, Access, parse
from tests.fhir_server.conftest import BASE, serving

FHIR = {"content-type": "application/fhir+json"}
CODE = {"text": "x"}
ANA = {"reference": "Patient/ana"}


def born(years: int) -> str:
    return (datetime.now(UTC) - timedelta(days=366 * years)).strftime("%Y-%m-%d")


def person(name: str, role: str, scope: str, patient: str | None, user: str, **more: Any) -> Access:
    found = parse(scope, known).resources
    return Access(
        name, unrestricted=False, client="app", scopes=found, patient=patient, fhir_user=f"{BASE}/{user}",
        roles=(role,), **more,
    )  # fmt: skip


ALL = "patient/*.cruds"
PEOPLE: dict[str, Callable[[], Access]] = {
    "operator": lambda: UNRESTRICTED,
    "ana": lambda: person("ana", "member", ALL, "ana", "Patient/ana"),
    "ana without a patient": lambda: person("ana", "member", "user/*.cruds", None, "Patient/ana"),
    "ana elsewhere": lambda: Access(
        "ana", unrestricted=False, client="another app", scopes=parse(ALL, known).resources, patient="ana",
        fhir_user=f"{BASE}/Patient/ana", roles=("member",),
    ),
    "ana's reader": lambda: person("ana", "member", "patient/Patient.rs", "ana", "Patient/ana"),
    "rui": lambda: person("rui", "member", ALL, "rui", "Patient/rui"),
    "guardian": lambda: person("mother", "guardian", ALL, "kid", "RelatedPerson/mother"),
    "guardian of a grown-up": lambda: person("mother", "guardian", ALL, "ana", "RelatedPerson/mother"),
    "nurse": lambda: person("nurse", "nurse", "user/*.cruds", None, "Practitioner/nurse"),
    "nurse with ana open": lambda: person("nurse", "nurse", ALL, "ana", "Practitioner/nurse"),
    "officer": lambda: person("officer", "privacy-officer", "user/*.cruds", None, "Practitioner/officer"),
    "officer, second factor shown": lambda: person(
        "officer", "privacy-officer", "user/*.cruds", None, "Practitioner/officer", stepped_up=int(time.time())
    ),
    "service": lambda: Access(
        "chat", unrestricted=False, client="chat",
        scopes=parse("system/Consent.crus system/Patient.rs", known).resources,
    ),
    "research": lambda: Access(
        "research", unrestricted=False, client="research", scopes=parse("system/*.rs", known).resources
    ),
}  # fmt: skip


async def access(request: FhirRequest) -> Access:
    return PEOPLE[request.headers["authorization"]]()


class Hub:
    """A served record, asked by one person or another."""

    def __init__(self, client: httpx2.AsyncClient, files: Path) -> None:
        self.client, self.files = client, files

    async def ask(
        self, who: str, path: str, method: str = "GET", body: Any = None, **given: Any
    ) -> tuple[int, dict[str, Any], httpx2.Headers]:
        """Status, answer and headers; `given`: parameters of an operation, sent by POST."""
        if given:
            kinds = {bool: "valueBoolean", str: "valueString"}
            parameters = [
                {"name": name, kinds[type(one)]: one}
                for name, value in given.items() for one in (value if isinstance(value, list) else [value])
            ]  # fmt: skip
            method, body = "POST", {"resourceType": "Parameters", "parameter": parameters}
        content = serialize(body) if body is not None else None
        answer = await self.client.request(method, path, content=content, headers={**FHIR, "authorization": who})
        found = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
        return answer.status_code, found, answer.headers

    async def put(self, resource: dict[str, Any]) -> None:
        status, told, _ = await self.ask("operator", f"{resource['resourceType']}/{resource['id']}", "PUT", resource)
        assert status in (200, 201), told


@pytest.fixture
async def hub(database: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with serving(database, Settings(bulk_files=tmp_path), access=access) as client:
        found = Hub(client, tmp_path)
        for id, years in (("ana", 40), ("rui", 50), ("kid", 8)):
            await found.put({"resourceType": "Patient", "id": id, "birthDate": born(years)})
        for id, whose in (("own", "ana"), ("other", "rui"), ("kid", "kid")):
            await found.put({"resourceType": "Observation", "id": id, "status": "final", "code": CODE,
                             "subject": {"reference": f"Patient/{whose}"}, "valueString": f"seen {id}"})  # fmt: skip
        yield found


def parts(parameter: dict[str, Any]) -> dict[str, Any]:
    """Name -> value of the parts of a parameter; of those that repeat a list."""
    found: dict[str, Any] = {}
    for part in parameter["part"]:
        value = parts(part) if "part" in part else next(one for name, one in part.items() if name.startswith("value"))
        if "part" in part:
            found.setdefault(part["name"], []).append(value)
        else:
            found[part["name"]] = value
    return found
