"""Order of dates and date-times of unlike precision, as invariants ask for it. https://hl7.org/fhir/R4/datatypes.html#dateTime"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


def not_above(start: str, end: str) -> bool:
    """Whether `start` <= `end`, or may be for all that the digits tell: 2024-05-03 is not above 2024-05.

    Both are well-formed FHIR dates or date-times. A date without a time zone is anywhere on earth.
    """
    if len(start) == len(end) and start[19:] == end[19:]:
        return start <= end
    return _span(start)[0] <= _span(end)[1]


def _span(text: str) -> tuple[datetime, datetime]:
    """First and last instant the text can mean."""
    if len(text) > 10:
        # A leap second is read as the second before it.
        moment = datetime.fromisoformat(_six_digits(text.replace(":60", ":59", 1))).astimezone(UTC)
        return moment, moment + timedelta(seconds=1)
    year, month, day = int(text[:4]), int(text[5:7] or 1), int(text[8:10] or 1)
    low = datetime(year, month, day, tzinfo=UTC)
    if len(text) == 10:
        high = low + timedelta(days=1) if low < _LATEST else low
    elif len(text) == 7:
        high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) if year < 9999 else _LATEST
    else:
        high = datetime(year + 1, 1, 1, tzinfo=UTC) if year < 9999 else _LATEST
    zone = timedelta(hours=14)
    return (low - zone if year > 1 else low), (high + zone if high < _LATEST else high)


def _six_digits(text: str) -> str:
    """The text with no more fraction digits than Python reads."""
    if len(text) < 21 or text[19] != ".":
        return text
    end = 20
    while end < len(text) and text[end].isdigit():
        end += 1
    return f"{text[:20]}{text[20:end][:6].ljust(6, '0')}{text[end:]}"
