"""A process that takes events to a service which writes down what it was told, and to one that only notes them.

python -m tests.hub.events.recording DATABASE BASE [AMQP]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import psycopg

from fhir_server.events.event import Event
from hub.events.run import run
from hub.services import Services, listened
from hub.settings import Settings
from smart_auth.seal import new_key

TABLE = """
create table effect (
  number bigint generated always as identity, sequence bigint, reference text, interaction text, order_key text,
  at timestamptz default clock_timestamp());
create table noted (sequence bigint, reference text)"""


def record(event: Event, connection: psycopg.Connection[Any]) -> None:
    """In the transaction of the ledger."""
    connection.execute(
        "insert into effect (sequence, reference, interaction, order_key) values (%s, %s, %s, %s)",
        [event.sequence, event.reference, event.interaction, event.order_key],
    )


def note(events: Sequence[Event], connection: psycopg.Connection[Any]) -> None:
    """In the transaction in which they leave the record."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into noted (sequence, reference) values (%s, %s)",
            [(one.sequence, one.reference) for one in events],
        )


def note_one(event: Event, connection: psycopg.Connection[Any]) -> None:
    """As a broker would have brought it before."""
    note([event], connection)


SERVICES = Services(
    {"recorder": record, "noter": note_one},
    {("Observation", interaction): ("recorder", "noter") for interaction in ("create", "update", "delete")},
    {"noter": note},
)
LISTENED = listened(Settings(amqp_url="amqp://any"), SERVICES)
"""With those of the platform."""

if __name__ == "__main__":
    database, base, *broker = sys.argv[1:]
    run(Settings(base_url=base, key=new_key(), amqp_url=broker[0] if broker else None), database, SERVICES)
