"""When sets are to be there, and what is done when: calls, alarms, and what was missed. Tasy contract, 10.3. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

AGAIN = timedelta(minutes=10)
"""Between two looks for a set that should be there."""
LATER = timedelta(hours=1)
"""The same once somebody was told that it is late."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A flow's place in the calendar."""

    cron: Mapping[str, str | int]
    """Fields of APScheduler's CronTrigger, in the establishment's zone."""
    alarm: timedelta
    """After the set should have been there."""
    apart: timedelta
    """At most, between two of them."""

    def last(self, now: datetime, zone: str) -> datetime:
        """The latest time at or before now at which a set should have been there."""
        trigger = CronTrigger(**self.cron, timezone=ZoneInfo(zone))
        found = now - self.apart
        at = trigger.get_next_fire_time(None, found)
        while at is not None and at <= now:
            found, at = at, trigger.get_next_fire_time(at, at)
        return found


PLAN: Mapping[str, Planned] = {
    "B-1": Planned({"hour": 3, "minute": 30}, timedelta(minutes=90), timedelta(days=2)),
    "B-2": Planned({"day_of_week": "sat", "hour": 2}, timedelta(hours=4), timedelta(days=8)),
    "B-3": Planned({"day": 1, "hour": 4}, timedelta(hours=4), timedelta(days=32)),
    "B-4": Planned({"month": "1,4,7,10", "day": "1st sun", "hour": 2}, timedelta(hours=12), timedelta(days=100)),
}
"""Daily, Saturdays, the first of the month, the first Sunday of a quarter."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was done about a flow; None: nothing yet."""

    looked: datetime | None = None
    """When its sets were last looked for, and the partner answered."""
    arrived: datetime | None = None
    """When one was last applied, held or refused."""
    alarmed: datetime | None = None


class Due(NamedTuple):
    """What is to be done about a flow now."""

    look: bool
    alarm: bool


def due(planned: Planned, known: Known, now: datetime, zone: str) -> Due:
    """What is to be done. What was missed while nobody was there is due as soon as somebody is."""
    fired = planned.last(now, zone)
    if known.looked is None or known.looked < fired:
        return Due(True, _late(planned, known, fired, now))
    if known.arrived is not None and known.arrived >= fired:
        return Due(False, False)
    pause = AGAIN if now < fired + planned.alarm else LATER
    return Due(now >= known.looked + pause, _late(planned, known, fired, now))


def _late(planned: Planned, known: Known, fired: datetime, now: datetime) -> bool:
    """Whether somebody is to be told now that a set is late."""
    missing = known.arrived is None or known.arrived < fired
    told = known.alarmed is not None and known.alarmed >= fired
    return missing and not told and now >= fired + planned.alarm
