"""The service that hears of a message: it is noted for its turn, which `turns.py` has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from fhir_server.events.event import Event
from messages import unanswered
from messages.unanswered import Unanswered


def heard(event: Event, connection: psycopg.Connection[Any]) -> None:
    """A Communication's first version."""
    noted([event], connection)


def noted(events: Sequence[Event], connection: psycopg.Connection[Any]) -> None:
    """The same of many."""
    unanswered.note(connection, [Unanswered(one.sequence, one.reference, one.since) for one in events])
