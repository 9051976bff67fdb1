"""Hours in which nobody is written to unasked: 20:00 to 08:00, Sundays, holidays, in the member's zone. Pure.

The care services' contract, section 9.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEGINS, ENDS = time(20), time(8)
SUNDAY = 6
Holiday = Callable[[date], bool]


def quiet(at: datetime, zone: str, holiday: Holiday) -> bool:
    """Whether an instant is within quiet hours."""
    local = at.astimezone(ZoneInfo(zone))
    return not (ENDS <= local.time() < BEGINS) or _day_off(local.date(), holiday)


def wakes(at: datetime, zone: str, holiday: Holiday) -> datetime:
    """The end of the quiet hours an instant is in: 08:00 of the first day that is neither Sunday nor holiday."""
    local = at.astimezone(ZoneInfo(zone))
    day = local.date() if local.time() < ENDS else local.date() + timedelta(days=1)
    while _day_off(day, holiday):
        day += timedelta(days=1)
    return datetime.combine(day, ENDS, ZoneInfo(zone)).astimezone(UTC)


def _day_off(day: date, holiday: Holiday) -> bool:
    return day.weekday() == SUNDAY or holiday(day)
