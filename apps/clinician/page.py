"""HTML of the app, from templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from apps.clinician import sections
from apps.clinician.banner import banner
from apps.clinician.curves import Curve, curves
from apps.clinician.elements import date_text
from apps.clinician.record import Record
from apps.clinician.words import LANGUAGES, speaker
from apps.smart.templates import templates


class Page:
    """Renders for one place on the web."""

    def __init__(self, url: str) -> None:
        """url: of the app, without trailing slash."""
        self._url = url
        self._templates = templates(Path(__file__).parent)

    def welcome(self, language: str) -> str:
        """The page of an app that nobody launched."""
        return self._render("welcome.html", language)

    def failure(self, language: str, reason: str) -> str:
        """What went wrong; the reason is English, for whoever looks after the app."""
        return self._render("failure.html", language, title="failed", reason=reason)

    def expired(self, language: str) -> str:
        """The session is over."""
        return self._render("failure.html", language, title="expired", reason="")

    def record(self, record: Record, person: str | None, today: date, language: str, key: str) -> str:
        """The record of a patient."""
        found = {name: each.resources for name, each in record.found.items()}
        birth = record.patient.get("birthDate", "")
        drawn = {
            name: curves(found["observations"], category, birth, language)
            for name, category in (("vital signs", "vital-signs"), ("laboratory", "laboratory"))
        }
        return self._render(
            "record.html",
            language,
            key=key,
            person=person,
            banner=banner(record.patient, today, language),
            lists={
                "allergies": sections.allergies(found["allergies"]),
                "problems": sections.problems(found["conditions"]),
                "medication": sections.medication(
                    found["prescriptions"],
                    found["statements"],
                    {**record.found["prescriptions"].included, **record.found["statements"].included},
                    language,
                ),
                "consents": sections.consents(found["consents"]),
            },
            sources={name: record.found[source] for name, source in SOURCES.items()},
            timeline=sections.timeline(found["encounters"], found["claims"]),
            documents=sections.documents(found["documents"]),
            curves=drawn,
            data={f"{name}-{number}": _data(each) for name, many in drawn.items() for number, each in enumerate(many)},
        )

    def _render(self, template: str, language: str, **values: Any) -> str:
        say, code = speaker(language)

        def day(value: str) -> str:
            return date_text(value, language)

        return self._templates.get_template(template).render(
            url=self._url,
            language=language,
            other=next(each for each in LANGUAGES if each != language),
            say=say,
            code=code,
            day=day,
            **values,
        )


SOURCES = {
    "allergies": "allergies",
    "problems": "conditions",
    "medication": "prescriptions",
    "vital signs": "observations",
    "laboratory": "observations",
    "timeline": "encounters",
    "documents": "documents",
    "consents": "consents",
}
"""Section -> the search whose fate is told there."""


def _data(curve: Curve) -> str:
    """What the script draws: seconds, values, range."""
    points: Sequence[Any] = curve.points
    return json.dumps(
        {
            "title": curve.title,
            "unit": curve.unit,
            "x": [point.second for point in points],
            "y": [point.value for point in points],
            "low": curve.low,
            "high": curve.high,
        }
    )
