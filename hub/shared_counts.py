"""Counts of this minute, shared by the workers of one hub: a file in memory, of which each worker writes its own part.

Each reads the parts of all. Nobody waits for anybody, and nothing is lost, for no two write the same place: an entry is
two words of 8 bytes, each written at once: hash of the key, then minute and count.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from fhir_server.search.rows import hash64

ENTRIES = 16_384
"""Of each worker; a key that finds no place among them is counted by each worker for itself."""
PROBES = 4
"""Places where an entry may be."""
_WORD = 8
_LOW32, _LOW64 = 2**32 - 1, 2**64 - 1


class SharedCounts:
    """What one worker counts and sees."""

    def __init__(self, path: Path | None, worker: int = 1, workers: int = 1) -> None:
        """path: of the file, made where it is not there; None: nobody else counts. worker: 1 and up."""
        size = 2 * ENTRIES
        length = size * _WORD * workers
        if path is None:
            shared = mmap.mmap(-1, length)
        else:
            with path.open("a+b") as file:
                file.truncate(length)
                shared = mmap.mmap(file.fileno(), length)
        self._words = memoryview(shared).cast("Q")
        self._own = (worker - 1) * size
        self._others = [part for part in range(0, size * workers, size) if part != self._own]
        self._minute = 0
        self._known: dict[str, tuple[int, int | None]] = {}
        """Hash of a key, and where its entry of this worker is."""
        self._apart: dict[str, int] = {}

    def add(self, key: str, minute: int) -> int:
        """Counts one more of a key in this minute; how many there are, over all workers."""
        if minute != self._minute:
            self._minute = minute
            self._known.clear()
            self._apart.clear()
        known = self._known.get(key)
        if known is None:
            hashed = hash64(key) & _LOW64
            own = self._find(self._own, hashed)
            known = self._known[key] = hashed, self._new(hashed) if own is None else own
        hashed, place = known
        words = self._words
        if place is None:
            self._apart[key] = count = self._apart.get(key, 0) + 1
        else:
            words[place] = word = words[place] + 1
            count = word & _LOW32
        for part in self._others:
            if (other := self._find(part, hashed)) is not None:
                count += words[other] & _LOW32
        return count

    def _find(self, part: int, hashed: int) -> int | None:
        """Where a worker counts this key in this minute."""
        words = self._words
        for probe in range(PROBES):
            place = part + 2 * ((hashed + probe) % ENTRIES)
            if words[place] == hashed and words[place + 1] >> 32 == self._minute:
                return place + 1
        return None

    def _new(self, hashed: int) -> int | None:
        """A new entry, where one of another minute was or none; None: there is no place."""
        words = self._words
        for probe in range(PROBES):
            place = self._own + 2 * ((hashed + probe) % ENTRIES)
            if words[place + 1] >> 32 != self._minute:
                words[place + 1] = 0  # until the hash is there, it is nobody's
                words[place] = hashed
                words[place + 1] = self._minute << 32
                return place + 1
        return None
