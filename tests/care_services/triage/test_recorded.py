"""What of a record makes somebody more at risk, by code or by words."""

from __future__ import annotations

from typing import Any

import pytest

from care_services.triage.recorded import recorded

Json = Any


def coded(code: str, **more: Json) -> Json:
    return {"coding": [{"code": code}], **more}


@pytest.mark.parametrize(
    ("conditions", "medicines", "pregnancy", "found"),
    [
        ([{"code": coded("E11.9")}], [], [], {"diabetes": "registro"}),
        ([{"code": coded("Z99.2", text="Diálise")}], [], [], {"dialysis": "Diálise"}),
        ([{"code": coded("C50")}], [], [], {}),
        ([{"code": {"text": "Transplantado renal"}}], [], [], {"immune_low": "Transplantado renal"}),
        ([{"code": {"text": "Nega diabetes"}}], [], [], {}),
        ([], [{"medicationCodeableConcept": coded("B01AA03", text="Varfarina")}], [], {"anticoagulant": "Varfarina"}),
        ([], [{"medicationCodeableConcept": coded("B01AC04")}], [], {}),
        ([], [{"medicationReference": {"display": "Xarelto 20 mg"}}], [], {"anticoagulant": "Xarelto 20 mg"}),
        ([], [], [{"valueCodeableConcept": coded("77386006")}], {"pregnant": "gestação"}),
        ([], [], [{"status": "entered-in-error", "valueCodeableConcept": coded("77386006")}], {}),
        (
            [], [],
            [{"effectiveDateTime": "2026-01-01", "valueCodeableConcept": coded("77386006")},
             {"effectiveDateTime": "2026-09-01", "valueCodeableConcept": coded("60001007")}],
            {},
        ),
        ([{}], [{}], [{}], {}),
    ],
)  # fmt: skip
def test_table_of_cases(conditions: Json, medicines: Json, pregnancy: Json, found: dict[str, str]) -> None:
    assert dict(recorded(conditions, medicines, pregnancy)) == found
