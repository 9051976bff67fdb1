"""Forms of an app's pages: their fields, and whether they come from its own pages."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request

LONGEST = 64 * 1024
"""Bytes of a form, unless the page says otherwise."""


def from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page has sent it. https://www.w3.org/TR/fetch-metadata/"""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def form(request: Request, longest: int = LONGEST) -> dict[str, list[str]]:
    """The fields of a form; none of one that is longer than any of the page's can be, or that is no form."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return {}
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
