"""A mixed load from what a record holds: reads, searches of all families, writes, whole records, big Bundles."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.hub_process import Client

DISTINCT = 4000
"""Requests prepared; they are sent again and again, in an order of their own each time."""
SHARES = {
    "read": 36, "search": 34, "chain": 3, "create": 9, "update": 9, "transaction": 4, "everything": 3, "leaves": 1,
    "unknown": 1,
}  # fmt: skip
"""Of a hundred requests; "leaves" is a search whose client does not wait, "unknown" a read of what is not there."""
WRITES = ("create", "update", "transaction")
BIG_EVERY = 8.0
"""Seconds between Bundles of a patient's whole life."""
WRITTEN = 3
"""Every so many patients are those that are written about. The others are read: what a request asks for stays the same
however long the load lasts."""


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire."""

    kind: str
    raw: bytes
    leaves: bool = False


def request(client: Client, kind: str, method: str, path: str, body: Any = None, leaves: bool = False) -> Request:
    """body: bytes as they are, anything else as JSON."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"{method} /fhir{path} HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n"
    if raw:
        head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(raw)}\r\n"
    return Request(kind, head.encode() + b"\r\n" + raw, leaves)


@dataclass(frozen=True)
class _Patient:
    id: str
    family: str
    born: str


def _observation(patient: str, rng: random.Random) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{patient}"},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T10:00:00Z",
        "valueQuantity": {"value": rng.randint(50, 120), "unit": "/min", "system": "http://unitsofmeasure.org",
                          "code": "/min"},
    }  # fmt: skip


def _search(patient: _Patient, rng: random.Random) -> str:
    code = rng.choice(("8302-2", "29463-7", "8867-4", "72514-3"))
    return rng.choice((
        f"/Observation?patient={patient.id}&category=vital-signs&_count=20",
        f"/Observation?code=http://loinc.org|{code}&_sort=-date&_count=20",
        f"/Patient?name={quote(patient.family)}&birthdate={patient.born}",
        f"/Encounter?patient={patient.id}&_include=Encounter:practitioner",
        f"/Observation?code=http://loinc.org|{code}&date=ge20{rng.randint(10, 18)}-01-01&_count=10",
        f"/Observation?code-value-quantity=8302-2$gt{rng.randint(150, 190)}&_count=10",
        f"/Observation?patient={patient.id}&value-quantity=gt{rng.randint(50, 150)}&_count=10",
        f"/Condition?patient={patient.id}&_sort=-onset-date",
        f"/MedicationRequest?patient={patient.id}&status=active",
        f"/Patient?gender=female&birthdate=ge19{rng.randint(30, 90)}&_count=10&_total=accurate",
        f"/Patient/{patient.id}/_history",
    ))  # fmt: skip


def _chain(patient: _Patient, rng: random.Random) -> str:
    return rng.choice((
        f"/Condition?patient.birthdate=lt19{rng.randint(40, 80)}&_count=5",
        f"/Patient?_has:Immunization:patient:date=ge20{rng.randint(10, 18)}&_count=5",
        f"/Observation?subject:Patient.name={quote(patient.family)}&_count=10",
    ))  # fmt: skip


def _transaction(patient: str, rng: random.Random) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [
        {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
         "request": {"method": "POST", "url": "Observation"}, "resource": _observation(patient, rng)}
        for number in range(6)
    ]  # fmt: skip
    report = {
        "resourceType": "DiagnosticReport", "status": "final", "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "34566-0"}]},
        "result": [{"reference": entry["fullUrl"]} for entry in entries],
    }  # fmt: skip
    entries.append({"request": {"method": "POST", "url": "DiagnosticReport"}, "resource": report})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def prepare(client: Client, rng: random.Random) -> list[Request]:
    """`DISTINCT` requests in the shares above, of the patients the record has."""
    found = client.found("Patient?_count=200")
    patients = [_Patient(one["id"], one["name"][0]["family"], one["birthDate"]) for one in found]
    written, read = patients[::WRITTEN], [one for n, one in enumerate(patients) if n % WRITTEN]
    made = []
    for kind in rng.choices(list(SHARES), list(SHARES.values()), k=DISTINCT):
        patient, number = rng.choice(written if kind in WRITES else read), rng.randrange(2000)
        match kind:
            case "read":
                one = request(client, kind, "GET", f"/Patient/{patient.id}")
            case "unknown":
                one = request(client, kind, "GET", f"/Patient/nobody-{number}")
            case "search" | "leaves":
                one = request(client, kind, "GET", _search(patient, rng), leaves=kind == "leaves")
            case "chain":
                one = request(client, kind, "GET", _chain(patient, rng))
            case "everything":
                one = request(client, kind, "GET", f"/Patient/{patient.id}/$everything")
            case "create":
                one = request(client, kind, "POST", "/Observation", _observation(patient.id, rng))
            case "update":
                body = _observation(patient.id, rng) | {"id": f"overload-{number}"}
                one = request(client, kind, "PUT", f"/Observation/overload-{number}", body)
            case _:
                one = request(client, kind, "POST", "", _transaction(patient.id, rng))
        made.append(one)
    return made


def endless(client: Client, prepared: list[Request], big: list[Path], rng: random.Random, rate: float) \
        -> Iterator[Request]:  # fmt: skip
    """The prepared requests over and over; at `rate` a second a big Bundle comes every `BIG_EVERY` seconds."""
    bundles = [request(client, "big bundle", "POST", "", path.read_bytes()) for path in big]
    every, sent = max(1, round(rate * BIG_EVERY)), 0
    while True:
        for one in rng.sample(prepared, len(prepared)):
            sent += 1
            if bundles and sent % every == 0:
                yield bundles[sent // every % len(bundles)]
            yield one
