"""The statements on what is kept of subscriptions: their state, their events, and the content of those events."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.access import visible
from fhir_server.compression import decompress
from fhir_server.postgres import Row
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.statement import Parameters, Statement
from fhir_server.subscriptions.notification import Event
from smart_auth.scopes import Access

KEPT = 1000
"""Delivered events kept for $events, of each subscription."""


def states() -> Statement:
    """rid, events, settled, current content of every Subscription that is carried out."""
    return Statement(
        "select s.rid, s.events, s.settled, r.body from subscription_state s join resource r on r.rid = s.rid"
        " where r.body is not null"
    )


def orphaned() -> Statement:
    """rid of Subscriptions that are carried out, though they are deleted or were removed for good."""
    return Statement(
        "select s.rid from subscription_state s left join resource r on r.rid = s.rid where r.body is null"
    )


def begun(rid: int) -> Statement:
    """A Subscription that begins; one that was known before keeps its count."""
    parameters = Parameters()
    return parameters.statement(
        f"insert into subscription_state (rid, events) values ({parameters.add(rid, 'bigint')}, 0)"
        " on conflict (rid) do nothing"
    )


def settled(rid: int, key: int | None) -> Statement:
    """What the endpoint has agreed to."""
    parameters = Parameters()
    return parameters.statement(
        f"update subscription_state set settled = {parameters.add(key, 'bigint')}"
        f" where rid = {parameters.add(rid, 'bigint')}"
    )


def counted(rid: int, events: int) -> Statement:
    """The number of the last event."""
    parameters = Parameters()
    return parameters.statement(
        f"update subscription_state set events = {parameters.add(events, 'bigint')}"
        f" where rid = {parameters.add(rid, 'bigint')}"
    )


def ended(rid: int) -> list[Statement]:
    """Nothing is kept of a Subscription that is off."""
    found = []
    for table, column in (("subscription_state", "rid"), ("subscription_event", "subscription_rid")):
        parameters = Parameters()
        found.append(parameters.statement(f"delete from {table} where {column} = {parameters.add(rid, 'bigint')}"))
    return found


def delivered(rid: int, numbers: Sequence[int]) -> Statement:
    """These events need not be told again."""
    parameters = Parameters()
    listed = parameters.add("{" + ",".join(map(str, numbers)) + "}", "bigint[]")
    return parameters.statement(
        "update subscription_event set delivered = true"
        f" where subscription_rid = {parameters.add(rid, 'bigint')} and number = any({listed})"
    )


def pruned(rid: int, events: int) -> Statement:
    """Forgets delivered events but the last KEPT."""
    parameters = Parameters()
    return parameters.statement(
        f"delete from subscription_event where subscription_rid = {parameters.add(rid, 'bigint')}"
        f" and number <= {parameters.add(events - KEPT, 'bigint')} and delivered"
    )


def waiting(access: Access, rid: int, limit: int, *, content: bool) -> Statement:
    """Events not delivered yet, oldest first, as the access may be told of them. Rows for `told`."""
    return _events(access, rid, "not delivered", limit, content)


def between(access: Access, rid: int, first: int, last: int, limit: int, *, content: bool) -> Statement:
    """Events of a range of numbers."""
    return _events(access, rid, f"number between {int(first)} and {int(last)}", limit, content)


def _events(access: Access, rid: int, which: str, limit: int, content: bool) -> Statement:
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    own = parameters.add(rid, "bigint")
    version = "case when r.version = e.version then r.body else v.body end"
    body = f"case when {seen} and e.method <> 'DELETE' then {version} end"
    return parameters.statement(
        f"""
select e.number, e.rid, e.type_id, e.method, e.happened, case when {seen} then r.fhir_id end,
  {body if content else "null::bytea"}
from (select * from subscription_event where subscription_rid = {own} and {which} order by number limit {limit}) e
  left join resource r on r.rid = e.rid
  left join resource_version v on r.version <> e.version and v.rid = e.rid and v.version = e.version
order by e.number"""
    )


def told(rows: Sequence[Row]) -> list[tuple[int, Event | None]]:
    """(number, event) of each row; None: the access may not see it, or it is no longer there."""
    number = int.from_bytes
    found: list[tuple[int, Event | None]] = []
    for n, rid, type_id, method, happened, id, body in rows:
        event = None
        if id is not None:
            event = Event(
                number(n, "big"),
                number(rid, "big"),
                RESOURCE_TYPES[number(type_id, "big") - 1],
                id.decode(),
                method.decode(),
                number(happened, "big"),
                body and decompress(body),
            )
        found.append((number(n, "big"), event))
    return found


def state_of(access: Access, id: str, type_id: int) -> Statement:
    """rid, current content and number of the last event of one Subscription; no row if it cannot be seen."""
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    return parameters.statement(
        "select r.rid, r.body, coalesce(s.events, 0) from resource r left join subscription_state s on s.rid = r.rid"
        f" where r.type_id = {parameters.add(type_id, 'smallint')} and r.fhir_id = {parameters.add(id, 'text')}"
        f" and r.version > 0 and r.body is not null and {seen}",
        generic=True,
    )
