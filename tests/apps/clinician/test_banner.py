"""The patient banner."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from apps.clinician.banner import CNS, CPF, banner

TODAY = date(2026, 5, 3)


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ({"birthDate": "1970-05-03"}, ((56, "years"), None)),
        ({"birthDate": "1970-05-03", "deceasedDateTime": "2000-05-02T10:00:00Z"}, ((29, "years"), "02/05/2000")),
        ({"birthDate": "1970-05-03", "deceasedDateTime": "2000"}, (None, "2000")),
        ({"birthDate": "1970-05-03", "deceasedBoolean": True}, (None, "")),
        ({"birthDate": "1970-05-03", "deceasedBoolean": False}, ((56, "years"), None)),
        ({}, (None, None)),
    ],
)
def test_age_and_death(patient: dict[str, Any], expected: Any) -> None:
    shown = banner(patient, TODAY, "pt")
    assert (shown.age, shown.deceased) == expected


def test_identifiers_people_know() -> None:
    record = {"system": "urn:x", "value": "9", "type": {"text": "Medical record"}}
    known = [{"system": CPF, "value": "52998224725"}, {"system": CNS, "value": "700000000012348"}]
    assert banner({"identifier": [record, *known]}, TODAY, "pt").identifiers == (
        ("CPF", "52998224725"), ("CNS", "700000000012348"),
    )  # fmt: skip
    assert banner({"identifier": [record, {"value": "8"}]}, TODAY, "pt").identifiers == (("Medical record", "9"),)
