"""Canonical units: equalities, what stays apart, and pint as a second opinion."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.units import canonical

EQUAL = [
    ("1", "g", "1000", "mg"),
    ("1", "kg", "1000", "g"),
    ("1", "mg/dL", "0.01", "g/L"),
    ("60", "/min", "1", "/s"),
    ("1", "[in_i]", "2.54", "cm"),
    ("37", "Cel", "98.6", "[degF]"),
    ("37", "Cel", "310.15", "K"),
    ("1", "10*3/uL", "1", "10*9/L"),
    ("1", "10^3/uL", "1", "10*9/L"),
    ("1", "meq/L", "1", "mmol/L"),
    ("1", "%", "0.01", "{ratio}"),
    ("1", "[iU]/L", "1", "[IU]/L"),
    ("1", "N", "1", "kg.m/s2"),
    ("1", "ng/mL{FEU}", "1", "ug/L"),
    ("1", "(8.h)", "8", "h"),
    ("1", "m[H2O]", "100", "cm[H2O]"),
]


@pytest.mark.parametrize(("one", "unit", "other", "other_unit"), EQUAL)
def test_equal(one: str, unit: str, other: str, other_unit: str) -> None:
    first, second = canonical(unit), canonical(other_unit)
    assert first
    assert second
    assert first.unit == second.unit
    assert first.convert(Decimal(one)) == second.convert(Decimal(other))


@pytest.mark.parametrize(
    ("unit", "other"), [("mol/L", "g/L"), ("[IU]", "1"), ("[pH]", "1"), ("[IU]", "[arb'U]"), ("dB", "1")]
)
def test_apart(unit: str, other: str) -> None:
    first, second = canonical(unit), canonical(other)
    assert first
    assert second
    assert first.unit != second.unit


@pytest.mark.parametrize(
    "code",
    [
        "",
        "foo",
        "mg//dL",
        "mm[Hg",
        "mg dL",
        "(g",
        "g)",
        "tablet",
        "mmHg",
        "1" * 200,
        "é",
        "g{",
        "(",
        "0",
        "g/0",
        "(((10*99)99)99)",
    ],
)
def test_none(code: str) -> None:
    assert canonical(code) is None


@given(st.text("mgkL/.10*[]{}()^-+%dHu", max_size=12))
def test_any_text_is_a_unit_or_none(code: str) -> None:
    found = canonical(code)
    assert found is None or found.factor > 0


def test_pint_agrees() -> None:
    """Factors as ucumvert and pint have them: in floats, and with more digits of mercury than UCUM's 133.322 kPa."""
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    for one, other in [
        ("mg/dL", "ug/mL"), ("mm[Hg]", "kPa"), ("[lb_av]", "kg"), ("U/L", "ukat/L"), ("kcal", "J"), ("[oz_av]", "g"),
        ("mL/min", "L/h"), ("deg", "rad"), ("wk", "d"), ("a", "d"), ("mo", "h"), ("[ft_i]", "m"), ("fL", "um3"),
    ]:  # fmt: skip
        first, second = canonical(one), canonical(other)
        assert first
        assert second
        expected = registry.from_ucum(one).to(registry.from_ucum(other).units).magnitude
        assert float(Fraction(first.factor / second.factor)) == pytest.approx(float(expected), rel=1e-5), (one, other)
