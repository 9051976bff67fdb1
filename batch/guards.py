"""What makes a set wait for a person instead of being applied ("RETIDO"). Tasy contract, section 10.3. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

EXCLUSION_SHARE, EXCLUSIONS = 0.02, 500
TOTAL_SHARE = 0.005
PROVIDER_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard that tripped."""

    name: str
    text: str
    """With the figures, for the person who decides."""


def members(active: int, exclusions: int, expected: int, counted: int) -> list[Guard]:
    """B-1. active: members before; exclusions: in the set; expected: `qt_ativos_apos`; counted: active afterwards."""
    found = []
    if exclusions > EXCLUSIONS or (active and exclusions > EXCLUSION_SHARE * active):
        found.append(Guard("exclusions", f"{exclusions} de {active} membros ativos seriam excluídos"))
    if abs(counted - expected) > TOTAL_SHARE * max(expected, 1):
        found.append(Guard("total", f"{counted} membros ativos depois, {expected} no manifesto"))
    return found


def network(before: int, after: int, lost: Mapping[str, Set[str]]) -> list[Guard]:
    """B-2. before, after: active providers; lost: by municipality the specialties that nobody would have any more."""
    found = []
    if before and before - after > PROVIDER_SHARE * before:
        found.append(Guard("providers", f"prestadores ativos cairiam de {before} para {after}"))
    found += [
        Guard("specialty", f"município {municipality} ficaria sem {', '.join(sorted(codes))}")
        for municipality, codes in sorted(lost.items())
        if codes
    ]
    return found


def plans(without_number: int, closed_months: Set[str]) -> list[Guard]:
    """B-3. without_number: products without a number of ANS; closed_months: "2026-02" that would be changed."""
    found = []
    if without_number:
        found.append(Guard("ans-number", f"{without_number} produtos sem registro na ANS"))
    if closed_months:
        found.append(Guard("closed-month", f"mudança retroativa de {', '.join(sorted(closed_months))}"))
    return found
