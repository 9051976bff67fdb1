"""UCUM codes brought to base units, so that quantities compare. https://ucum.org/ucum"""

from __future__ import annotations

from decimal import Decimal


def canonical(value: Decimal | int, unit: str) -> tuple[Decimal, str] | None:
    """(amount, base unit); None for a code that is not UCUM or has no base unit."""
    return None
