"""A model that fails is left alone for a while. Pure. The care services' contract, section 8."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

FAULTS, WITHIN, PAUSE = 5, 60.0, 60.0
"""So many faults within so many seconds, and for so long nobody is asked."""


@dataclass(slots=True)
class Circuit:
    """Of one process. Moments are seconds of any clock that never goes back."""

    faults: deque[float] = field(default_factory=lambda: deque(maxlen=FAULTS))
    closed_at: float = 0.0

    def open(self, now: float) -> bool:
        """Whether nobody is to be asked now."""
        return now < self.closed_at

    def failed(self, now: float) -> None:
        """A fault; the fifth within a minute begins a pause."""
        self.faults.append(now)
        if len(self.faults) == FAULTS and now - self.faults[0] <= WITHIN:
            self.closed_at = now + PAUSE
            self.faults.clear()
