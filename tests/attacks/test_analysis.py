"""Attacks on the analysis of texts: it is for those it was registered for, and keeps and tells nothing of a text."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hub.api.app import ROUTES
from smart_auth.scopes import parse
from tests.attacks.record import Record
from tests.hub_process import Answer

WAYS = ("analyze-symptom", "extract-entities")


def ask(record: Record, way: str, token: str, body: Any) -> Answer:
    return record.caller.get(f"/api/v1/ai/{way}", token, "POST", body)


@pytest.mark.parametrize("way", WAYS)
def test_it_has_a_scope_of_its_own(record: Record, way: str) -> None:
    body = {"text": "dor de cabeça"}
    for scope, roles in (
        ("system/*.cruds", ()), ("system/Observation.rs", ()), ("system/Analysis.c", ()), ("patient/*.cruds", ()),
        ("user/Analysis.r", ("member",)), ("user/Analysis.r", ("operator",)), ("user/*.cruds", ("nurse",)),
    ):  # fmt: skip
        token = record.caller.token(scope, roles=roles, patient=record.a)
        assert ask(record, way, token, body).status == 403, (scope, roles)
    for scope, roles in (("system/Analysis.r", ()), ("user/Analysis.r", ("nurse",))):
        assert ask(record, way, record.caller.token(scope, roles=roles), body).status == 200, scope
    assert record.caller.hub.client.request("POST", f"/api/v1/ai/{way}", body).status == 401
    assert record.caller.get("Patient", record.caller.token("system/Analysis.r")).status == 403


def test_no_scope_grants_it_by_the_way() -> None:
    def known(kind: str, code: str) -> str | None:
        return "" if kind in ("Patient", "Analysis") else None

    assert not parse("patient/Analysis.r", known)
    assert not parse("system/*.cruds", known).covers(parse("system/Analysis.r", known))


def test_a_text_is_neither_kept_nor_logged_and_the_audit_trail_knows_that_it_was_asked(
    record: Record, log: Path
) -> None:  # fmt: skip
    word, client = f"palavra{secrets.token_hex(6)}", f"analyzer-{record.mark}"
    token = record.caller.token("system/Analysis.r", client=client)
    for way in WAYS:
        answer = ask(record, way, token, {"text": f"estou com dor de cabeça e {word}"})
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert ask(record, way, token, {"text": word, "x": word}).status == 400
        refused = ask(record, way, token, {"text": word + "\u0007"})
        assert word.encode() not in refused.body
    assert word not in log.read_text(encoding="utf-8", errors="replace")
    found = record.events(f"AuditEvent/$trail?client={client}", record.operator, 6)
    assert word not in str(found)


@pytest.mark.parametrize(
    ("body", "element"),
    [
        ({"text": ""}, "text"), ({}, "text"), ({"text": 1}, "text"), ({"text": "a" * 6001}, "text"),
        ({"text": "a", "person": {"age": -1}}, "person.age"), ({"text": "a", "person": {"age": True}}, "person.age"),
        ({"text": "a", "person": {"age": "34"}}, "person.age"), ({"text": "a", "person": {"sex": "x"}}, "person.sex"),
        ({"text": "a", "person": {"about": 1}}, "person.about"), ({"text": "a", "person": []}, "person"),
        ({"text": "a", "person": {"pregnant": 1}}, "person.pregnant"), ({"text": "a", "person": {"x": 1}}, "person"),
        ({"text": "a", "answers": {}}, "answers"), ({"text": "a", "answers": [1]}, "answers[0]"),
        ({"text": "a", "answers": [{"question": "age"}]}, "answers[0].text"),
        ({"text": "a", "answers": [{"question": "nothing", "text": "b"}]}, "answers[0].question"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(record: Record, body: Any, element: str) -> None:
    answer = ask(record, "analyze-symptom", record.caller.token("system/Analysis.r"), body)
    assert answer.status in (400, 422), answer.body
    assert answer.json()["issue"][0]["expression"] == [element]
    if "person" not in body and "answers" not in body:
        assert ask(record, "extract-entities", record.caller.token("system/Analysis.r"), body).status == answer.status


def test_the_api_is_as_its_document_says(record: Record) -> None:
    answer = record.caller.hub.client.request("GET", "/api/v1/openapi.json")
    assert answer.status == 200
    described = answer.json()
    operations = {(method.upper(), path[1:]) for path, each in described["paths"].items() for method in each}
    assert operations == {(one.method, one.path) for one in ROUTES}
    token = record.caller.token("system/Analysis.r")
    for way, bodies in (
        ("analyze-symptom", (
            {"text": "dor de cabeça", "person": {"age": 34.5, "sex": "F", "about": "self", "pregnant": False}},
            {"text": "boca torta"}, {"text": "oi", "answers": [{"question": "about", "text": "sobre mim"}]},
        )),
        ("extract-entities", ({"text": "quero uma ressonância dia 10/12", "today": "2026-11-28"},)),
    ):  # fmt: skip
        operation = described["paths"][f"/ai/{way}"]["post"]
        for body in bodies:
            jsonschema.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
            found = ask(record, way, token, body)
            assert found.status == 200, found.body
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.validate(found.json(), schema)
