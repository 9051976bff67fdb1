"""What is known of an interview, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

from care_services.triage.assessment import Fired
from care_services.triage.levels import LEVELS
from care_services.triage.measures import Facts


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as it is known. `present`: None while it is in doubt, and asked. `source`: stated (a direct answer),
    matched (the scanner) or extracted (a model). `quote`: the member's words."""

    present: bool | None
    source: str
    quote: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked next. `rows`: the choices that are shown with it."""

    id: str
    text: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of an interview. `level` never falls.

    What only a model saw raises it and steers nothing: what is asked, and when it ends, is decided by `ruled`, the
    level by rules alone. So no answer of a model can lead past a question whose answer would have been worse.
    """

    findings: dict[str, Known] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    to_ask: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    pending: Question | None = None
    about: str | None = None
    sex: str | None = None
    unread: int = 0
    level: str = LEVELS[0]
    fired: tuple[Fired, ...] = ()
    outcome: str | None = None
    answers: tuple[tuple[str, str], ...] = ()
    """The member's words, each with the id of the question they answer, "story" where nothing was asked."""
    ruled: str = LEVELS[0]
    seen: dict[str, Known] = field(default_factory=dict)
    """Findings that a model alone saw."""
    seen_by: str | None = None
    """Model and prompt version."""

    def present(self) -> dict[str, Known]:
        """What is there, by rules."""
        return {code: known for code, known in self.findings.items() if known.present}

    def story(self) -> str:
        """What was told before anything was asked."""
        return "\n".join(said for asked, said in self.answers if asked == "story")

    def known(self) -> dict[str, Known]:
        """What is there, and what only a model saw."""
        return self.seen | self.present()

    def model(self) -> str | None:
        """Whose findings are among them beside those of the rules."""
        return self.seen_by if self.seen.keys() - self.present().keys() else None
