"""A request about somebody's own data, as those who decide it know it: of the shape that `$erasure` and
`$rectification` give it, so that `$data-requests` lists it and `$decide` carries it out, once it is known whose it is.

Pure. LGPD, art. 18. docs/access.md. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.identifiers import coding, concept

Json = Any

SYSTEM = "urn:fhir-hub:CodeSystem:data-subject-request"
KINDS: Mapping[str, str] = {"erase": "erasure", "correct": "rectification"}
"""What was asked for -> kind of the request. To see one's data is no request that waits for a decision."""
CLASSES = (
    "consented", "self-recorded", "chart", "claims", "service", "complaint", "consent", "request", "provenance",
    "identity", "audit",
)  # fmt: skip
"""Classes of data whose erasure is asked for: all that may be."""
_STATEMENT = "pedido pela conversa: a pessoa diz o que está errado a quem responder"


def data_request(task: Json, asked: str) -> Json:
    """The Task of a request. asked: own-data, erase or correct."""
    kind = KINDS.get(asked)
    if kind is None:
        return task
    codes = [*task["code"]["coding"], coding(SYSTEM, "data-subject-request"), coding(SYSTEM, kind)]
    if kind == "erasure":
        more = [{"type": _type("class"), "valueCode": one} for one in CLASSES]
    else:
        more = [{"type": _type("statement"), "valueString": _STATEMENT}]
    return {
        **task,
        "code": concept(*codes),
        "performerType": [concept(coding("urn:fhir-hub:CodeSystem:access", "privacy-officer"))],
        "input": [*task["input"], *more],
    }


def _type(name: str) -> Json:
    return concept(coding(SYSTEM, name))
