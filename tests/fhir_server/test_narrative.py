"""Narratives: what may stand in them and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.narrative import BLANK, narrative_fault


def div(content: str, attributes: str = "") -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"{attributes}>{content}</div>'


@pytest.mark.parametrize(
    "text",
    [
        div("text"),
        div("<p>a<br/>b</p>"),
        div('<a href="https://example.org/">x</a><a name="y"/>'),
        div('<img src="#a" alt="b"/>'),
        div('<table class="grid"><tbody><tr><td colspan="2" style="color: red">a</td></tr></tbody></table>'),
        div("&amp;&lt;&gt;&quot;&apos;&#160;x"),
        div("a", ' xml:lang="en" lang="en" id="x"'),
        div("<!-- a comment -->b"),
        '<h:div xmlns:h="http://www.w3.org/1999/xhtml">x</h:div>',
        "\n" + div("x") + "\n",
    ],
)
def test_safe(text: str) -> None:
    assert narrative_fault(text) is None


@pytest.mark.parametrize("content", ["", " \n\t", "<p/>", "<pre>\n</pre>", "<!-- only a comment -->", "\u00a0"])
def test_blank(content: str) -> None:
    assert narrative_fault(div(content)) is BLANK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<div>no namespace</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">x</p>',
        div("x") + div("y"),
        div("<p>a"),
        div("a & b"),
        div("&nbsp;x"),
        div("<script>x</script>"),
        div("<form/>x"),
        div("<iframe src='x'/>x"),
        div("<object/>x"),
        div("<style>x</style>"),
        div("<link rel='x'/>x"),
        div('<p onclick="x">a</p>'),
        div("<P>a</P>"),
        div('<a href="javascript:x">a</a>'),
        div('<a href="data:text/html,x">a</a>'),
        div('<a href=" DATA: text/html;base64,eA==">a</a>'),
        div('<a href=" java\nscript:x">a</a>'),
        div('<a href="JaVaScRiPt:x">a</a>'),
        div('<p style="width: expression(x)">a</p>'),
        div('<p style="background: url(javascript:x)">a</p>'),
        div('<svg xmlns="http://www.w3.org/2000/svg"/>x'),
        div('<p xmlns:x="http://example.org/x" x:y="z">a</p>'),
        div("<?php x ?>y"),
        '<!DOCTYPE div [<!ENTITY a "b">]>' + div("&a;"),
        '<!DOCTYPE div SYSTEM "http://example.org/x">' + div("x"),
        div("\ud800"),
    ],
)
def test_refused(text: str) -> None:
    reason = narrative_fault(text)
    assert reason is not None
    assert reason.startswith("must ")


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    narrative_fault(text)
    narrative_fault(div(text))
