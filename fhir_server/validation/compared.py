"""Order of dates and date-times of unlike precision, as invariants ask for it. https://hl7.org/fhir/R4/datatypes.html#dateTime"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import date

_DAY = 86_400
_ANYWHERE = 14 * 3600
"""A date without a time zone may be this much earlier or later."""


def not_above(start: str, end: str) -> bool:
    """Whether `start` <= `end`, or may be for all that the digits tell: 2024-05-03 is not above 2024-05.

    Both are well-formed FHIR dates or date-times. Fractions of a second count only where both are written alike.
    """
    if len(start) == len(end) and start[19:] == end[19:]:
        return start <= end
    return _span(start)[0] <= _span(end)[1]


def _span(text: str) -> tuple[int, int]:
    """First and last second the text can mean, counted from the year 1."""
    year, month, day = int(text[:4]), int(text[5:7] or 1), int(text[8:10] or 1)
    begin = date(year, month, day).toordinal() * _DAY
    if len(text) > 10:
        hours, minutes, seconds = int(text[11:13]), int(text[14:16]), int(text[17:19])
        moment = begin + hours * 3600 + minutes * 60 + seconds - _offset(text)
        return moment, moment
    days = 1 if len(text) == 10 else monthrange(year, month)[1] if len(text) == 7 else 365 + isleap(year)
    return begin - _ANYWHERE, begin + days * _DAY + _ANYWHERE


def _offset(text: str) -> int:
    """Seconds the text's time zone is ahead of UTC."""
    if text.endswith("Z"):
        return 0
    seconds = int(text[-5:-3]) * 3600 + int(text[-2:]) * 60
    return -seconds if text[-6] == "-" else seconds
