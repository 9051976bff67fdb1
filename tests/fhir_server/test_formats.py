"""Content negotiation as a table."""

from __future__ import annotations

import pytest

from fhir_server.formats import asks_for_resource, negotiate

FHIR = "application/fhir+json; charset=utf-8"
PLAIN = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "format", "expected"),
    [
        ("", None, FHIR),
        ("*/*", None, FHIR),
        ("application/*", None, FHIR),
        ("application/fhir+json", None, FHIR),
        ("application/fhir+json; fhirVersion=4.0", None, FHIR),
        ("application/fhir+json; fhirVersion=3.0", None, None),
        ("application/json", None, PLAIN),
        ("APPLICATION/JSON", None, PLAIN),
        ("application/fhir+json;q=0.5, application/json", None, PLAIN),
        ("application/xml;q=0.9, application/fhir+json;q=0.1", None, FHIR),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None, FHIR),
        ("application/fhir+xml", None, None),
        ("text/turtle", None, None),
        ("text/html", None, None),
        ("application/fhir+json;q=0", None, None),
        ("application/fhir+xml", "json", FHIR),
        ("", "application/fhir+json", FHIR),
        ("", "application/fhir json", FHIR),
        ("", "application/json", PLAIN),
        ("application/fhir+json", "xml", None),
        ("", "ttl", None),
        ("", "text/json", "text/json; charset=utf-8"),
    ],
)
def test_negotiation(accept: str, format: str | None, expected: str | None) -> None:
    assert negotiate(accept, format) == expected


@pytest.mark.parametrize(
    ("accept", "format", "expected"),
    [
        ("", None, False),
        ("*/*", None, False),
        ("application/json", None, False),
        ("image/png", None, False),
        ("application/fhir+json", None, True),
        ("application/fhir+json; fhirVersion=4.0", None, True),
        ("image/png, application/fhir+json;q=0.5", None, True),
        ("", "json", True),
        ("", "application/fhir+json", True),
    ],
)
def test_binary_as_resource(accept: str, format: str | None, expected: bool) -> None:
    assert asks_for_resource(accept, format) is expected
