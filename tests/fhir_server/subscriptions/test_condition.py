"""What memory says of a criterion is what PostgreSQL says of it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.search.match import matches
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.condition import NotSimple, compiled
from fhir_server.subscriptions.definition import Unusable, definition
from fhir_server.subscriptions.matching import match, plans
from fhir_server.subscriptions.seen import Seen
from fhir_server.version import Change
from mappings.r4 import parse, serialize
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.conftest import BASE

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
PATIENT = {"resourceType": "Patient",
           "name": [{"family": "O'Brien", "given": ["Ana Maria"]}], "birthDate": "1970-01-31",
           "active": True, "identifier": [{"system": "urn:x", "value": "1",
                                           "type": {"coding": [{"system": "urn:t", "code": "MR"}]}}]}  # fmt: skip
OBSERVATION = {
    "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": LOINC, "code": "8867-4"}], "text": "Heart rate"},
    "effectiveDateTime": "2024-05-01T08:30:00Z", "meta": {"tag": [{"system": "urn:tag", "code": "a"}]},
    "valueQuantity": {"value": 72.5, "unit": "mg", "system": UCUM, "code": "mg"},
}  # fmt: skip
RISK = {"resourceType": "RiskAssessment", "status": "final", "subject": {"reference": "Patient/p"},
        "prediction": [{"probabilityDecimal": 0.25}]}  # fmt: skip
REQUEST = {
    "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "#in"},
    "medicationCodeableConcept": {"text": "Aspirin"}, "contained": [PATIENT | {"id": "in"}],
}  # fmt: skip
VALUES = {"resourceType": "ValueSet", "status": "active", "url": "http://example.org/a/b"}
CASES: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    (PATIENT, (
        "name=ana", "name=bri", "name=obrien", "name:exact=Ana Maria", "name:exact=ana maria", "name:contains=mari",
        "family:missing=true", "family:missing=false", "death-date:missing=true", "birthdate=1970-01-31",
        "birthdate=gt1970", "birthdate=ne1970-01", "birthdate=1970", "birthdate=sa1969", "birthdate=ap1970-01-30",
        "identifier=urn:x|1", "identifier=1", "identifier=|1", "identifier=urn:x|", "identifier=urn:y|1",
        "identifier:of-type=urn:t|MR|1", "active=true", "active=false", "_id=p", "_id=q", "_id=q,p",
        "_lastUpdated=gt2020", "_lastUpdated=lt2020", "name=ana&birthdate=1970-01-31", "name=ana&birthdate=1971",
        "general-practitioner:missing=true", "_filter=birthdate eq 1970-01-31 and not(active eq false)",
        "_filter=birthdate gt 1970-02 or birthdate po 1970", "_filter=name ew ia or identifier ne urn:x|1",
        "_filter=not(name eq x or identifier eq urn:x|1)",
    )),
    (RISK, ("probability=0.25", "probability=gt0.2", "probability=gt0.3", "probability=lt0.25")),
    (OBSERVATION, (
        "", "code=8867-4", f"code={LOINC}|8867-4", "code=urn:x|8867-4", "code=1,2,8867-4", "code:not=8867-4",
        "code:not=1", "code:text=heart", "code:text=rate", "status=final", "status=amended", "subject=Patient/p",
        "patient=p", "patient=q", "subject=p", "subject:Patient=p", "subject=Device/p", f"subject={BASE}/Patient/p",
        "subject=http://other.example/Patient/p", "date=2024-05-01", "date=ge2024-05-01T09:00:00Z", "date=le2024-05",
        "date=eb2024-05-02", "value-quantity=72.5", f"value-quantity=72.5|{UCUM}|mg", f"value-quantity=0.0725|{UCUM}|g",
        f"value-quantity=gt0.07|{UCUM}|g", f"value-quantity=lt0.07|{UCUM}|g", "value-quantity=ap70||mg",
        "value-quantity=73", "value-quantity=ne73", f"code-value-quantity={LOINC}|8867-4$gt70",
        f"code-value-quantity={LOINC}|8867-4$gt80", "combo-code=8867-4", "_tag=urn:tag|a", "_tag=b",
        "code:missing=true", "value-string:missing=true", "code=" + ",".join(map(str, range(30))) + ",8867-4",
        "patient=" + ",".join(f"x{number}" for number in range(30)) + ",p",
        "patient.name=ana", "patient.name=x", "subject:Patient.birthdate=1970-01-31", "patient.identifier=urn:x|1",
        "patient._has:RiskAssessment:subject:probability=gt0.2", "patient.active=true&code=8867-4",
        "_filter=patient.family co brien and code eq loinc|8867-4", "_filter=patient.family eq x or status eq amended",
    )),
    (REQUEST, (
        "patient.name=ana", "patient.name=x", "subject:Patient.identifier=urn:x|1", "status=active",
    )),
    (VALUES, ("url=http://example.org/a/b", "url=http://example.org/a", "url:below=http://example.org/a",
              "url:above=http://example.org/a/b/c")),
)  # fmt: skip


async def test_memory_and_database_agree(database: str) -> None:
    store = ResourceStore(database, BASE)
    failed, simple = [], 0
    try:
        for resource, queries in CASES:
            name = resource["resourceType"]
            change = Change(name, "p", "PUT", parse(serialize(resource)), None)
            version = await store.write(change)
            for query in queries:
                asked = definition(subscription(f"{name}?{query}"), 1, BASE)
                judged = plans(asked, BASE)
                simple += not any(plan.questions for plan in judged)
                seen = Seen(1, name, "p", version.rid, 1, "PUT", version.last_updated, parse(version.body or b""), BASE)
                here = bool((await match(asked, judged, [seen], UNRESTRICTED, BASE, store.select)).hits)
                pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part] or [("_id", "p")]
                there = bool(await matches(store, UNRESTRICTED, BASE, name, pairs))
                if here is not there:
                    failed.append((query, here, there))
    finally:
        store.close()
    assert failed == []
    assert simple > 75


def subscription(criteria: str, **more: Any) -> dict[str, Any]:
    channel = {"type": "rest-hook", "endpoint": "https://example.org/hook"}
    return {"resourceType": "Subscription", "id": "s", "status": "requested", "reason": "test", "criteria": criteria,
            "channel": channel, **more}  # fmt: skip


ROW = {"param_id": -3, "low": 5, "high": None, "normalised": "anna"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{t}.param_id = -3", True),
        ("{t}.param_id in (1, -3) and {t}.low >= $1::bigint", True),
        ("not ({t}.low - 1 < $1::bigint or {t}.low <> 5)", False),
        ("({t}.low + 1) > $1::bigint", True),
        ("{t}.high is null and {t}.low is not null", True),
        ("{t}.high > $1::bigint", False),
        ("position($2::text in {t}.normalised) > 0", True),
        ("false or true", True),
    ],
)
def test_the_little_language(where: str, expected: bool) -> None:
    assert compiled(where, [b"5", b"nn"])(ROW) is expected


@pytest.mark.parametrize(
    "where",
    ["", "{t}.low =", "exists (select from token)", "{t}.low = any($1::bigint[])", "{t}.low = $1::date", "{t}.low 5",
     "{t}.low in ()", "{t}.low = 'x'"],
)  # fmt: skip
def test_what_is_beyond_it(where: str) -> None:
    with pytest.raises(NotSimple):
        compiled(where, [b"5"])


@pytest.mark.parametrize(
    ("criteria", "types"), [("Patient?", {"Patient"}), ("Patient", {"Patient"}), ("Observation?status=final&code=1",
                                                                                {"Observation"})],
)  # fmt: skip
def test_types_of_concern(criteria: str, types: set[str]) -> None:
    assert definition(subscription(criteria), 1, BASE).types() == types


@pytest.mark.parametrize("line", ["X: a\r\nY: b", "Content-Length: 5", "connection: close", ": x", "X y: z"])
def test_headers_that_would_break_the_transfer(line: str) -> None:
    resource = subscription("Patient?")
    resource["channel"]["header"] = [line]
    with pytest.raises(Unusable) as caught:
        definition(resource, 1, BASE)
    assert line not in str(caught.value)
