"""The search parameters of US Core: each is stored, indexed where R4 has none like it, and finds. https://hl7.org/fhir/us/core/STU6.1/search-parameters.html

    python -m tests.conformance.us_core ../shared/data

A resource of each base is made by hand for the parameters that R4 does not have; R4's own answers for the others.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from hub.embedded import Embedded
from tests.hub_process import Client, HubProcess

PACKAGE = "fhir-r4/us-core/us_core_610.tgz"
EXCEPTIONS: dict[str, str] = {}
"""Id of a SearchParameter -> why it cannot be searched by here."""

_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"


def _coded(url: str, part: str, code: str) -> dict[str, Any]:
    return {"url": f"{_CORE}/{url}", "extension": [{"url": part, "valueCoding": {"code": code}}]}


_CONCEPT = {"coding": [{"code": "x"}]}
EXAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "us-core-careteam-role": ({"resourceType": "CareTeam", "participant": [{"role": [_CONCEPT]}]}, "x"),
    "us-core-condition-asserted-date": (
        {"resourceType": "Condition", "subject": {"display": "who"}, "code": {"text": "x"}, "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2020-05-01"}]},
        "2020-05",
    ),
    "us-core-encounter-discharge-disposition": (
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
         "hospitalization": {"dischargeDisposition": _CONCEPT}},
        "x",
    ),
    "us-core-ethnicity": (
        {"resourceType": "Patient", "extension": [_coded("us-core-ethnicity", "ombCategory", "2135-2")]}, "2135-2",
    ),
    "us-core-goal-description": (
        {"resourceType": "Goal", "lifecycleStatus": "active", "description": _CONCEPT, "subject": {"display": "who"}},
        "x",
    ),
    "us-core-patient-gender-identity": (
        {"resourceType": "Patient", "extension": [
            {"url": f"{_CORE}/us-core-genderIdentity", "valueCodeableConcept": _CONCEPT}]},
        "x",
    ),
    "us-core-race": ({"resourceType": "Patient", "extension": [_coded("us-core-race", "ombCategory", "2106-3")]},
                     "2106-3"),
}  # fmt: skip
"""Id of a parameter that R4 does not have -> a resource it finds, and by which value."""


def definitions(data: Path) -> list[dict[str, Any]]:
    """All SearchParameters of the package."""
    with tarfile.open(data / PACKAGE) as package:
        members = [one for one in package.getmembers() if "/SearchParameter-" in one.name]
        files = [package.extractfile(one) for one in members]
        return sorted((json.load(file) for file in files if file), key=lambda one: str(one["id"]))


def check(client: Client, known: list[dict[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """Ids of those that can be searched by, and of the others why not."""
    failed: dict[str, str] = {}
    stored: dict[str, str] = {}
    for id, (resource, _) in EXAMPLES.items():
        answer = client.request("POST", resource["resourceType"], resource)
        assert answer.status == 201, (id, answer.body)
        stored[id] = answer.json()["id"]
    for one in known:
        answer = client.request("PUT", f"SearchParameter/{one['id']}", one)
        if answer.status != 201:
            failed[one["id"]] = answer.json()["issue"][0]["diagnostics"]
    end = time.monotonic() + 60
    while time.monotonic() < end and any(_pending(client, one) for one in known if one["id"] not in failed):
        time.sleep(0.2)
    good = []
    for one in known:
        if one["id"] not in failed:
            reason = _wrong(client, one, stored)
            if reason:
                failed[one["id"]] = reason
            else:
                good.append(one["id"])
    return good, failed


def _pending(client: Client, one: dict[str, Any]) -> bool:
    answer = client.request("GET", f"{one['base'][0]}?{one['code']}:missing=true&_summary=count")
    return answer.status == 400 and "is being indexed" in answer.json()["issue"][0]["diagnostics"]


def _wrong(client: Client, one: dict[str, Any], stored: dict[str, str]) -> str:
    for base in one["base"]:
        answer = client.request("GET", f"{base}?{one['code']}:missing=true&_summary=count")
        if answer.status != 200:
            return f"{base}: {answer.json()['issue'][0]['diagnostics']}"
    if one["id"] in EXAMPLES:
        found = client.found(f"{one['base'][0]}?{one['code']}={EXAMPLES[one['id']][1]}")
        if stored[one["id"]] not in [each["id"] for each in found]:
            return "does not find what it should"
    return ""


def main(arguments: list[str]) -> int:
    """Exit code."""
    known = definitions(Path(arguments[0]))
    with tempfile.TemporaryDirectory(prefix="hub-us-core-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        database = Embedded(folder / "postgres", {"fsync": "off", "full_page_writes": "off"})
        url = database.start()
        try:
            with HubProcess(folder / "hub", {"database_url": url}) as hub:
                good, failed = check(hub.client, known)
                active = hub.client.get("metadata")
        finally:
            database.release()
    own = {one["url"] for one in known}
    listed = {each["definition"] for one in active["rest"][0]["resource"] for each in one["searchParam"]} & own
    for id, reason in failed.items():
        print(f"{id}: {reason}{f' ({EXCEPTIONS[id]})' if id in EXCEPTIONS else ''}")
    unknown = set(failed) - set(EXCEPTIONS)
    print(
        f"{len(good)} of {len(known)} search parameters of US Core can be searched by, {len(listed)} of them their own"
    )
    return 1 if unknown or not known or set(EXAMPLES) - set(good) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
