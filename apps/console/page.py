"""HTML of the console, from templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.console.charts import bars
from apps.console.pointers import pointer
from apps.console.words import DEAD, STATES, ago, moment
from apps.smart.templates import templates

Json = Any


class Page:
    """Renders for one place on the web."""

    def __init__(self, url: str) -> None:
        """url: of the app, without trailing slash."""
        self._url, self._templates = url, templates(Path(__file__).parent)

    def render(self, template: str, **values: Any) -> str:
        """A page or a part of one, named as its file without ".html"."""
        return self._templates.get_template(f"{template}.html").render(
            url=self._url, states=STATES, dead=DEAD, moment=moment, pointer=pointer, pretty=pretty,
            ago=lambda value: ago(value, datetime.now(UTC)), chart=chart, **values,
        )  # fmt: skip

    def failure(self, title: str, reason: str = "") -> str:
        """What went wrong, and what to do."""
        return self.render("failure", title=title, reason=reason)


def chart(flow: Json) -> str:
    """The last hour of a flow, as SVG."""
    return bars(flow.get("perMinute", {}), f"{flow['flow']}: messages a minute in the last hour")


def pretty(form: Json) -> str:
    """A form of a message as people read it."""
    if form is None:
        return ""
    if "text" in form:
        return str(form["text"])
    if "body" in form:
        return json.dumps(form["body"], indent=2, ensure_ascii=False)
    return f"{form.get('bytes', 0):,} bytes of {form.get('mediaType', 'something')}, not shown"
