"""HTML of the app, from templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.privacy.record import Record
from apps.privacy.words import SPEAKERS, day, moment
from apps.smart.templates import templates


class Page:
    """Renders for one place on the web."""

    def __init__(self, url: str) -> None:
        """url: of the app, without trailing slash."""
        self._url = url
        self._templates = templates(Path(__file__).parent)

    def welcome(self) -> str:
        """The page of an app that nobody launched."""
        return self._render("welcome.html")

    def failure(self, reason: str) -> str:
        """What went wrong; the reason is English, for whoever looks after the app."""
        return self._render("failure.html", title="Não foi possível continuar", reason=reason)

    def expired(self) -> str:
        """The session is over."""
        return self._render("failure.html", title="A sua sessão terminou", reason="")

    def record(self, record: Record, **shown: Any) -> str:
        """All of the page. shown: key, person, notice, problem, own, files (of the export), waiting, push_key."""
        return self._render("record.html", record=record, **shown)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(
            url=self._url, moment=moment, day=day, speakers=SPEAKERS, **values
        )
