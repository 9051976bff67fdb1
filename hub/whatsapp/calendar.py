"""Days on which nobody is written to unasked: Brazil's national holidays, and those that the site names besides.

The care services' contract, section 9.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import holidays

from care_services.delivery.quiet import Holiday


def calendar(own: Collection[str]) -> Holiday:
    """Whether a day is a holiday. own: 2026-03-19, or 03-19 for each year (`HUB_HOLIDAYS`)."""
    national, named = holidays.country_holidays("BR"), frozenset(own)

    def holiday(day: date) -> bool:
        return day in national or day.isoformat() in named or day.isoformat()[5:] in named

    return holiday
