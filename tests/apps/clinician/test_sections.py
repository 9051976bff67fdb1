"""Resources -> rows: order, what is folded away, what is left out."""

from __future__ import annotations

from typing import Any

from apps.clinician import sections


def condition(text: str, clinical: str = "active", since: str = "2020", verified: str = "confirmed") -> dict[str, Any]:
    return {
        "code": {"text": text},
        "clinicalStatus": {"coding": [{"code": clinical}]},
        "verificationStatus": {"coding": [{"code": verified}]},
        "onsetDateTime": since,
    }


def test_problems() -> None:
    rows = sections.problems(
        [
            condition("old", since="2001"),
            condition("new", since="2021-05-03"),
            condition("over", "resolved", "2022"),
            condition("back", "relapse", "2019"),
            condition("not so", verified="refuted"),
            condition("mistake", verified="entered-in-error"),
            condition("new", since="2020-01-01"),
        ]
    )
    expected = [("new", True), ("back", True), ("old", True), ("over", False)]
    assert [(row.title, row.current) for row in rows] == expected
    assert rows[0].date == "2021-05-03"


def test_allergies_by_criticality() -> None:
    def allergy(text: str, criticality: str | None = None, clinical: str = "active") -> dict[str, Any]:
        found: dict[str, Any] = {
            "code": {"text": text},
            "clinicalStatus": {"coding": [{"code": clinical}]},
            "reaction": [{"manifestation": [{"text": "hives"}, {"text": "hives"}]}],
        }
        return found | ({"criticality": criticality} if criticality else {})

    rows = sections.allergies(
        [allergy("dust"), allergy("peanut", "high"), allergy("latex", "high", "resolved"), allergy("milk", "low")]
    )
    assert [(row.title, row.alert, row.current) for row in rows] == [
        ("peanut", True, True), ("milk", False, True), ("dust", False, True), ("latex", False, False),
    ]  # fmt: skip
    assert rows[0].detail == "hives"


def test_medication_by_reference_and_dosage() -> None:
    request = {"status": "active", "intent": "order", "medicationReference": {"reference": "Medication/1"}}
    dosed = {
        "status": "stopped", "medicationCodeableConcept": {"text": "b"}, "authoredOn": "2020",
        "dosageInstruction": [{
            "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "mg"}}],
        }],
    }  # fmt: skip
    ignored: list[dict[str, Any]] = [
        {"status": "entered-in-error"}, {"status": "active", "intent": "proposal"},
        {"status": "active", "doNotPerform": True},
    ]  # fmt: skip
    known = {"Medication/1": {"code": {"text": "a"}}}
    rows = sections.medication([request, dosed, *ignored], [], known, "en")
    assert [(row.title, row.current, row.detail) for row in rows] == [("a", True, ""), ("b", False, "1 mg, 2× / d")]


def test_timeline_mixes_by_time() -> None:
    encounter = {"type": [{"text": "visit"}], "period": {"start": "2021-05-03T10:00:00Z"}, "status": "finished"}
    claim = {
        "type": {"text": "professional"},
        "use": "claim",
        "created": "2021-06",
        "item": [{"productOrService": {"text": "x"}}],
    }
    rows = sections.timeline([encounter], [claim])
    assert [(row.title, row.current, row.more) for row in rows] == [
        ("professional", False, ("x",)),
        ("visit", True, ()),
    ]


def test_documents_with_contents() -> None:
    content = [
        {"attachment": {"contentType": "text/plain; charset=utf-8", "data": "eA=="}},
        {"attachment": {"title": "x"}},
    ]
    found = sections.documents(
        [
            {"id": "1", "status": "current", "description": "a", "date": "2020", "content": content},
            {"id": "2", "status": "entered-in-error", "content": content},
        ]
    )
    assert [(each.id, each.contents) for each in found] == [("1", ((0, "text/plain"),))]


def test_consents() -> None:
    given = {
        "status": "active", "dateTime": "2024", "category": [{"text": "research"}], "scope": {"text": "x"},
        "provision": {"type": "deny", "purpose": [{"code": "HRESCH", "display": "research"}]},
    }  # fmt: skip
    [row] = sections.consents([given, {"status": "entered-in-error"}])
    assert (row.title, row.state, row.detail, row.more) == ("research", "active", "deny", ("research",))
