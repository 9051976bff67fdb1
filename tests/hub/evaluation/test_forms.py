"""Ten forms of a case: the same story, told otherwise."""

from __future__ import annotations

import pytest

from hub.evaluation.forms import FORMS, mechanical
from hub.evaluation.spelled import plain
from tests.hub.evaluation.telling import answers, case

STORY = ("Minha mãe acordou com a boca torta.", "Não está conseguindo levantar o braço direito, pressão 18,5.")


def test_ten_forms_beside_its_own() -> None:
    made = mechanical(case(forms={"opening": STORY}))
    assert list(made.forms) == ["opening", *FORMS]
    assert len(FORMS) == 10
    assert len(set(made.forms.values())) == 11


def test_the_same_each_time() -> None:
    one = case(forms={"opening": STORY})
    assert mechanical(one) == mechanical(one)


def test_some_of_them() -> None:
    assert list(mechanical(case(), ("cost",)).forms) == ["opening", "cost"]


@pytest.mark.parametrize("name", ["no-accents", "split", "denial", "injection", "minimised", "cost", "relative"])
def test_nothing_that_was_told_is_left_out(name: str) -> None:
    told = mechanical(case(forms={"opening": STORY})).forms[name]
    words = plain(" ".join(told)).replace("“", " ").replace("”", " ").split()
    assert all(word in words for word in plain(" ".join(STORY)).split())


def test_a_text_in_two() -> None:
    told = mechanical(case(forms={"opening": STORY})).forms["split"]
    assert len(told) == 4
    assert " ".join(told) == " ".join(STORY)


def test_slang_and_transcript() -> None:
    forms = mechanical(case(forms={"opening": STORY})).forms
    assert "n tá conseguindo" in " ".join(forms["slang"])
    [spoken] = forms["transcript"]
    assert "18,5" in spoken
    assert spoken == spoken.lower()
    assert "." not in spoken


def test_slips_of_the_fingers() -> None:
    before, after = " ".join(STORY).split(), " ".join(mechanical(case(forms={"opening": STORY})).forms["typos"]).split()
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert 1 <= changed <= 4


def test_only_what_nobody_told_is_denied() -> None:
    one = case(forms={"opening": ("está com febre e vomitando",)}, answers=answers(desmai="sim"))
    assert mechanical(one).forms["denial"][-1] == "Não sente dor."
