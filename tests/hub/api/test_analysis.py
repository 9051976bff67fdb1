"""What the rules make of a text, without a server: the same as in a conversation, and never less urgent."""

from __future__ import annotations

from datetime import date

import pytest

from care_services.chat.alarm import level_of
from care_services.triage.interview import step
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from care_services.triage.state import State
from fhir_server.outcome import FhirError
from hub.api.analysis import analyzed, extracted, person_of

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "level", "finding"),
    [
        ("minha mãe acordou com a boca torta", "emergency", "boca torta"),
        ("estou com falta de ar parado", "very-urgent", "falta de ar"),
        ("Socorro!", "emergency", None), ("emergência", "emergency", None),
        ("Rosto ou fala alterados", "emergency", None),
        ("bom dia\nemergência", "emergency", None),
    ],
)  # fmt: skip
def test_levels_are_those_of_a_conversation(text: str, level: str, finding: str | None) -> None:
    found = analyzed(text, State(), [])
    assert (found["level"], found["final"], found["next"], found["outcome"]) == (level, True, None, "level")
    assert found["rules"], "each level has a reason"
    assert found["rules"][0]["level"] == level
    assert finding is None or any(finding in one["quote"] for one in found["findings"])
    assert found["ruleSet"]["digest"] == rules().digest


def test_what_is_still_to_be_asked_is_asked_until_it_is_known() -> None:
    begun, answers = person_of({"about": "self", "age": 34, "sex": "M"}), list[tuple[str, str]]()
    found = analyzed("estou com dor de cabeça, sem febre", begun, answers)
    state = step(begun, "estou com dor de cabeça, sem febre", rules())
    while found["next"] is not None:
        assert state.pending is not None
        assert found["next"]["question"] == state.pending.id
        assert found["next"]["question"] not in ("about", "age", "pregnancy"), "what is known is not asked"
        assert not found["final"]
        answers.append((found["next"]["question"], "não"))
        before, found = found["level"], analyzed("estou com dor de cabeça, sem febre", begun, answers)
        state = step(state, "não", rules())
        assert LEVELS.index(found["level"]) >= LEVELS.index(before)
    assert (found["final"], found["level"]) == (True, state.level)
    with pytest.raises(FhirError) as refused:
        analyzed("estou com dor de cabeça", begun, [("severity", "8")])
    assert refused.value.issues[0].expression == ("answers[0].question",)


def test_who_somebody_is_counts() -> None:
    assert analyzed("febre de 38", person_of({"about": "child", "age": 0.1}), [])["level"] == "emergency"
    assert analyzed("sangramento forte", person_of({"pregnant": True}), [])["level"] == "emergency"


def test_what_a_text_names_and_wants() -> None:
    found = extracted("quero marcar cardiologista amanhã às 14h", TODAY)
    assert [(one["kind"], one["value"]) for one in found["entities"]] == [
        ("specialty", "cardiologia"), ("date", "2026-11-29"), ("time", "14:00"),
    ]  # fmt: skip
    assert [one["quote"] for one in found["entities"]][:2] == ["cardiologista", "amanhã"]
    assert (found["intent"]["by"], found["intent"]["name"]) == ("classifier", found["intent"]["likely"][0]["name"])
    assert 0 < found["intent"]["probability"] <= 1
    urgent = extracted("socorro, ele não acorda", TODAY)
    assert (urgent["intent"]["name"], urgent["intent"]["by"]) == ("emergency_situation", "rules")
    assert urgent["sentiment"].keys() == {"distressed"}
    for text in ("emergência", "Rosto ou fala alterados"):
        assert level_of(text, rules()) == "emergency"
        assert extracted(text, TODAY)["intent"]["name"] == "emergency_situation"
