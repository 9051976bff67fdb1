"""Answer entries, and refusals named by entry."""

from __future__ import annotations

import pytest

from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Conflict, FhirError, Invalid, Issue, Unprocessable
from fhir_server.transaction import answer
from fhir_server.transaction.refusals import MOST_ISSUES, Refusals
from mappings.r4 import parse


def test_entries() -> None:
    created = FhirResponse(201, version_id=1, last_updated=0, location="Patient/1/_history/1")
    read = FhirResponse(200, b'{"resourceType":"Patient"}', location="Patient/1/_history/1")
    refused = FhirResponse(404, b'{"resourceType":"OperationOutcome"}')
    told = FhirResponse(200, b'{"resourceType":"OperationOutcome"}')
    entries = [
        answer.entry(created, outcome=False),
        answer.entry(read, outcome=False, full_url="http://h/Patient/1"),
        answer.entry(refused, outcome=False),
        answer.entry(told, outcome=True),
        answer.entry(FhirResponse(304), outcome=False),
    ]
    assert parse(answer.bundle("x", "transaction-response", entries)) == {
        "resourceType": "Bundle",
        "id": "x",
        "type": "transaction-response",
        "entry": [
            {
                "response": {
                    "status": "201 Created",
                    "location": "Patient/1/_history/1",
                    "etag": 'W/"1"',
                    "lastModified": "1970-01-01T00:00:00.000Z",
                }
            },
            {
                "fullUrl": "http://h/Patient/1",
                "resource": {"resourceType": "Patient"},
                "response": {"status": "200 OK", "location": "Patient/1/_history/1"},
            },
            {"response": {"status": "404 Not Found", "outcome": {"resourceType": "OperationOutcome"}}},
            {"response": {"status": "200 OK", "outcome": {"resourceType": "OperationOutcome"}}},
            {"response": {"status": "304 Not Modified"}},
        ],
    }


def test_a_bundle_without_entries_has_no_entry() -> None:
    assert parse(answer.bundle("x", "batch-response", [])) == {
        "resourceType": "Bundle", "id": "x", "type": "batch-response"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("Patient.name[0].family", "Bundle.entry[3].resource.name[0].family"),
        ("Patient", "Bundle.entry[3].resource"),
        ("resourceType", "Bundle.entry[3].resource.resourceType"),
        ("Bundle.entry[3].request.url", "Bundle.entry[3].request.url"),
    ],
)
def test_expressions_are_told_from_the_bundle(expression: str, told: str) -> None:
    refusals = Refusals()
    refusals.add(3, Invalid("x", expression=(expression,)))
    assert refusals.issues[0].expression == (told,)


def test_an_issue_without_expression_names_its_entry() -> None:
    refusals = Refusals()
    refusals.add(3, Invalid("x"))
    assert refusals.issues[0].expression == ("Bundle.entry[3]",)


@pytest.mark.parametrize(
    ("errors", "status"),
    [([], None), ([Conflict("a"), Conflict("b")], 409), ([Conflict("a"), Unprocessable("b")], 400)],
)
def test_status_is_the_one_they_share(errors: list[FhirError], status: int | None) -> None:
    refusals = Refusals()
    for index, error in enumerate(errors):
        refusals.add(index, error)
    if status is None:
        refusals.check()
        return
    with pytest.raises(FhirError) as refused:
        refusals.check()
    assert refused.value.status == status
    assert len(refused.value.issues) == len(errors)


def test_the_list_of_issues_is_bounded() -> None:
    refusals = Refusals()
    refusals.add(0, Unprocessable([Issue("value", "x")] * (MOST_ISSUES + 7)))
    with pytest.raises(Unprocessable) as refused:
        refusals.check()
    assert len(refused.value.issues) == MOST_ISSUES + 1
    assert "7 further" in refused.value.issues[-1].diagnostics
