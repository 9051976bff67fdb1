"""The service that evaluation talks to today: the interview alone, without channel, conversation engine and store."""

from __future__ import annotations

from care_services.triage.interview import State, step
from care_services.triage.rule_set import RuleSet
from hub.evaluation.driver import Asked


class Interview:
    """A conversation with the rules, in memory."""

    def __init__(self, rules: RuleSet, administrative: bool = False) -> None:
        self._rules, self.state = rules, State()

    @property
    def level(self) -> str:
        """The level now; an administrative wish has none."""
        return "administrative" if self.state.outcome == "administrative" else self.state.level

    def says(self, messages: list[str]) -> Asked | None:
        """The next question after these messages; None at the end."""
        self.state = step(self.state, "\n".join(messages), self._rules)
        question = self.state.pending
        if question is None:
            return None
        topic = question.id if question.id in ("about", "age", "sex", "pregnancy") else ""
        return Asked(question.text, question.rows, topic)
