"""A process that takes events to a service which writes down what it was told.

python -m tests.hub.events.recording DATABASE BASE [AMQP]
"""

from __future__ import annotations

import sys
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
  at timestamptz default clock_timestamp())"""


def record(event: Event, connection: psycopg.Connection[Any]) -> None:
    """In the transaction of the ledger."""
    connection.execute(
        "insert into effect (sequence, reference, interaction, order_key) values (%s, %s, %s, %s)",
        [event.sequence, event.reference, event.interaction, event.order_key],
    )


SERVICES = Services(
    {"recorder": record},
    {("Observation", interaction): ("recorder",) for interaction in ("create", "update", "delete")},
)
LISTENED = listened(Settings(amqp_url="amqp://any"), SERVICES)
"""With those of the platform."""

if __name__ == "__main__":
    database, base, *broker = sys.argv[1:]
    run(Settings(base_url=base, key=new_key(), amqp_url=broker[0] if broker else None), database, SERVICES)
