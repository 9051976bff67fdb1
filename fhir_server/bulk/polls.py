"""How often clients ask about their jobs. https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-status-request"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from fhir_server.instant import SECOND
from fhir_server.outcome import FhirError

MOST_POLLS = 20
"""Questions about one job in one second; Retry-After is one second at least."""


class TooOften(FhirError):
    """429: the client does not wait as long as it is asked to."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "throttled"


class Polls:
    """Counts how often each job is asked about in this process."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: Counter[str] = Counter()

    def count(self, id: str, now: int) -> None:
        """Counts one more, at an instant in microseconds. Raises TooOften."""
        if now // SECOND != self._second:
            self._second = now // SECOND
            self._counts.clear()
        self._counts[id] += 1
        if self._counts[id] > MOST_POLLS:
            raise TooOften("the status is asked for too often: wait as long as Retry-After says")
