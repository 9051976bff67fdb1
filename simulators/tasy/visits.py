"""Visits of members, and the guides they need: a random process of its own for each member, the same for the same seed.

Visits come at random with the rate of the member's age and conditions, some members' rate half, some members' twice as
much; docs/simulators.md tells the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from simulators.tasy import health

Json = dict[str, Any]

DAYS = 365
"""Of the past that visits are made for."""
PROCEDURES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "AMB": (("40304361", "HEMOGRAMA", 1500), ("40301630", "CREATININA", 900), ("40901114", "ULTRASSOM ABDOME", 14000)),
    "EMER": (("40808033", "RX TORAX", 5200), ("40304361", "HEMOGRAMA", 1500)),
    "IMP": (("31003079", "APENDICECTOMIA", 185000), ("31009166", "HERNIORRAFIA", 142000)),
    "SPECIAL": (("41101014", "RM CRANIO", 82000), ("41001010", "TC CRANIO", 43000)),
}
"""By class of the visit: TUSS code, short name, price in cents."""
STATES = (("S", 88), ("A", 7), ("N", 5))
"""Of a guide's item, in a hundred."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit, and the guide it needed, if any."""

    number: int
    """Of the member, from 1."""
    start: datetime
    end: datetime
    kind: str
    """AMB, EMER, IMP: code of v3-ActCode."""
    reason: str | None
    """CID-10 of the condition it was for."""
    provider: Json
    procedure: tuple[str, str, int] | None
    state: str
    """Of the guide: S authorised, A in analysis, N denied."""


def visits(member: Json, providers: Sequence[Json], seed: int, today: date) -> list[Visit]:
    """Those of the year before `today`, the oldest first."""
    who, conditions = member["segurado"], member["cadastro"]["cids"]
    random = Random(-2 - seed * 1_000_003 - who["nr_seq_segurado"])
    born = date.fromisoformat(who["dt_nascimento"])
    age = (today - born).days // 365
    days = min(DAYS, (today - date.fromisoformat(who["dt_contratacao"])).days)
    # A gamma-distributed frailty: most visits are of few members, as they are in any plan.
    mean = health.rate(age, who["ie_sexo"], conditions) * random.gammavariate(2, 0.5) * days / 365
    found: list[Visit] = []
    when = random.expovariate(mean) if mean > 0 else 2.0
    while when < 1:
        found.append(_visit(random, len(found) + 1, age, conditions, providers, today, days * (1 - when)))
        when += random.expovariate(mean)
    return found


def _visit(
    random: Random, number: int, age: int, conditions: Sequence[str], providers: Sequence[Json], today: date, ago: float
) -> Visit:
    admitted = 0.015 + 0.012 * len(conditions) + (0.03 if age >= 60 else 0)
    kind = random.choices(("AMB", "EMER", "IMP"), (0.84, 0.16, admitted))[0]
    start = datetime.combine(today, datetime.min.time()) - timedelta(days=int(ago) + 1)
    hour = random.randint(8, 17) if kind == "AMB" else random.randrange(24)
    start += timedelta(hours=hour, minutes=random.randrange(60))
    length = {
        "AMB": timedelta(minutes=random.randint(15, 50)),
        "EMER": timedelta(minutes=random.randint(60, 360)),
        "IMP": timedelta(days=1 + int(random.expovariate(1 / 3)), hours=3),
    }[kind]
    reason = random.choice(conditions) if conditions and random.random() < 0.55 else None
    procedure = None
    if kind == "IMP" or random.random() < 0.4:
        special = kind == "AMB" and random.random() < 0.15
        procedure = random.choice(PROCEDURES["SPECIAL" if special else kind])
    state = random.choices([code for code, _ in STATES], [weight for _, weight in STATES])[0]
    if state == "A" and ago > 20:
        state = "S"  # what is older has been decided
    return Visit(number, start, start + length, kind, reason, random.choice(providers), procedure, state)
