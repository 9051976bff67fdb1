"""Proof of who writes: only date and digits of one member, within three tries."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.chat.proof import Known, Proof, birth_date, said

ANA = Known("Patient/seg-1", date(1980, 5, 15), ("00900000001234567",), "52998224725")
RUI = Known("Patient/seg-2", date(1980, 5, 15), ("00900000007654321",), "11144477735")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15/05/1980", date(1980, 5, 15)),
        ("15.5.80", date(1980, 5, 15)),
        ("15-05-1980", date(1980, 5, 15)),
        ("1980-05-15", date(1980, 5, 15)),
        ("15051980", date(1980, 5, 15)),
        ("15 de maio de 1980", date(1980, 5, 15)),
        ("nasci em 15 de Maio de 1980", date(1980, 5, 15)),
        ("1 mar 2020", date(2020, 3, 1)),
        ("03/07/05", date(2005, 7, 3)),
        ("31/02/1980", None),
        ("maio de 1980", None),
        ("ontem", None),
        ("", None),
        ("15/05/198", None),
        ("15/05/1980 4567", None),
        ("²/05/1980", None),
    ],
)
def test_dates_as_people_write_them(text: str, found: date | None) -> None:
    assert birth_date(text) == found


@pytest.mark.parametrize(
    ("answers", "candidates", "proved", "over"),
    [
        (["15/05/1980", "4567"], [ANA], ANA.reference, False),
        (["15/05/1980", "final 4725"], [ANA], ANA.reference, False),
        (["15/05/1980", "529.982.247-25"], [ANA], ANA.reference, False),
        (["15/05/1980", "4567"], [ANA, RUI], ANA.reference, False),
        (["15/05/1980", "7735"], [ANA, RUI], RUI.reference, False),
        (["15/05/1980", "4567"], [ANA, ANA], None, False),  # two matches prove nobody
        (["16/05/1980", "4567"], [ANA], None, False),
        (["15/05/1980", "567"], [ANA], None, False),
        (["15/05/1980", ""], [ANA], None, False),
        (["15/05/1980", "4567"], [], None, False),
        (["x", "x", "x"], [ANA], None, True),
        (["x", "x", "x", "15/05/1980", "4567"], [ANA], None, True),  # too late
        (["15/05/1980", "1", "15/05/1980", "2", "15/05/1980", "4567"], [ANA], ANA.reference, False),
        (["15/05/1980", "1", "15/05/1980", "2", "15/05/1980", "3", "15/05/1980", "4567"], [ANA], None, True),
    ],
)
def test_proofs(answers: list[str], candidates: list[Known], proved: str | None, over: bool) -> None:
    proof = Proof()
    for answer in answers:
        proof = said(proof, answer, candidates)
    assert (proof.proved, proof.over) == (proved, over)


@given(st.lists(st.text(max_size=12), max_size=8))
def test_who_does_not_know_proves_nothing(answers: list[str]) -> None:
    proof = Proof()
    for answer in answers:
        proof = said(proof, answer, [ANA])
    right = any(birth_date(one) == ANA.born for one in answers)
    assert proof.proved is None or right
    assert proof.failed <= 3
