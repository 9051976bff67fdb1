"""Cases are read however people write them, and a line that is none takes none of the others with it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.evaluation import spelled
from hub.evaluation.cases import BadCase, Case, read_cases

Json = Any
LEAST = {"id": "1", "gold_level": "emergency", "opening": "dor no peito"}


def case_of(tmp_path: Path, **members: Json) -> Case:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps({**LEAST, **members}), encoding="utf-8")
    [case], faults = read_cases(file)
    assert faults == []
    return case


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("emergency", "emergency"), ("EMERGENCY ", "emergency"), ("Emergência", "emergency"), ("red", "emergency"),
        ("vermelho", "emergency"), ("emergency (red)", "emergency"), (1, "emergency"), ("level-emergency", "emergency"),
        ("very-urgent", "very-urgent"), ("very_urgent", "very-urgent"), ("Very Urgent", "very-urgent"),
        ("muito urgente", "very-urgent"), ("orange", "very-urgent"), ("orange (very urgent)", "very-urgent"),
        ("urgent", "urgent"), ("URGENTE", "urgent"), ("amarelo", "urgent"), ("3", "urgent"),
        ("less_urgent", "less-urgent"), ("less urgent", "less-urgent"), ("pouco urgente", "less-urgent"),
        ("green", "less-urgent"), ("non-urgent", "non-urgent"), ("não urgente", "non-urgent"),
        ("not urgent", "non-urgent"), ("nonurgent", "non-urgent"), ("azul", "non-urgent"),
        ("administrative", "administrative"), ("admin", "administrative"), ("none", "administrative"),
        (None, "administrative"), ("", "administrative"), ("non-clinical", "administrative"),
    ],
)  # fmt: skip
def test_a_level_in_any_spelling(written: Json, level: str) -> None:
    assert spelled.level(written, "gold_level") == level


@pytest.mark.parametrize("written", ["soon", "purple", 7])
def test_a_level_that_is_none(written: Json) -> None:
    with pytest.raises(ValueError, match="gold_level: is none of "):
        spelled.level(written, "gold_level")


@pytest.mark.parametrize(
    ("written", "about"),
    [
        ("self", "self"), ("Self", "self"), ("eu", "self"), (None, "self"), ("", "self"), ("child", "child"),
        ("criança", "child"), ("baby", "child"), ("other", "other"), ("mother", "other"), ("outra pessoa", "other"),
    ],
)  # fmt: skip
def test_whom_it_is_about(written: Json, about: str) -> None:
    assert spelled.about(written) == about


@pytest.mark.parametrize(
    ("written", "age"),
    [
        (34, 34.0), (0.5, 0.5), ("34", 34.0), ("34 anos", 34.0), ("34 years old", 34.0), ("8 meses", 8 / 12),
        ("8 months", 8 / 12), ("8m", 8 / 12), ("10 days", 10 / 365.25), ("3 semanas", 3 / 52.18), ("2,5", 2.5),
        ({"value": 6, "unit": "months"}, 0.5), (None, None), ("idoso", "idoso"),
    ],
)  # fmt: skip
def test_an_age(written: Json, age: Json) -> None:
    assert spelled.age(written) == age


@pytest.mark.parametrize(
    ("written", "sex"),
    [("F", "F"), ("female", "F"), ("mulher", "F"), ("M", "M"), ("masculino", "M"), ("homem", "M"), (None, None)],
)
def test_a_sex(written: Json, sex: Json) -> None:
    assert spelled.sex(written) == sex


@pytest.mark.parametrize(
    ("written", "pregnant"),
    [(True, "yes"), (False, "no"), (None, None), ("sim", "yes"), ("no", "no"), (32, "yes"), ("32 weeks", "yes"),
     ("postpartum", "postpartum"), ("true", "yes"), ("não", "no")],
)  # fmt: skip
def test_a_pregnancy(written: Json, pregnant: Json) -> None:
    assert spelled.pregnant(written) == pregnant


@pytest.mark.parametrize(
    ("opening", "messages"),
    [
        ("dor", ("dor",)),
        (["dor", "no peito"], ("dor", "no peito")),
        ([{"text": "dor"}], ("dor",)),
        (["", "dor"], ("dor",)),
    ],
)
def test_a_story_is_one_text_or_several(tmp_path: Path, opening: Json, messages: Json) -> None:
    assert case_of(tmp_path, opening=opening).forms == {"opening": messages}


@pytest.mark.parametrize(
    "answers",
    [
        [{"asks": "f[oô]r[cç]a", "reply": "sim"}], [["força", "sim"]], {"FORÇA": "sim"},
        [{"asks": "forca", "reply": True}],
        [{"asks": "forca (lado", "reply": "sim"}, {"asks": "forca", "reply": "sim"}],
    ],
)  # fmt: skip
def test_answers_in_any_shape(tmp_path: Path, answers: Json) -> None:
    found = case_of(tmp_path, answers=answers).answers
    replies = [one.reply.lower() for one in found if one.asks.search(spelled.plain("Perdeu força?"))]
    assert replies == ["sim"]


def test_what_may_be_missing(tmp_path: Path) -> None:
    case = case_of(tmp_path)
    assert (case.about, case.age, case.sex, case.pregnant, case.answers, case.default) == (
        "self", None, None, None, (), "Não",
    )  # fmt: skip


def test_line_ends_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    line = json.dumps({**LEAST, "opening": "dor\u2028no peito"}, ensure_ascii=False).encode()
    file.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line.replace(b'"1"', b'"2"'))
    cases, faults = read_cases(file)
    assert [case.id for case in cases] == ["1", "2"]
    assert faults == []


def test_one_array_of_all(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([LEAST, {**LEAST, "id": 2}]))
    assert [case.id for case in read_cases(file)[0]] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"gold_level": "red", "opening": "dor"}', "id is missing"),
        ('{"id": 1, "opening": "dor"}', "gold_level is missing"),
        ('{"id": 1, "gold_level": "red"}', "opening: there is no message"), ("[]", "is no object"),
        ('{"id": 1, "gold_level": "red", "opening": [3]}', "opening: messages are texts"), ("{", "unexpected end"),
        ('{"id": 1, "gold_level": "red", "opening": "dor", "answers": [3]}', "answers: an answer has asks and reply"),
        ('{"id": 1, "gold_level": "red", "opening": "dor", "answers": "x"}', "answers: is no list"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_case(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(f"{json.dumps(LEAST)}\n{line}\n")
    cases, [fault] = read_cases(file)
    assert len(cases) == 1
    assert str(fault).startswith("cases.jsonl line 2: ")
    assert reason in str(fault)


def test_a_file_without_a_case(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text("\n")
    with pytest.raises(BadCase, match="holds no case"):
        read_cases(file)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) |
       st.dictionaries(st.text(), inner), max_leaves=6))  # fmt: skip
def test_whatever_is_written_is_read_or_told(told: Json) -> None:
    spelled.about(told), spelled.age(told), spelled.sex(told), spelled.pregnant(told), spelled.reply(told)
    with suppress(ValueError):
        assert spelled.level(told, "gold_level") in spelled.GOLD
