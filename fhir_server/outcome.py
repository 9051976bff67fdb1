"""Errors as FHIR tells them: FhirError, its HTTP status, and the OperationOutcome. https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome. `diagnostics` never holds a value from the record."""

    code: str
    """IssueType: structure, required, value, invariant, not-found, conflict, ..."""
    diagnostics: str
    expression: tuple[str, ...] = ()
    """FHIRPath of the elements at fault, such as `Patient.contact[0].name`."""
    severity: str = "error"

    def resource(self) -> dict[str, Any]:
        """The issue as JSON."""
        issue: dict[str, Any] = {"severity": self.severity, "code": self.code, "diagnostics": self.diagnostics}
        if self.expression:
            issue["expression"] = list(self.expression)
        return issue


def operation_outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """OperationOutcome resource of the issues."""
    return {"resourceType": "OperationOutcome", "issue": [issue.resource() for issue in issues]}


class FhirError(Exception):
    """The caller asked for what cannot be: carries status and issues. Only `dispatch` and bundle entries catch it."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"
    headers: Mapping[str, str] = {}
    """What its answer says besides, such as the methods that are allowed."""

    def __init__(
        self, diagnostics: str | Sequence[Issue], *, code: str | None = None, expression: Sequence[str] = ()
    ) -> None:
        if isinstance(diagnostics, str):
            self.issues: tuple[Issue, ...] = (Issue(code or self.code, diagnostics, tuple(expression)),)
        else:
            self.issues = tuple(diagnostics)
        super().__init__("; ".join(issue.diagnostics for issue in self.issues))


class Invalid(FhirError):
    """400: the request is malformed."""


class Unauthorized(FhirError):
    """401: no token, or one that does not hold. https://www.rfc-editor.org/rfc/rfc6750#section-3"""

    status, code = 401, "login"

    def __init__(self, diagnostics: str, *, token: bool = False) -> None:
        """token: one was sent."""
        super().__init__(diagnostics)
        error = f', error="invalid_token", error_description="{diagnostics}"' if token else ""
        self.headers = {"WWW-Authenticate": f'Bearer realm="fhir"{error}'}


class Forbidden(FhirError):
    """403: not allowed."""

    status, code = 403, "forbidden"


class NotFound(FhirError):
    """404: unknown type or resource."""

    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    """405: the URL exists, this method on it does not."""

    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    """406: no format the client accepts."""

    status, code = 406, "not-supported"


class Conflict(FhirError):
    """409: the change contradicts the present state of the record."""

    status, code = 409, "conflict"


class Gone(FhirError):
    """410: deleted."""

    status, code = 410, "deleted"


class PreconditionFailed(FhirError):
    """412: If-Match, If-None-Exist or a conditional URL did not hold."""

    status, code = 412, "conflict"


class Unavailable(FhirError):
    """503: nothing is wrong with the request, but it cannot be decided now."""

    status, code = 503, "transient"

    def __init__(self, diagnostics: str) -> None:
        super().__init__(diagnostics)
        self.headers = {"Retry-After": "1"}


class TooLarge(FhirError):
    """413: body or bundle beyond the limit."""

    status, code = 413, "too-long"


class UnsupportedMediaType(FhirError):
    """415: body in a format this server does not read."""

    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    """422: well-formed, but against the rules of FHIR or of this server."""

    status, code = 422, "invariant"
