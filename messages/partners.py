"""What is known of partners: circuits, rates, certificates, keys and tokens, as those who use them report it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from messages.store import Rows

WHAT = ("circuit", "rate", "certificate", "key", "host-key", "token", "number", "template")
ALARMS = (timedelta(days=5), timedelta(days=15), timedelta(days=45))
"""Before something expires, most urgent first. Tasy contract, section 2."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One thing known of a partner."""

    partner: str
    what: str
    name: str
    value: Mapping[str, Any]
    expires: datetime | None
    reported: datetime


def report(
    connection: Rows,
    partner: str,
    what: str,
    name: str,
    value: Mapping[str, Any],
    now: datetime,
    *,
    expires: datetime | None = None,
) -> None:
    """Says how something stands now; what was said of it before no longer holds. value: JSON, no secret, nobody's data.

    Raises ValueError: `what` is none of WHAT.
    """
    if what not in WHAT:
        raise ValueError(f"what is one of {', '.join(WHAT)}")
    connection.execute(
        "insert into messages.partner_state as p (partner, what, name, value, expires, reported)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (partner, what, name)"
        " do update set value = excluded.value, expires = excluded.expires, reported = excluded.reported"
        " where p.reported <= excluded.reported",
        (partner, what, name, Jsonb(value), expires, now),
    )


def gone(connection: Rows, partner: str, what: str, name: str) -> None:
    """It is no more: a certificate that was replaced."""
    connection.execute(
        "delete from messages.partner_state where partner = %s and what = %s and name = %s", (partner, what, name)
    )


def listed(connection: Rows) -> list[Reported]:
    """All that is known, by partner, kind and name."""
    rows = connection.execute(
        "select partner, what, name, value, expires, reported from messages.partner_state order by partner, what, name"
    )
    return [Reported(*row) for row in rows]


def alarm(expires: datetime | None, now: datetime) -> int | None:
    """Days of the alarm that something sets off by expiring: 45, 15 or 5, 0 where it has expired; None: none."""
    if expires is None:
        return None
    if expires <= now:
        return 0
    return next((one.days for one in ALARMS if expires - now <= one), None)
