"""Lines of files: what each writes, and what is wrong with it before anybody is asked."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.entities import FLOWS, REMOVED, place
from batch.faults import CODES
from batch.lines import LONGEST, Raw, lines, targets
from mappings.identifiers import CNS, CPF
from mappings.tasy.site import Site
from tests.batch.sets import members, network, removal

SITE = Site()
PATIENT: dict[str, Any] = {
    "resourceType": "Patient", "id": "pf-1", "identifier": [{"system": CPF, "value": "52998224725"}],
    "name": [{"text": "ANA"}], "birthDate": "1980-01-01",
}  # fmt: skip
COVERAGE: dict[str, Any] = {
    "resourceType": "Coverage", "id": "seg-1", "status": "active", "subscriberId": "1",
    "beneficiary": {"reference": "Patient/pf-1"}, "payor": [{"display": "x"}], "period": {"start": "2026-01-01"},
}  # fmt: skip
KINSHIP = {"coding": [{"system": SITE.systems.codes("sib-parentesco"), "code": "99"}]}


@pytest.mark.parametrize(
    ("kind", "source", "code", "element"),
    [
        ("Patient", "x", "HUB-B201", "$"),
        ("Patient", "[]", "HUB-B201", "$"),
        ("Patient", "﻿{}", "HUB-B201", "$"),
        ("Patient", "", "HUB-B201", "$"),
        ("Patient", COVERAGE, "HUB-B202", "resourceType"),
        ("Observation", {"resourceType": "Observation", "id": "1"}, "HUB-B202", "resourceType"),
        ("Patient", {k: v for k, v in PATIENT.items() if k != "id"}, "HUB-B207", "id"),
        ("Patient", PATIENT | {"id": "a/b"}, "HUB-B207", "id"),
        ("Patient", PATIENT | {"id": 'x"y'}, "HUB-B207", "id"),
        ("Patient", PATIENT | {"birthDate": ""}, "HUB-B207", "birthDate"),
        ("Patient", PATIENT | {"identifier": 5}, "HUB-B207", "$"),
        ("Patient", PATIENT | {"identifier": [{"system": CPF, "value": "52998224724"}]}, "HUB-B204",
         "identifier[0].value"),
        ("Patient", PATIENT | {"identifier": [{"system": CNS, "value": "1"}]}, "HUB-B204", "identifier[0].value"),
        ("Patient", PATIENT | {"identifier": [{"system": "https://saude.gov.br/sid/cpf", "value": "1"}]}, "HUB-B204",
         "identifier[0].value"),
        ("Coverage", COVERAGE | {"period": {"end": "2026-01-01"}}, "HUB-B207", "period.start"),
        ("Coverage", COVERAGE | {"relationship": KINSHIP}, "HUB-B205", "relationship"),
        (REMOVED, PATIENT, "HUB-B202", "resourceType"),
        (REMOVED, removal(), "HUB-B202", "resourceType"),
        (REMOVED, removal("Coverage/seg-1", "Observation/1"), "HUB-B207", "entry[1].request"),
        (REMOVED, removal("Coverage?identifier=1"), "HUB-B207", "entry[0].request"),
    ],
)  # fmt: skip
def test_faults(kind: str, source: Any, code: str, element: str) -> None:
    raw = source.encode() if isinstance(source, str) else json.dumps(source).encode()
    [found] = targets(Raw(1, raw), "MEMBROS", kind, SITE)
    assert found.fault == (code, element)
    assert code in CODES


def test_what_is_written() -> None:
    [found] = targets(Raw(1, json.dumps(COVERAGE).encode()), "MEMBROS", "Coverage", SITE)
    assert found == ("Coverage", "seg-1", True, None, None)
    [found] = targets(Raw(1, json.dumps(COVERAGE | {"status": "cancelled"}).encode()), "MEMBROS", "Coverage", SITE)
    assert found.active is False
    [one, two] = targets(
        Raw(1, json.dumps(removal("Coverage/seg-1", "Patient/pf-1")).encode()), "MEMBROS", REMOVED, SITE
    )
    assert (one[:3], two[:3]) == (("Coverage", "seg-1", False), ("Patient", "pf-1", False))


def test_what_the_population_becomes_has_no_fault() -> None:
    for flow, resources in (("MEMBROS", members(200)), ("REDE", network(200))):
        for kind, found in resources.items():
            for one in found:
                [target] = targets(Raw(1, orjson.dumps(one)), flow, kind, SITE)
                assert target.fault is None, (kind, target.fault)


def test_facts_for_guards() -> None:
    resources = network(200)
    [place_] = targets(Raw(1, orjson.dumps(resources["Location"][0])), "REDE", "Location", SITE)
    assert place_.facts == {"municipality": "3549805"}
    [role] = targets(Raw(1, orjson.dumps(resources["HealthcareService"][0])), "REDE", "HealthcareService", SITE)
    assert role.facts["location"] == [resources["HealthcareService"][0]["location"][0]["reference"].split("/")[1]]


def test_order_of_a_set() -> None:
    kinds = ["Coverage", REMOVED, "RelatedPerson", "Patient"]
    assert sorted(kinds, key=lambda one: place("MEMBROS", one)) == ["Patient", "RelatedPerson", "Coverage", REMOVED]
    for flow in FLOWS:
        types = [one.type for one in FLOWS[flow]]
        assert len(types) == len(set(types))


@given(st.lists(st.binary(max_size=40).filter(lambda one: b"\n" not in one), max_size=30), st.booleans())
def test_lines_come_back(found: list[bytes], end: bool) -> None:
    source = b"\n".join(found) + (b"\n" if end and found else b"")
    hashing = hashlib.sha256()
    read = list(lines(io.BytesIO(source), hashing))
    assert hashing.digest() == hashlib.sha256(source).digest()
    expected = source.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert [one.source for one in read] == expected
    assert [one.number for one in read] == list(range(1, len(read) + 1))


def test_a_line_that_is_too_long_stands_alone() -> None:
    source = b"a\n" + b"x" * (3 * LONGEST) + b"\n" + b"y" * LONGEST + b"\nb"
    hashing = hashlib.sha256()
    read = list(lines(io.BytesIO(source), hashing))
    assert [(one.number, len(one.source), one.too_long) for one in read] == [
        (1, 1, False), (2, 0, True), (3, LONGEST, False), (4, 1, False)
    ]  # fmt: skip
    assert hashing.digest() == hashlib.sha256(source).digest()
    [found] = targets(read[1], "MEMBROS", "Patient", SITE)
    assert found.fault == ("HUB-B206", "$")
