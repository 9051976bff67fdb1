"""Instants as HTTP and FHIR write them; inside they are microseconds since 1970 UTC. https://hl7.org/fhir/R4/datatypes.html#dateTime"""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime, timedelta
from email.utils import parsedate_tz
from functools import lru_cache

SECOND = 1_000_000

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


@lru_cache(maxsize=8192)
def http_date(seconds: int) -> str:
    """A whole second since 1970 as Last-Modified says it: "Tue, 03 Jun 2025 10:11:12 GMT"."""
    at = time.gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
    )


def parse_http_date(text: str) -> int:
    """Seconds since 1970 of an HTTP date in any of its three forms. Raises ValueError."""
    fields = parsedate_tz(text)
    if fields is None:
        raise ValueError("not an HTTP date")
    try:
        return calendar.timegm((*fields[:6], 0, 0, 0)) - (fields[9] or 0)
    except (OverflowError, IndexError):
        raise ValueError("not an HTTP date") from None


def period(text: str) -> tuple[int, int]:
    """First instant and first instant after of a FHIR date or dateTime of any precision; no zone means UTC.

    Raises ValueError.
    """
    # A "+" that was not percent-encoded arrives as a blank.
    match = _DATE_TIME.fullmatch(text.strip().replace(" ", "+"))
    if match is None:
        raise ValueError("not a FHIR date or dateTime")
    part = match.groupdict()
    year, month, day = int(part["year"]), int(part["month"] or 1), int(part["day"] or 1)
    hour, minute, second = int(part["hour"] or 0), int(part["minute"] or 0), int(part["second"] or 0)
    low = _micros(datetime(year, month, day, hour, minute, min(second, 59))) + (SECOND if second == 60 else 0)
    if part["month"] is None:
        high = _micros(datetime(year + 1, 1, 1)) if year < 9999 else low + 365 * 86400 * SECOND
    elif part["day"] is None:
        high = low + calendar.monthrange(year, month)[1] * 86400 * SECOND
    elif part["hour"] is None:
        high = low + 86400 * SECOND
    elif part["second"] is None:
        high = low + 60 * SECOND
    else:
        digits = part["fraction"] or ""
        low += int(digits[:6].ljust(6, "0"))
        high = low + max(10 ** (6 - len(digits)), 1) if len(digits) < 6 else low + 1
    offset = _offset(part["zone"])
    return low - offset, high - offset


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("not a time zone")
    return (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60) * SECOND
