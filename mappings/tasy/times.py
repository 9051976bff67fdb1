"""Tasy's local times and FHIR's instants. A time without offset is one of the establishment's zone.

By the tz database, also for hours that a change of daylight saving time skipped or repeated: a repeated one is the
first of the two, a skipped one has the offset that held before it.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from mappings.errors import MappingError


def instant(local: datetime, zone: str) -> str:
    """A local time as FHIR dateTime with the offset of its day: "2026-03-10T14:20:00-03:00"."""
    return local.replace(tzinfo=ZoneInfo(zone)).isoformat()


def local(value: str, zone: str, element: str) -> str:
    """A FHIR dateTime as Tasy's local time; a date is its beginning. Raises MappingError for part of a date."""
    if len(value) < 10:
        raise MappingError(element, "needs a whole date")
    try:
        if len(value) == 10:
            return date.fromisoformat(value).isoformat() + "T00:00:00"
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise MappingError(element, "is no dateTime") from error
    if moment.tzinfo is None:
        raise MappingError(element, "a time needs its offset")
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0).isoformat()
