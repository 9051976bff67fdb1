"""What a process is sending right now: whoever hears of it by event waits for its end, rather than begin another try.

A process that dies in between takes both with it: the event comes again, and finds how far the record says it came.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet

MOST = 10_000
"""That are remembered; the event of whatever is older looks into the record."""


class UnderWay:
    """Of one process, for all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sends: OrderedDict[str, Future[bool]] = OrderedDict()

    def begins(self, reference: str) -> Future[bool]:
        """A request is about to be sent; what is given is to be told whether the record knows what came of it."""
        with self._lock:
            found = self._sends[reference] = Future()
            while len(self._sends) > MOST:
                self._sends.popitem(last=False)
        return found

    def done(self, reference: str, seconds: float) -> bool:
        """Whether it was seen to here, waiting for it that long; asked once. False: nobody here knows."""
        with self._lock:
            found = self._sends.pop(reference, None)
        try:
            return found is not None and found.result(seconds)
        except NotYet:
            return False
