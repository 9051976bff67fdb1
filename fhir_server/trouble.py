"""Faults that are not the client's: what it is told of them, which is never a detail. https://hl7.org/fhir/R4/http.html#Status-Codes"""

from __future__ import annotations

import traceback

from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.postgres import ConnectionLost, DatabaseError
from mappings.r4 import serialize

TOOK_TOO_LONG = "57014"
"""SQLSTATE query_canceled."""


def trouble(error: Exception) -> FhirResponse:
    """503 where trying again may help, else 500."""
    if isinstance(error, DatabaseError) and error.sqlstate == TOOK_TOO_LONG:
        return _answer(503, "too-costly", "this took too long; ask for less")
    if isinstance(error, ConnectionLost) or (isinstance(error, DatabaseError) and error.retryable):
        return _answer(503, "transient", "the database cannot be reached just now; try again", {"Retry-After": "2"})
    return _answer(500, "exception", "an error of this server; its log knows it by the X-Request-Id")


def busy() -> FhirResponse:
    """503: more requests are under way than are answered in good time; this one was not begun."""
    return _answer(503, "throttled", "too many requests at once; try again", {"Retry-After": "1"})


def late() -> FhirResponse:
    """503: the deadline passed. Whether a write took effect is not known."""
    return _answer(503, "timeout", "this took too long and was given up; a write may have taken effect or not")


def _answer(status: int, code: str, diagnostics: str, headers: dict[str, str] | None = None) -> FhirResponse:
    outcome = operation_outcome([Issue(code, diagnostics, severity="fatal" if status == 500 else "error")])
    return FhirResponse(status, serialize(outcome), headers=headers or {})


def places(error: BaseException | None) -> list[str]:
    """Where an error came about, its causes included: types, files, lines and functions, no values."""
    found: list[str] = []
    while error is not None and len(found) < 100:
        found.append(type(error).__qualname__)
        frames = traceback.extract_tb(error.__traceback__)
        found += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        error = error.__cause__ or error.__context__
    return found
