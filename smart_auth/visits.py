"""A browser's request to a page, and the page it gets: headers that keep pages from being framed, kept or leaked.

https://developer.mozilla.org/docs/Web/HTTP/Headers/Content-Security-Policy https://www.rfc-editor.org/rfc/rfc6265
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from smart_auth.access_token import Site
from smart_auth.words import WORDS

Pairs = Sequence[tuple[str, str]]
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a browser asks."""

    method: str
    query: Pairs
    form: Pairs
    cookies: Mapping[str, str]
    address: str
    """Of who connects."""
    language: str
    """pt or en."""
    foreign: bool
    """The browser says that another site sent the request."""

    @property
    def carried(self) -> str:
        """The authorization request under way that it belongs to; empty if to none."""
        return self.first("continue")

    def first(self, name: str) -> str:
        """A parameter of the query or the form; empty if there is none."""
        return next((text for key, text in (*self.form, *self.query) if key == name), "")


@dataclass(frozen=True, slots=True)
class Page:
    """What it gets."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


def redirect(url: str, cookies: Sequence[str] = ()) -> Page:
    """On to another page, to be fetched by GET."""
    return Page(303, b"", [("Location", url), *_set(cookies), *_careful("'none'")])


def html(
    visit: Visit, site: Site, template: str, status: int = 200, *, leads_to: str = "", cookies: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (), scripts: bool = False, **values: Any,
) -> Page:  # fmt: skip
    """A page. scripts: it may run those of this server; leads_to: the redirect URI at which its forms may end, since
    browsers hold redirects to form-action."""
    words = WORDS[visit.language]
    text = _templates().get_template(template).render(t=words, issuer=site.issuer, **values)
    forms = f"'self' {_origin(leads_to)}".strip()
    kept = [("Content-Type", HTML), ("Content-Language", words["tag"]), ("Vary", "Accept-Language")]
    return Page(status, text.encode(), [*kept, *headers, *_set(cookies), *_careful(forms, scripts)])


def _careful(forms: str, scripts: bool = False) -> list[tuple[str, str]]:
    run = " script-src 'self';" if scripts else ""
    policy = f"default-src 'none'; style-src 'self';{run} form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    return [
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:" if parts.scheme else ""


def _set(cookies: Sequence[str]) -> list[tuple[str, str]]:
    return [("Set-Cookie", one) for one in cookies]


@cache
def _templates() -> Environment:
    loader = PackageLoader("smart_auth", "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, auto_reload=False, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def cookie_name(site: Site, name: str) -> str:
    """With https a name that only this host can set; browsers refuse it on plain http, hence in development."""
    return f"__Host-{name}" if site.issuer.startswith("https:") else f"development-{name}"


def cookie(site: Site, name: str, value: str, seconds: int | None = None) -> str:
    """A Set-Cookie; without seconds it lasts as long as the browser, and an empty value removes it."""
    secure = "; Secure" if site.issuer.startswith("https:") else ""
    age = "; Max-Age=0" if not value else "" if seconds is None else f"; Max-Age={seconds}"
    return f"{cookie_name(site, name)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"


def language(accept: str) -> str:
    """Of an Accept-Language: English where it is wanted more than Portuguese."""
    wanted: dict[str, float] = {}
    for part in accept.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        short = tag.strip().lower().partition("-")[0]
        try:
            wanted[short] = max(float(weight or 1), wanted.get(short, 0.0))
        except ValueError:
            continue
    return "en" if wanted.get("en", 0.0) > wanted.get("pt", 0.0) else "pt"
