"""Entry URLs: forms taken, forms refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import Invalid
from fhir_server.transaction.entry_url import parse_url

BASE = "http://hub.example/fhir"


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("Patient", ("Patient",), []),
        ("Patient/1", ("Patient", "1"), []),
        ("/Patient/1", ("Patient", "1"), []),
        ("Patient/1/_history/2", ("Patient", "1", "_history", "2"), []),
        ("Patient?identifier=s|v", ("Patient",), [("identifier", "s|v")]),
        ("Patient?identifier=s%7Cv&name=a+b", ("Patient",), [("identifier", "s|v"), ("name", "a b")]),
        ("Patient?name=", ("Patient",), [("name", "")]),
        ("Patient?", ("Patient",), []),
        (f"{BASE}/Patient/1", ("Patient", "1"), []),
        (f"{BASE}/Patient?name=x", ("Patient",), [("name", "x")]),
        (f"{BASE}/", (), []),
        (BASE, (), []),
        ("", (), []),
        ("?_type=Patient", (), [("_type", "Patient")]),
        ("Observation/$lastn", ("Observation", "$lastn"), []),
        ("Patient/a%2Db", ("Patient", "a-b"), []),
        ("Patient?url=http://x/../y", ("Patient",), [("url", "http://x/../y")]),
    ],
)
def test_taken(url: str, path: tuple[str, ...], query: list[tuple[str, str]]) -> None:
    assert parse_url(url, BASE) == (path, query)


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/fhir/Patient/1",
        "http://hub.example/fhirx/Patient/1",
        "//hub.example/fhir/Patient/1",
        "//Patient/1",
        "Patient//1",
        "Patient/1/",
        "../Patient/1",
        "Patient/../Practitioner/1",
        "Patient/./1",
        "Patient/%2e%2e/Practitioner",
        "Patient/a%2fb",
        "Patient/a%5Cb",
        "Patient\\1",
        "Patient/%00",
        "Patient/%ff",
        "Patient?name=%ff",
        "Patient#x",
        "Patient 1",
        "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
        "javascript:alert(1)",
        "Patient?" + "&".join(["a=b"] * 101),
        "Patient?name=" + "x" * 20_000,
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(Invalid):
        parse_url(url, BASE)


@given(st.text(max_size=40))
def test_segments_are_never_dangerous(url: str) -> None:
    try:
        path, _ = parse_url(url, BASE)
    except Invalid:
        return
    assert not {"", ".", ".."} & set(path)
    assert not any("/" in segment or "\\" in segment or "\0" in segment for segment in path)
