"""A circuit breaker for each flow: who does not answer is left alone for a while. Tasy contract, section 3. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW, LEAST, SHARE = 30.0, 20, 0.5
"""Seconds looked back, calls needed in them, and the share of failures that opens."""
TIMEOUTS = 5
"""In a row, that open as well."""
OPEN, LONGEST = 30.0, 300.0
"""Seconds it stays open at first, and at most: each time twice as long."""
PROBES = 3
"""Calls let through while half open; as many successes close it."""


class Breaker:
    """Whether calls may be made. Timeouts, lost connections and 5xx are failures; refusals and 429 are not."""

    def __init__(self, now: Callable[[], float]) -> None:
        """now: monotonic seconds."""
        self._now = now
        self._calls: deque[tuple[float, bool]] = deque()
        self._timeouts = 0
        self._stays = OPEN
        self._until: float | None = None
        """When probes may begin; None: closed."""
        self._probing = self._proved = 0

    @property
    def state(self) -> str:
        """closed, open, half-open."""
        if self._until is None:
            return "closed"
        return "open" if self._now() < self._until else "half-open"

    def admit(self) -> float:
        """0: the call may be made, and its end must be told by one of the three below; else seconds to wait."""
        if self._until is None:
            return 0
        if self._now() < self._until:
            return self._until - self._now()
        if self._probing + self._proved >= PROBES:
            return 1
        self._probing += 1
        return 0

    def succeeded(self) -> None:
        """The partner answered, be it with a refusal."""
        self._timeouts = 0
        if self._until is None:
            self._note(False)
            return
        self._probing = max(0, self._probing - 1)
        self._proved += 1
        if self._proved >= PROBES:
            self._until, self._stays = None, OPEN
            self._calls.clear()
            self._probing = self._proved = 0

    def failed(self, *, timed_out: bool = False) -> None:
        """The partner did not answer, or with 5xx."""
        self._timeouts = self._timeouts + 1 if timed_out else 0
        if self._until is not None:
            if self._now() >= self._until:
                self._open(min(self._stays * 2, LONGEST))
            return
        self._note(True)
        failures = sum(failed for _, failed in self._calls)
        if self._timeouts >= TIMEOUTS or (len(self._calls) >= LEAST and failures >= SHARE * len(self._calls)):
            self._open(OPEN)

    def given_up(self) -> None:
        """The caller left before anybody knew: neither the one nor the other."""
        self._probing = max(0, self._probing - 1)

    def _note(self, failed: bool) -> None:
        now = self._now()
        self._calls.append((now, failed))
        while self._calls[0][0] < now - WINDOW:
            self._calls.popleft()

    def _open(self, stays: float) -> None:
        self._stays, self._until = stays, self._now() + stays
        self._timeouts = self._probing = self._proved = 0
