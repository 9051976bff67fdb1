"""What a request costs a hub, and what it costs another one that is asked the same in turn: CPU of hub and of database.

A machine that others use as well is fast at one moment and slow at another, by a quarter and more, so that a minute
of one hub and a minute of another compare moments rather than hubs. They take turns of two seconds here: each has the
machine to itself while it is asked, and both have the same moments of it. CPU time tells what each used. What a hub
does later for what it was asked (relaying changes, sealing the trail) is counted, for it is waited for at the end;
what it does while nobody asks it anything is measured first, and taken off.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.processes import cpu
from bench.replay import replay

CLIENTS = 32
_SETTLED = 1.2
"""Seconds after which what was put off until the last turn ended is done: the trail is sealed twice a second."""
_IDLE = 5.0
"""Seconds in which nobody asks."""
TURN = 2
"""Seconds of one hub, before the other has its turn."""
_WARM = 1
"""Seconds of each before it is measured."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks whom."""

    base: str
    process: int
    """Of the hub that is asked."""
    database: str
    """Its name."""
    tokens: Sequence[str] = ()
    """Of whom it is asked by, in turn; none where none is needed."""


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds so far, at a moment."""

    at: float
    hub: float
    database: Mapping[int, float]
    """Of the database's processes that work for this hub, by process."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of a request in µs."""

    hub: float
    database: float

    @property
    def whole(self) -> float:
        """Both."""
        return self.hub + self.database


def compared(
    both: tuple[Caller, Caller], idle: Sequence[Cost], paths: Sequence[str], postmaster: int, turns: int, clients: int
) -> tuple[Cost, Cost]:
    """CPU µs per request of the one and of the other.

    idle: as `idling` has it; turns: of each; clients: who ask at the same time. Raises RuntimeError where something is
    refused.
    """
    for one in both:
        _asked(one, paths, _WARM, clients)
    time.sleep(_SETTLED)
    before = [_used(one, postmaster) for one in both]
    asked = [[_asked(one, paths, TURN, clients) for one in both] for _ in range(turns)]
    time.sleep(_SETTLED)
    after = [_used(one, postmaster) for one in both]
    costs = map(_cost, before, after, idle, map(sum, zip(*asked, strict=True)))
    return next(costs), next(costs)


def _asked(one: Caller, paths: Sequence[str], seconds: int, clients: int) -> int:
    """How many requests were answered. Raises RuntimeError."""
    told = replay(one.base, paths, clients, seconds, {}, one.tokens)
    if told.errors or not told.requests:
        raise RuntimeError(f"{one.database}: {told.errors} of {told.requests} requests were refused")
    return told.requests


def idling(both: Sequence[Caller], paths: Sequence[str], postmaster: int) -> list[Cost]:
    """CPU µs of a second in which nobody asks, of hubs that were asked before."""
    for one in both:
        _asked(one, paths, TURN, CLIENTS)
    time.sleep(_SETTLED)
    before = [_used(one, postmaster) for one in both]
    time.sleep(_IDLE)
    after = [_used(one, postmaster) for one in both]
    passed = [later.at - since.at for since, later in zip(before, after, strict=True)]
    return list(map(_cost, before, after, [Cost(0, 0)] * 2, passed))


def _cost(before: Used, after: Used, idle: Cost, count: float) -> Cost:
    """Of a request, or whatever there were so many of."""
    passed = after.at - before.at
    hub = (after.hub - before.hub) * 1e6 - idle.hub * passed
    database = sum(used - before.database.get(process, 0.0) for process, used in after.database.items())
    return Cost(hub / count, (database * 1e6 - idle.database * passed) / count)


def _used(one: Caller, postmaster: int) -> Used:
    found = {}
    for process in psutil.Process(postmaster).children():
        with suppress(psutil.NoSuchProcess):  # one that cleaned up is gone by now
            if " ".join(process.cmdline()).split()[2:3] == [one.database]:  # postgres: user database client what
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return Used(time.monotonic(), cpu(one.process), found)
