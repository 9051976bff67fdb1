"""Check digits: the contract's numbers, and that changing any one digit is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.check_digits import wrong

RIGHT = {
    "cpf": ("52998224725", "11144477735"),
    "cns": ("700000000012348", "123456789010000"),
    "cnpj": ("99000000000159", "12ABC34501DE35"),
    "ans-registration": ("999997", "999989"),
    "tuss": ("41101014", "40304361"),
    "ibge-municipality": ("3549805",),
}
NUMBERS = [(kind, number) for kind, numbers in RIGHT.items() for number in numbers]


@pytest.mark.parametrize(("kind", "number"), NUMBERS)
def test_right(kind: str, number: str) -> None:
    assert wrong(kind, number) is None


@pytest.mark.parametrize(("kind", "number"), NUMBERS)
def test_another_last_digit_is_wrong(kind: str, number: str) -> None:
    for digit in "0123456789".replace(number[-1], ""):
        assert wrong(kind, number[:-1] + digit) == f"the check digit of the {kind} is wrong"


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("cpf", "11111111111"),
        ("cpf", "00000000000"),
        ("cpf", "529.982.247-25"),
        ("cpf", "5299822472"),
        ("cns", "300000000012348"),
        ("cnpj", "12abc34501de35"),
        ("cnpj", "99.000.000/0001-59"),
        ("ans-registration", "99999"),
        ("tuss", "4110101"),
        ("tuss", "４1101014"),  # a digit of another script
        ("ibge-municipality", "354980"),
    ],
)
def test_written_otherwise(kind: str, number: str) -> None:
    assert wrong(kind, number)


@given(st.sampled_from(["cpf", "cnpj"]), st.data())
def test_one_changed_digit_is_noticed(kind: str, data: st.DataObject) -> None:
    """Of a CNS not: its fifth digit has weight 11, and modulus 11 nothing of it is left."""
    number = RIGHT[kind][0]
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from("0123456789".replace(number[place], "")))
    assert wrong(kind, number[:place] + digit + number[place + 1 :])


@given(st.sampled_from(sorted(RIGHT)), st.text(max_size=20))
def test_any_text_is_answered(kind: str, number: str) -> None:
    reason = wrong(kind, number)
    assert reason is None or (number not in reason or not number.strip() or len(number) < 3)
