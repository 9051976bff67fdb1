"""Who the people and apps are that act on the record, for those whose record it is."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from fhir_server.arrays import text_array
from fhir_server.audit.told import Agent, Agents, Known
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore

_PEOPLE = """
select subject, name, array_to_json(roles)::text, fhir_user from auth.person where subject = any($1::text[])"""
_CLIENTS = "select client_id, name from auth.client where client_id = any($1::text[])"


def agents(store: ResourceStore) -> Known:
    """Asks the tables of the authorization server, in the same database."""

    async def known(subjects: Sequence[str], clients: Sequence[str]) -> Agents:
        people = await store.select(Statement(_PEOPLE, (text_array(subjects),), binary=True))
        apps = await store.select(Statement(_CLIENTS, (text_array(clients),), binary=True))
        return Agents(
            {
                subject.decode(): Agent(name.decode(), tuple(orjson.loads(roles)), own.decode() if own else None)
                for subject, name, roles, own in people
            },
            {client.decode(): name.decode() for client, name in apps},
        )

    return known
