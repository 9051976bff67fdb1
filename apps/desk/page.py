"""HTML of the desk, from templates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apps.desk import talk
from apps.desk.acts import LEVELS, OUTCOMES, level_of
from apps.desk.case import Case
from apps.desk.queue import FILTERS, Row, display, inputs, row
from apps.desk.words import LANGUAGES, ZONE, moment, speaker
from apps.smart.templates import templates

_BOLD = re.compile(r"\*([^*\n]+)\*")
COLOURS = {
    "emergency": "danger", "very-urgent": "warning", "urgent": "info", "less-urgent": "success",
    "non-urgent": "primary", "stat": "danger", "asap": "warning",
}  # fmt: skip


class Page:
    """Renders for one place on the web."""

    def __init__(self, url: str) -> None:
        """url: of the app, without trailing slash."""
        self._url, self._templates = url, templates(Path(__file__).parent)

    def welcome(self, language: str) -> str:
        """The page of an app that nobody launched."""
        return self._render("welcome.html", language)

    def failure(self, language: str, title: str, reason: str = "") -> str:
        """What went wrong. title: key of words; reason: for whoever looks after the app."""
        return self._render("failure.html", language, title=title, reason=reason)

    def queue(self, rows: Sequence[Row], language: str, *, part: bool = False, **shown: Any) -> str:
        """All of the queue, or its rows alone. shown: key, person, which, desk, counts, desks, notice, problem."""
        shown |= {"rows": rows, "filters": FILTERS}
        made = self._render("rows.html", language, mark="", **shown)
        shown["mark"] = mark(made)
        return self._render("rows.html" if part else "queue.html", language, **shown)

    def case(self, case: Case, user: dict[str, Any], now: datetime, language: str, **shown: Any) -> str:
        """All of a case. shown: key, person, notice, problem, draft, form."""
        until = talk.open_until(case.communications)
        return self._render(
            "case.html", language, case=case, row=row(case.task, user, now), facts=inputs(case.task),
            levels=LEVELS, outcomes=OUTCOMES, level_of=level_of, display=display, now=now,
            phone=talk.phone(case.task, case.communications), until=until.isoformat() if until else "",
            can_write=until is not None and until > now, lines=case.lines,
            flagged=any(one.get("status") == "active" for one in case.flags or ()),
            mark=self.mark_of_talk(case, language), tomorrow=_tomorrow(now), **shown,
        )  # fmt: skip

    def talk(self, case: Case, language: str, key: str) -> str:
        """The conversation alone."""
        return self._render("talk.html", language, case=case, lines=case.lines, key=key,
                            mark=self.mark_of_talk(case, language))  # fmt: skip

    def mark_of_talk(self, case: Case, language: str) -> str:
        """Changes when the conversation, or who has the case, does."""
        return mark(repr((case.lines, case.task.get("owner"), case.task.get("status"), language)))

    def _render(self, template: str, language: str, **values: Any) -> str:
        say, code = speaker(language)
        return self._templates.get_template(template).render(
            url=self._url, language=language, other=next(each for each in LANGUAGES if each != language), say=say,
            code=code, at=lambda value: moment(value, language), pieces=pieces, colours=COLOURS, **values,
        )  # fmt: skip


def pieces(text: str) -> list[str]:
    """A text of the channel's in pieces: every second one stood between asterisks, and is bold."""
    return _BOLD.split(text)


def mark(shown: str) -> str:
    """What is shown, in a few letters: whoever asks again says what they have."""
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def _tomorrow(now: datetime) -> str:
    """A start to begin with: the next day, on the hour, as a form has it."""
    return (now.astimezone(ZONE) + timedelta(days=1)).strftime("%Y-%m-%dT%H:00")
