"""Errors of all entries of a Bundle, collected and named by entry before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fhir_server.outcome import (
    Conflict,
    FhirError,
    Forbidden,
    Gone,
    Invalid,
    Issue,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)

MOST_ISSUES = 500
"""Issues told of one Bundle; more help nobody."""

_BY_STATUS = {
    error.status: error
    for error in (Invalid, Forbidden, NotFound, MethodNotAllowed, Conflict, Gone, PreconditionFailed, Unprocessable)
}


def entry_path(index: int, element: str = "") -> str:
    """FHIRPath of an entry or an element of it: `Bundle.entry[3].request.url`."""
    return f"Bundle.entry[{index}].{element}" if element else f"Bundle.entry[{index}]"


def in_entry(issue: Issue, index: int) -> Issue:
    """The issue with its expressions told from the Bundle: `Patient.name[0]` -> `Bundle.entry[3].resource.name[0]`."""
    return replace(issue, expression=tuple(_in_entry(path, index) for path in issue.expression or ("",)))


def _in_entry(path: str, index: int) -> str:
    if path.startswith("Bundle.entry["):
        return path
    if not path:
        return entry_path(index)
    head, dot, rest = path.partition(".")
    if not head[:1].isupper():  # "resourceType": relative to the resource
        return entry_path(index, f"resource.{path}")
    # A bracket may follow the type itself: `Patient[0]` is no path we make.
    return entry_path(index, f"resource.{rest}" if dot else "resource")


@dataclass(slots=True)
class Refusals:
    """What is wrong with the entries so far."""

    issues: list[Issue] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)

    def add(self, index: int, error: FhirError) -> None:
        """Adds what an entry's own processing raised."""
        self.statuses.add(error.status)
        self.entries.add(index)
        self.issues.extend(in_entry(issue, index) for issue in error.issues)

    def among(self, indexes: Sequence[int], element: str, reason: str, code: str = "duplicate") -> None:
        """Adds one issue (400) that several entries share."""
        self.statuses.add(Invalid.status)
        self.entries.update(indexes)
        self.issues.append(Issue(code, reason, tuple(entry_path(index, element) for index in sorted(indexes))))

    def check(self) -> None:
        """Raises all of it as one FhirError: of the status they share, else 400."""
        if not self.issues:
            return
        error = _BY_STATUS.get(min(self.statuses), Invalid) if len(self.statuses) == 1 else Invalid
        told = self.issues[:MOST_ISSUES]
        if len(self.issues) > MOST_ISSUES:
            more = len(self.issues) - MOST_ISSUES
            told.append(Issue("informational", f"{more} further issues are not listed", severity="information"))
        raise error(told)
