"""How fast may be sent: so many messages a second from a number, and few at a time to one person. Pure.

The care services' contract, section 2: 80 a second for each number; to one person one every 6 seconds, three at once.
"""

from __future__ import annotations

NUMBER_RATE, NUMBER_BURST = 80.0, 80.0
PAIR_RATE, PAIR_BURST = 1 / 6, 3.0
_MOST_PAIRS = 50_000


class _Bucket:
    __slots__ = ("at", "level")

    def __init__(self, level: float, at: float) -> None:
        self.level, self.at = level, at

    def fill(self, rate: float, burst: float, now: float) -> None:
        self.level, self.at = min(burst, self.level + max(0.0, now - self.at) * rate), max(self.at, now)


class Pace:
    """The pace of one business number, by whatever clock it is told."""

    def __init__(self, now: float) -> None:
        self._number = _Bucket(NUMBER_BURST, now)
        self._pairs: dict[str, _Bucket] = {}

    def wait(self, person: str, now: float) -> float:
        """Seconds until a message to a person may go; 0: now."""
        self._number.fill(NUMBER_RATE, NUMBER_BURST, now)
        pair = self._pair(person, now)
        return max(0.0, (1 - self._number.level) / NUMBER_RATE, (1 - pair.level) / PAIR_RATE)

    def take(self, person: str, now: float) -> None:
        """Counts a message that goes."""
        self.wait(person, now)
        self._number.level -= 1
        self._pairs[person].level -= 1

    def _pair(self, person: str, now: float) -> _Bucket:
        found = self._pairs.get(person)
        if found is None:
            if len(self._pairs) >= _MOST_PAIRS:
                self._forget(now)
            found = self._pairs[person] = _Bucket(PAIR_BURST, now)
        found.fill(PAIR_RATE, PAIR_BURST, now)
        return found

    def _forget(self, now: float) -> None:
        """Whoever may be sent three at once again is as good as unknown."""
        full = (PAIR_BURST / PAIR_RATE,)
        self._pairs = {who: one for who, one in self._pairs.items() if now - one.at < full[0]}
