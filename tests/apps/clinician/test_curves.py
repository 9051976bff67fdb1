"""Observations -> curves: what is drawn together, with which range, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from apps.clinician.curves import curves

ADULT, CHILD = "1970-01-01", "2015-01-01"


def observation(value: Any, at: str = "2024-05-03T10:00:00Z", code: str = "8867-4", **more: Any) -> dict[str, Any]:
    unit = more.pop("unit", "/min")
    return {
        "resourceType": "Observation", "status": "final",
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": f"code {code}"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
        **more,
    }  # fmt: skip


def test_points_by_time_and_one_curve_for_each_code_and_unit() -> None:
    found = curves(
        [
            observation(80, "2024-05-03T10:00:00Z"),
            observation(70, "2024-05-03T06:30:00-03:00"),
            observation(60, "1999"),
            observation(70, unit="kg", code="29463-7"),
            observation(154, unit="[lb_av]", code="29463-7"),
        ],
        "vital-signs", ADULT, "en",
    )  # fmt: skip
    assert {(curve.code, curve.unit): [point.value for point in curve.points] for curve in found} == {
        ("8867-4", "/min"): [60, 70, 80],
        ("29463-7", "kg"): [70],
        ("29463-7", "[lb_av]"): [154],
    }


@pytest.mark.parametrize(
    "left_out",
    [
        observation(80, status="entered-in-error"),
        observation(80, category=[{"coding": [{"code": "laboratory"}]}]),
        {**observation(80), "valueQuantity": {"unit": "/min"}},
        {**observation(80), "valueQuantity": None},
        {**observation(80), "effectiveDateTime": "nonsense then"},
    ],
)
def test_left_out(left_out: dict[str, Any]) -> None:
    assert curves([left_out], "vital-signs", ADULT, "en") == []


def test_components_are_curves_of_their_own() -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        coding = [{"system": "http://loinc.org", "code": code}]
        return {"code": {"coding": coding}, "valueQuantity": {"value": value, "unit": "mm[Hg]", "code": "mm[Hg]"}}

    pressure = {**observation(0, code="85354-9"), "component": [part("8480-6", 132), part("8462-4", 76)]}
    del pressure["valueQuantity"]
    found = {curve.code: curve for curve in curves([pressure], "vital-signs", ADULT, "en")}
    assert (found["8480-6"].outside, found["8462-4"].outside) == (True, False)


RANGE = {"low": {"value": 50}, "high": {"value": 70}}


@pytest.mark.parametrize(
    ("given", "birth", "expected"),
    [
        (observation(80), ADULT, (60, 100, True, False)),
        (observation(80), CHILD, (None, None, False, False)),
        (observation(80), "1970", (None, None, False, False)),
        (observation(80, unit="bpm"), ADULT, (None, None, False, False)),
        (observation(80, referenceRange=[RANGE]), ADULT, (50, 70, False, True)),
        (observation(80, referenceRange=[{"high": {"value": 90}}]), ADULT, (None, 90, False, False)),
        (observation(80, referenceRange=[{"text": "see report"}]), ADULT, (60, 100, True, False)),
        (
            observation(80, referenceRange=[{**RANGE, "appliesTo": [{"text": "pregnant"}]}]),
            ADULT,
            (60, 100, True, False),
        ),
        (
            observation(80, referenceRange=[{**RANGE, "type": {"coding": [{"code": "treatment"}]}}]),
            ADULT,
            (60, 100, True, False),
        ),
        (observation(80, interpretation=[{"coding": [{"code": "HH"}]}]), ADULT, (60, 100, True, True)),
    ],
)
def test_range(given: dict[str, Any], birth: str, expected: Any) -> None:
    [curve] = curves([given], "vital-signs", birth, "en")
    assert (curve.low, curve.high, curve.general, curve.outside) == expected
