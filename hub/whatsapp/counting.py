"""How messages to members fare, for `/metrics`: read from the database every few seconds, by whoever serves.

The care services' contract, section 11: per number, template and code. No label names a person.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
from prometheus_client import CollectorRegistry, Gauge

from hub.ledger import Ledger, now
from hub.settings import Settings
from hub.whatsapp.lines import standing
from messages import tally

SECONDS = 5.0


async def keep_counting(settings: Settings, ledger: Ledger, registry: CollectorRegistry) -> None:
    """Until cancelled. ledger: theirs who made it."""
    messages = Gauge(
        "hub_whatsapp_messages", "Messages to members that came to a state, since ever",
        ("number", "template", "state", "code"), registry=registry, multiprocess_mode="mostrecent",
    )  # fmt: skip
    usable = Gauge(
        "hub_whatsapp_number_usable", "Whether a business number can be sent from", ("number", "purpose"),
        registry=registry, multiprocess_mode="mostrecent",
    )  # fmt: skip
    while True:
        with suppress(psycopg.OperationalError):  # the requests tell
            for (line, template, state, code), number in (await ledger(tally.listed)).items():
                messages.labels(line, template, state, code).set(number)
            found = await ledger(lambda rows: standing(rows, settings.whatsapp_numbers))
            for one in found.lines.values():
                usable.labels(one.id, one.purpose).set(one.sends(now()))
        await asyncio.sleep(SECONDS)
