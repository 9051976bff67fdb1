"""Links: which are found, and which are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.transaction.links import Kind, links_of, path_of, rewritten_narrative, root_of

A = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a01"
B = "http://old.example/fhir/Patient/7"
C = "urn:oid:1.2.3"
DANGLING = "urn:uuid:00000000-0000-4000-8000-000000000000"
URLS = {A, B, C}


def found(resource: Any, root: str = "") -> list[tuple[str, str, str]]:
    return [(link.kind.name, link.target, link.suffix) for link in links_of(resource, URLS, root)]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"subject": {"reference": A}}, [("FULL_URL", A, "")]),
        ({"subject": {"reference": B}}, [("FULL_URL", B, "")]),
        ({"subject": {"reference": C}}, [("FULL_URL", C, "")]),
        ({"subject": {"reference": f"{B}/_history/2"}}, [("FULL_URL", B, "/_history/2")]),
        ({"subject": {"reference": f"{A}#part"}}, [("FULL_URL", A, "#part")]),
        ({"subject": {"reference": "Patient/7"}}, []),
        ({"subject": {"reference": "#p"}}, []),
        ({"subject": {"reference": "http://elsewhere.example/fhir/Patient/7"}}, []),
        ({"subject": {"reference": DANGLING}}, [("UNKNOWN", DANGLING, "")]),
        ({"subject": {"reference": "Patient?identifier=s|v"}}, [("CRITERIA", "Patient?identifier=s|v", "")]),
        ({"performer": [{"reference": A}, {"reference": A}]}, [("FULL_URL", A, "")] * 2),
        ({"contained": [{"resourceType": "Group", "member": [{"entity": {"reference": A}}]}]}, [("FULL_URL", A, "")]),
        ({"content": [{"attachment": {"url": A}}]}, [("FULL_URL", A, "")]),
        ({"extension": [{"url": "http://x", "valueUri": A}]}, [("FULL_URL", A, "")]),
        ({"instantiatesUri": ["http://y", A]}, [("FULL_URL", A, "")]),
        # What names, or is no link by its type, stays.
        ({"identifier": [{"system": "urn:ietf:rfc:3986", "value": A}]}, []),
        ({"code": {"coding": [{"system": C, "code": "1"}]}}, []),
        ({"resourceType": "ValueSet", "url": A}, []),
        ({"extension": [{"url": A, "valueCode": "x"}]}, []),
        ({"instantiatesCanonical": [A], "meta": {"profile": [A]}}, []),
        ({"extension": [{"url": "http://x", "valueCanonical": A}]}, []),
        ({"extension": [{"url": "http://x", "valueUuid": A}]}, []),
        ({"extension": [{"url": "http://x", "valueString": A}]}, []),
        ({"resourceType": "Bundle", "entry": [{"fullUrl": A, "resource": {"subject": {"reference": A}}}]}, []),
        # Narrative.
        ({"text": {"div": f'<div><a href="{A}">x</a></div>'}}, [("NARRATIVE", "", "")]),
        ({"text": {"div": f"<div><img src='{A}'/></div>"}}, [("NARRATIVE", "", "")]),
        ({"text": {"div": f"<div>{A} <a href='#x'>href</a></div>"}}, []),
        # A JSON Patch.
        ([{"op": "add", "path": "/subject", "value": {"reference": A}}], [("FULL_URL", A, "")]),
        ([{"op": "replace", "path": "/subject/reference", "value": A}], [("FULL_URL", A, "")]),
        ([{"op": "replace", "path": "/identifier/0/value", "value": A}], []),
    ],
)
def test_links(resource: Any, expected: list[tuple[str, str, str]]) -> None:
    assert found(resource) == expected


def test_relative_references_are_resolved_against_the_root_of_their_entry() -> None:
    resource = {"subject": {"reference": "Patient/7"}}
    assert found(resource, "http://old.example/fhir/") == [("FULL_URL", B, "")]
    assert found(resource, "http://new.example/fhir/") == []


@pytest.mark.parametrize(
    ("full_url", "root"),
    [
        (None, ""),
        (A, ""),
        (B, "http://old.example/fhir/"),
        ("https://x.example/Patient/1", "https://x.example/"),
        ("http://x.example", ""),
    ],
)
def test_root(full_url: str | None, root: str) -> None:
    assert root_of(full_url) == root


def test_narrative_is_rewritten_where_it_links() -> None:
    text = f'<div><a href="{A}">{A}</a><img alt="x" src=\'{B}\'/><a href="http://z">z</a></div>'
    known = {A: "Patient/1", B: "Binary/2"}
    assert rewritten_narrative(text, known.get) == (
        f'<div><a href="Patient/1">{A}</a><img alt="x" src=\'Binary/2\'/><a href="http://z">z</a></div>'
    )


def test_path() -> None:
    resource = {"participant": [{"x": 1}, {"individual": {"reference": A}}], "list": [A]}
    assert path_of(resource, resource["participant"][1]["individual"], "reference") == ".participant[1].individual"  # type: ignore[index]
    assert path_of(resource, resource["list"], 0) == ".list[0]"
    assert path_of(resource, resource, "url") == ".url"


def test_a_link_knows_its_place() -> None:
    resource = {"subject": {"reference": A, "display": "x"}}
    [link] = links_of(resource, URLS, "")
    assert link.kind is Kind.FULL_URL
    link.holder[link.key] = "Patient/1"
    assert resource == {"subject": {"reference": "Patient/1", "display": "x"}}
