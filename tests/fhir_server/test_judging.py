"""What a release before labels and consents has stored gets them, once, whoever is interrupted meanwhile."""

from __future__ import annotations

from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.judging import judge
from tests.fhir_server.conftest import BASE

ICD, LOINC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org"
PSY, HIV, UNREVIEWED = 1, 4, 128


class Killed(Exception):
    """Somebody ended it."""


def condition(id: str, code: str, system: str = ICD, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
            "code": {"coding": [{"system": system, "code": code}]}} | more  # fmt: skip


CONSENT = {
    "resourceType": "Consent", "id": "no", "status": "active", "patient": {"reference": "Patient/p"},
    "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"text": "x"}], "policyRule": {"text": "x"},
    "provision": {"type": "deny", "actor": [{"role": {"text": "x"}, "reference": {"reference": f"{BASE}/Patient/p"}}],
                  "data": [{"meaning": "instance", "reference": {"reference": "Condition/psy"}}]},
}  # fmt: skip
AIAST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
STORED = (
    {"resourceType": "Patient", "id": "p"}, condition("psy", "F32"), condition("plain", "E11"),
    condition("once", "B24"), condition("gone", "F20"), condition("test", "7917-8", LOINC),
    condition("other-test", "8867-4", LOINC), condition("guess", "E11", meta={"security": [AIAST]}),
    condition("reviewed", "F32", meta={"security": [AIAST]}), CONSENT,
)  # fmt: skip
LABELS = {"psy": PSY, "once": HIV, "gone": PSY, "test": HIV, "guess": UNREVIEWED, "reviewed": PSY}


async def test_labels_and_consents(client: httpx2.AsyncClient, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of what was changed or deleted since are kept, as they would have been."""
    # As releases stored it that knew no labels.
    monkeypatch.setattr("fhir_server.prepare.labelled", lambda resource, previous, reviewed=False: resource)
    later = (condition("once", "E11"), condition("reviewed", "E11"))
    for one in (*STORED, *later):
        answer = await client.put(f"{one['resourceType']}/{one['id']}", json=one)
        assert answer.status_code in (200, 201), answer.text
    assert (await client.delete("Condition/gone")).status_code == 204
    effects = "select * from consent_effect"
    labels = "select r.fhir_id, l.labels from label l join resource r on r.rid = l.rid"
    monkeypatch.setattr("fhir_server.judging.CHUNK", 3)
    told: list[int] = []

    def killed(last: int, high: int) -> None:
        told.append(last)
        if len(told) < 3:
            raise Killed

    with psycopg.connect(database, autocommit=True) as connection:
        expected = connection.execute(effects).fetchall()
        assert len(expected) == 1
        connection.execute("truncate label, patient_label, consent_effect")
        connection.execute("insert into unjudged select 0, max(rid) from resource")
        for _ in range(2):
            with pytest.raises(Killed):
                judge(database, BASE, killed)
        judge(database, BASE, killed)
        judge(database, BASE, killed)
        assert dict(connection.execute(labels).fetchall()) == LABELS
        assert dict(connection.execute(labels.replace("label l", "patient_label l")).fetchall()) == {
            id: bits for id, bits in LABELS.items() if id != "gone"
        }, "of those that are in a record still"
        assert connection.execute(effects).fetchall() == expected
        assert connection.execute("select * from unjudged").fetchall() == []
    assert told == sorted(set(told))
    assert len(told) >= 4, "each goes on where the one before was"


async def test_what_only_the_table_knows_stays(client: httpx2.AsyncClient, database: str) -> None:
    """A later version that has another label takes none away but that of a review."""
    await client.put("Patient/p", json=STORED[0])
    await client.put("Condition/c", json=condition("c", "E11", meta={"security": [AIAST]}))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update label set labels = labels | 1")
        restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
        await client.put("Condition/c", json=condition("c", "E11", meta={"security": [restricted]}))
        assert connection.execute("select labels from label").fetchall() == [(1 | 32 | UNREVIEWED,)]
