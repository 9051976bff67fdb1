"""FHIR elements in words: tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.clinician.elements import age, concept_text, date_text, moment, name_text, quantity_text


@pytest.mark.parametrize(
    ("concept", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"text": "Asthma", "coding": [{"display": "x"}]}, "Asthma"),
        ({"coding": [{"code": "1"}, {"code": "2", "display": "Two"}]}, "Two"),
        ({"coding": [{"code": "1"}]}, "1"),
        ({"code": "AMB", "display": "ambulatory"}, "ambulatory"),
    ],
)
def test_concept(concept: Any, text: str) -> None:
    assert concept_text(concept) == text


@pytest.mark.parametrize(
    ("value", "pt", "en"),
    [
        ("", "", ""),
        ("1970", "1970", "1970"),
        ("1970-05", "05/1970", "1970-05"),
        ("1970-05-03", "03/05/1970", "1970-05-03"),
        ("1970-05-03T23:30:00-03:00", "03/05/1970", "1970-05-03"),
        ("nonsense", "", ""),
    ],
)
def test_date(value: str, pt: str, en: str) -> None:
    assert (date_text(value, "pt"), date_text(value, "en")) == (pt, en)


def test_time_is_told_where_asked_for() -> None:
    assert date_text("1970-05-03T23:30:00-03:00", "pt", time=True) == "03/05/1970 23:30"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (
            [{"use": "maiden", "family": "Lima"}, {"use": "official", "given": ["Ana", "B."], "family": "Souza"}],
            "Ana B. Souza",
        ),
        ([{"use": "official", "family": "Old", "period": {"end": "2001"}}, {"use": "usual", "text": "Ana"}], "Ana"),
        ([{"family": "Souza", "prefix": ["Dra."]}], "Dra. Souza"),
    ],
)
def test_name(names: Any, text: str) -> None:
    assert name_text(names) == text


@pytest.mark.parametrize(
    ("quantity", "dose", "text"),
    [
        ({"value": Decimal("120.50"), "unit": "mmHg"}, False, "120,50 mmHg"),
        ({"value": Decimal("1.0"), "unit": "mg"}, True, "1 mg"),
        ({"value": Decimal("0.50"), "unit": "mg"}, True, "0,5 mg"),
        ({"value": 100, "unit": "mg"}, True, "100 mg"),
        ({"value": Decimal("1E+2"), "code": "Cel"}, False, "100 °C"),
        ({"value": 5, "comparator": "<"}, False, "<5"),
        ({"unit": "mg"}, False, ""),
    ],
)
def test_quantity(quantity: Any, dose: bool, text: str) -> None:
    assert quantity_text(quantity, "pt", dose=dose) == text


@given(st.decimals(min_value=0, max_value=10**9, places=4))
def test_a_dose_keeps_its_value(value: Decimal) -> None:
    assert Decimal(quantity_text({"value": value}, "en", dose=True)) == value


@pytest.mark.parametrize(
    ("birth", "at", "expected"),
    [
        ("1948-06-14", date(2026, 6, 13), (77, "years")),
        ("1948-06-14", date(2026, 6, 14), (78, "years")),
        ("2025-01-31", date(2026, 12, 30), (22, "months")),
        ("2026-11-01", date(2026, 11, 20), (19, "days")),
        ("2024-02-29", date(2026, 2, 28), (23, "months")),
        ("1948", date(2026, 6, 14), None),
        ("", date(2026, 6, 14), None),
        ("2030-01-01", date(2026, 6, 14), None),
    ],
)
def test_age(birth: str, at: date, expected: Any) -> None:
    assert age(birth, at) == expected


def test_moment_takes_the_first_that_is_there() -> None:
    resource = {"onsetPeriod": {"end": "2002"}, "recordedDate": "2003"}
    assert moment(resource, "onsetDateTime", "onsetPeriod", "recordedDate") == "2002"
    assert moment({}, "onsetDateTime") == ""
