"""XHTML of a narrative: what may be in it, and what may not."""

from __future__ import annotations

import pytest

from fhir_server.fhirpath.narrative import is_narrative


def div(content: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'


ALLOWED = [
    div("text"),
    div("<p>a <b>b</b></p>"),
    div('<img src="a.png" alt="a"/>'),
    div('<a href="http://example.org">a</a>'),
    div('<table class="t"><tr><td colspan="2">a</td></tr></table>'),
    div("&lt;script&gt;"),
    "<div>text</div>",
]
REFUSED = [
    "",
    "text",
    "<p>text</p>",
    div(""),
    div("  \n "),
    div("<script>a</script>"),
    div('<p onclick="a">b</p>'),
    div('<a href="javascript:a">b</a>'),
    div('<a href=" JavaScript:a">b</a>'),
    div("<p>a"),
    div("a&nbsp;b"),
    div("<iframe/>a"),
    div("<?php a ?>b"),
    '<!DOCTYPE d [<!ENTITY a "b">]>' + div("&a;"),
    '<div xmlns="http://example.org">a</div>',
    div("\ud800"),
]


@pytest.mark.parametrize("text", ALLOWED)
def test_allowed(text: str) -> None:
    assert is_narrative(text)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    assert not is_narrative(text)
