"""Tasy's refusals: what each means, and whether sending again can help. Contract section 4.

A body with `erro` is one whatever the HTTP status: Tasy is known to refuse with 200.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from mappings.errors import MappingError
from mappings.tasy.names import CONTRACT, Names
from mappings.tasy.read import record
from mappings.tasy.records import Refusal

NEVER, ONCE, AGAIN, AFTER_LOOKUP = "never", "once", "again", "after-lookup"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one code."""

    issue: str
    """OperationOutcome.issue.code."""
    retry: str = NEVER
    """never, once (with a new token), again (later), after-lookup (first find out whether it was carried out)."""


MEANINGS: dict[str, Meaning] = {
    "PLS-4001": Meaning("structure"),
    "PLS-4002": Meaning("value"),
    "PLS-4003": Meaning("structure"),
    "PLS-4011": Meaning("login", ONCE),
    "PLS-4012": Meaning("login"),
    "PLS-4031": Meaning("forbidden"),
    "PLS-4032": Meaning("forbidden"),
    "PLS-4041": Meaning("not-found"),
    "PLS-4042": Meaning("not-found"),
    "PLS-4043": Meaning("not-found"),
    "PLS-4091": Meaning("duplicate"),
    "PLS-4092": Meaning("conflict"),
    "PLS-4093": Meaning("conflict"),
    "PLS-4131": Meaning("too-long"),
    "PLS-4151": Meaning("not-supported"),
    "PLS-4221": Meaning("business-rule"),
    "PLS-4222": Meaning("business-rule"),
    "PLS-4223": Meaning("business-rule"),
    "PLS-4224": Meaning("business-rule"),
    "PLS-4225": Meaning("business-rule"),
    "PLS-4231": Meaning("lock-error", AGAIN),
    "PLS-4291": Meaning("throttled", AGAIN),
    "PLS-5001": Meaning("exception", AFTER_LOOKUP),
    "PLS-5002": Meaning("exception", AFTER_LOOKUP),
    "PLS-5031": Meaning("transient", AGAIN),
    "PLS-5041": Meaning("timeout", AGAIN),
}

_BY_STATUS = (
    (range(400, 408), Meaning("processing")),
    (range(408, 409), Meaning("timeout", AFTER_LOOKUP)),
    (range(429, 430), Meaning("throttled", AGAIN)),
    (range(409, 500), Meaning("processing")),
    (range(502, 505), Meaning("transient", AGAIN)),
    (range(500, 600), Meaning("exception", AFTER_LOOKUP)),
)


def refusal_of(status: int, body: bytes, names: Names = CONTRACT) -> tuple[Refusal, Meaning] | None:
    """The refusal in an answer and what it means; None if the answer is none.

    A code that is unknown, and an error without a body that says why, mean what their HTTP status does; an unknown code
    in a 200 is never sent again.
    """
    said = _said(body, names)
    if said is None:
        if status < 400:
            return None
        said = Refusal(cd_erro="")
    meaning = MEANINGS.get(said.cd_erro)
    if meaning is None:
        meaning = next((one for statuses, one in _BY_STATUS if status in statuses), Meaning("processing"))
    return said, meaning


def _said(body: bytes, names: Names) -> Refusal | None:
    try:
        source: Any = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None
    name = names.sent.get("refusal", {}).get("erro", "erro")
    if not isinstance(source, dict) or name not in source:
        return None
    try:
        return record(Refusal, source[name], names)[0]
    except MappingError:
        return Refusal(cd_erro="")
