"""General ranges of vital signs of adults at rest, for where the record gives none.

https://medlineplus.gov/ency/article/002341.htm (blood pressure, breathing, pulse, temperature) and
https://medlineplus.gov/lab-tests/pulse-oximetry/ (oxygen saturation). They are shown as general, apart from a
laboratory's own; for children and for laboratory values there are none: these differ by age and method.
"""

from __future__ import annotations

from collections.abc import Mapping

ADULT_YEARS = 18

GENERAL: Mapping[str, tuple[str, float, float]] = {
    "8480-6": ("mm[Hg]", 90, 120),
    "8462-4": ("mm[Hg]", 60, 80),
    "8867-4": ("/min", 60, 100),
    "9279-1": ("/min", 12, 18),
    "8310-5": ("Cel", 36.5, 37.3),
    "2708-6": ("%", 95, 100),
    "59408-5": ("%", 95, 100),
}
"""LOINC code -> UCUM unit, low, high."""
