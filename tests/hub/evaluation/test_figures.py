"""Figures of a run, and their bounds against published ones."""

from __future__ import annotations

import pytest

from hub.evaluation.conversations import Ran
from hub.evaluation.figures import Figures, Share, figures, weighted_kappa
from hub.evaluation.gates import of_triage
from hub.evaluation.member import Talk
from hub.evaluation.report import page
from tests.hub.evaluation.telling import case


def ran(gold: str, *levels: str, **members: str) -> Ran:
    forms = {f"form {number}": Talk(level) for number, level in enumerate(levels)}
    return Ran(case(gold=gold, **members), forms)


def of(*runs: Ran) -> Figures:
    return figures(runs)


@pytest.mark.parametrize(
    ("missed", "cases", "reached"),
    [(0, 148, False), (0, 149, True), (1, 235, False), (1, 236, True), (2, 312, False), (2, 313, True)],
)
def test_bounds_are_those_of_the_contract(missed: int, cases: int, reached: bool) -> None:
    assert (Share(cases - missed, cases).lower > 0.98) == reached


def test_bounds_at_the_ends() -> None:
    assert (Share(0, 10).lower, Share(10, 10).upper) == (0, 1)
    assert Share(10, 10).lower == pytest.approx(0.741, abs=0.001)
    assert Share(155, 156).line("sensitivity") == "sensitivity 0.994 (155/156, lower bound 0.970)"


def test_a_case_passes_only_if_all_its_forms_do() -> None:
    result = of(ran("emergency", "emergency", "very-urgent"), ran("emergency", "emergency", "urgent"),
                ran("urgent", "urgent", "less-urgent"), ran("urgent", "urgent", "emergency"))  # fmt: skip
    assert (result.all.sensitivity, result.all.by_form, result.all.specificity) == (
        Share(1, 2),
        Share(3, 4),
        Share(1, 2),
    )


def test_under_and_over() -> None:
    result = of(ran("urgent", "less-urgent", "urgent", "emergency", "none"))
    assert (result.all.under, result.all.over) == (Share(2, 4), Share(1, 4))
    assert result.inclination == pytest.approx(1 / 3)
    assert result.answered == Share(3, 4)


@pytest.mark.parametrize(
    ("gold", "level", "category", "hazardous"),
    [
        ("emergency", "urgent", "trauma", True), ("emergency", "very-urgent", "trauma", False),
        ("very-urgent", "urgent", "trauma", False), ("very-urgent", "urgent", "pregnancy", True),
        ("emergency", "none", "trauma", True), ("urgent", "non-urgent", "trauma", True),
        ("less-urgent", "non-urgent", "infant", False),
    ],
)  # fmt: skip
def test_hazardous(gold: str, level: str, category: str, hazardous: bool) -> None:
    assert bool(of(ran(gold, level, category=category)).hazardous) == hazardous


def test_groups() -> None:
    result = of(ran("emergency", "emergency", category="a"), ran("emergency", "urgent", category="b"))
    assert {name: one.sensitivity for name, one in result.groups["category"].items()} == {
        "a": Share(1, 1), "b": Share(0, 1),
    }  # fmt: skip
    assert list(result.groups["age"]) == ["60 to 74"]
    assert list(result.groups["form"]) == ["form 0"]


def test_kappa() -> None:
    assert weighted_kappa([("emergency", "emergency"), ("urgent", "urgent")]) == 1
    assert weighted_kappa([("emergency", "urgent"), ("urgent", "emergency")]) == -1
    assert weighted_kappa([("administrative", "administrative")]) is None


def test_gates() -> None:
    good = [ran("emergency", "emergency")] * 149 + [ran("urgent", "urgent")]
    assert all(gate.reached for gate in of_triage(figures(good)))
    missed = [
        ran("emergency", "urgent"),
        ran("urgent", "emergency"),
        Ran(case(), {"x": Talk("emergency", pushed="urgent")}),
    ]
    assert not any(gate.reached for gate in of_triage(figures(missed)))


def test_the_report_stands_alone_and_escapes_what_people_wrote() -> None:
    talk = Talk("urgent", [("member", "<script>alert(1)</script>")])
    told = page("Triage", of(Ran(case(), {"opening": talk})), [Ran(case(), {"opening": talk})])
    assert "<script>" not in told
    assert "&lt;script&gt;" in told
    assert "http" not in told
    assert "src=" not in told
