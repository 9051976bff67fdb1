"""The API as OpenAPI describes it, for those who make clients of it. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from typing import Any

from care_services.delivery.decision import CATEGORIES
from care_services.delivery.templates import TEMPLATES
from care_services.entities.entity import KINDS
from care_services.triage.levels import LEVELS
from care_services.triage.scanner import LONGEST
from hub import VERSION
from mappings.whatsapp.outgoing import TEXT

Json = Any


def document(base: str) -> Json:
    """base: URL of the API."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Conversations", "version": VERSION, "description": "Refusals are FHIR OperationOutcomes."},
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "paths": {
            "/messages/send": {"post": _operation(
                "Write to a member", "202", _SENT, body=_MESSAGE,
                parameters=[{**_parameter("Idempotency-Key", "header", {"type": "string", "maxLength": 255}),
                             "required": True}],
            )},
            "/conversations/{id}": {"get": _operation(
                "Read a conversation, newest messages first", "200", _TALK,
                parameters=[
                    {**_parameter("id", "path", _TEXT), "required": True},
                    _parameter("count", "query", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
                    _parameter("cursor", "query", _TEXT),
                ],
            )},
            "/ai/analyze-symptom": {"post": _operation("The level of a story, by rules", "200", _LEVEL, body=_STORY)},
            "/ai/extract-entities": {"post": _operation(
                "What a text names and wants", "200", _NAMED, body=_object(["text"], text=_LONG, today=_DATE)
            )},
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
    }  # fmt: skip


def _object(needed: list[str], **members: Json) -> Json:
    return {"type": "object", "required": needed, "properties": members, "additionalProperties": False}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _words(*known: str) -> Json:
    return {"type": "string", "enum": list(known)}


def _parameter(name: str, where: str, schema: Json) -> Json:
    return {"name": name, "in": where, "schema": schema}


def _operation(summary: str, status: str, schema: Json, *, body: Json = None, parameters: Json = ()) -> Json:
    refused = {"description": "an OperationOutcome", "content": {"application/fhir+json": {"schema": {}}}}
    found: Json = {
        "summary": summary, "parameters": list(parameters),
        "responses": {
            status: {"description": "done", "content": {"application/json": {"schema": schema}}},
            **dict.fromkeys(("4XX", "5XX"), refused),
        },
    }  # fmt: skip
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_BOOLEAN: Json = {"type": "boolean"}
_DATE: Json = {"type": "string", "format": "date"}
_LONG: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST}
_LEVELS = _words(*LEVELS)
_NUMBER: Json = {"type": "number"}
_RULE_SET = _object(
    ["version", "status", "digest", "signed"], version=_TEXT, status=_TEXT, digest=_TEXT, signed=_BOOLEAN
)
_IDENTIFIER = _object(["system", "value"], system=_TEXT, value=_TEXT)
_MESSAGE = _object(
    ["to"],
    to={"oneOf": [_object(["patient"], patient=_TEXT), _object(["identifier"], identifier=_IDENTIFIER)]},
    category=_words(*CATEGORIES), priority=_words("routine", "urgent", "asap", "stat"),
    text={"type": "string", "minLength": 1, "maxLength": TEXT},
    template=_words(*(one.text.removeprefix("template_") for one in TEMPLATES)),
    slots={"type": "object", "additionalProperties": _TEXT},
)  # fmt: skip
_SENT = _object(["reference", "status", "repeated"], reference=_TEXT, status=_TEXT, repeated=_BOOLEAN)
_TALK = _object(
    ["id", "state", "number", "member", "messages", "next"],
    id=_TEXT, state=_MAYBE, number=_MAYBE, changed=_MAYBE, member={"type": "object"}, next=_MAYBE,
    messages=_list(_object(
        ["reference", "direction", "at", "status", "reached", "priority", "text", "files", "request"],
        reference=_TEXT, direction=_words("in", "out"), at={"type": "string", "format": "date-time"}, status=_TEXT,
        reached=_MAYBE, priority=_TEXT, text=_list(_TEXT), files=_list({"type": "object"}), request=_MAYBE,
    )),
)  # fmt: skip
_STORY = _object(
    ["text"], text=_LONG,
    person=_object(
        [], about=_words("self", "child", "other"), sex=_words("F", "M"), pregnant=_BOOLEAN,
        age={"type": "number", "minimum": 0, "maximum": 130},
    ),
    answers=_list(_object(["question", "text"], question=_TEXT, text=_TEXT)),
)  # fmt: skip
_LEVEL = _object(
    ["level", "final", "outcome", "findings", "facts", "rules", "toAsk", "next", "ruleSet"],
    level=_LEVELS, final=_BOOLEAN, outcome={"enum": ["level", "person", None]},
    findings=_list(_object(["code", "source", "quote"], code=_TEXT, source=_TEXT, quote=_TEXT)),
    facts={"type": "object", "additionalProperties": _NUMBER},
    rules=_list(_object(
        ["id", "title", "level", "because"], id=_TEXT, title=_TEXT, level=_LEVELS, because=_list(_TEXT)
    )),
    toAsk=_list(_TEXT),
    next={"oneOf": [{"type": "null"}, _object(
        ["question", "text", "options"], question=_TEXT, text=_TEXT, options=_list(_TEXT)
    )]},
    ruleSet=_RULE_SET,
)  # fmt: skip
_LIKELY = _object(["name", "probability"], name=_TEXT, probability=_NUMBER)
_NAMED = _object(
    ["entities", "intent", "sentiment", "ruleSet"],
    entities=_list(_object(["kind", "value", "quote"], kind=_words(*KINDS), value=_TEXT, quote=_TEXT)),
    intent=_object(
        ["name", "probability", "by", "clear", "likely"], name=_TEXT, probability=_NUMBER,
        by=_words("rules", "classifier"), clear=_BOOLEAN, likely=_list(_LIKELY),
    ),
    sentiment=_object(["distressed"], distressed=_BOOLEAN), ruleSet=_RULE_SET,
)  # fmt: skip
