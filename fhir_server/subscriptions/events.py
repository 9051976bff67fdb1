"""The statements on what is kept of subscriptions: their state, their events, and the content of those events."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.access import visible
from fhir_server.compression import decompress
from fhir_server.postgres import Row
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.statement import Parameters, Statement
from fhir_server.subscriptions.notification import Event
from smart_auth.scopes import Access

CHANNEL = "subscription"
"""Of PostgreSQL's NOTIFY; the payload is a list of rids, or nothing for all."""
KEPT = 1000
"""Delivered events kept for $events, of each subscription."""
CONTENT = 2**22
"""Bytes of stored content after which no further event is read at once; the first always is."""
PRUNE = 500
"""The others are forgotten each time so many were delivered."""


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
    return _events(access, rid, None, limit, content)


def between(access: Access, rid: int, first: int, last: int, limit: int, *, content: bool) -> Statement:
    """Events of a range of numbers."""
    return _events(access, rid, (first, last), limit, content)


def delivered_to(rid: int, number: int) -> Statement:
    """Events up to this number need not be told again."""
    parameters = Parameters()
    return parameters.statement(
        "update subscription_event set delivered = true"
        f" where subscription_rid = {parameters.add(rid, 'bigint')} and not delivered"
        f" and number <= {parameters.add(number, 'bigint')}"
    )


_STATE = """
select r.rid, r.fhir_id, r.version, r.body, coalesce(s.events, 0), coalesce(
  (select min(e.number) from subscription_event e where e.subscription_rid = r.rid and not e.delivered),
  coalesce(s.events, 0) + 1)
from resource r left join subscription_state s on s.rid = r.rid
where r.version > 0 and r.body is not null and """


def known(access: Access, rids: Sequence[int]) -> Statement:
    """rid, id, version, content, number of the last event and of the first to be told, of Subscriptions."""
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    listed = parameters.add("{" + ",".join(map(str, rids)) + "}", "bigint[]")
    return parameters.statement(f"{_STATE} r.rid = any({listed}) and {seen}")


def known_by_id(access: Access, id: str) -> Statement:
    """The same of one Subscription."""
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    named = f"r.type_id = {TYPE_ID['Subscription']} and r.fhir_id = {parameters.add(id, 'text')}"
    return parameters.statement(f"{_STATE} {named} and {seen}")


def changed(access: Access, rid: int, version: int) -> Statement:
    """Version and number of the last event of a Subscription, and its content if it is another version by now."""
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    return parameters.statement(
        "select r.version, coalesce(s.events, 0),"
        f" case when r.version <> {parameters.add(version, 'integer')} then r.body end"
        " from resource r left join subscription_state s on s.rid = r.rid"
        f" where r.rid = {parameters.add(rid, 'bigint')} and r.body is not null and {seen}"
    )


def announced(rids: Sequence[int]) -> Statement:
    """Wakes those whose websockets are bound to these Subscriptions, when the transaction commits."""
    parameters = Parameters()
    text = ",".join(map(str, rids))
    # A payload has its limit: with very many everybody looks.
    return parameters.statement(
        f"select pg_notify('{CHANNEL}', {parameters.add(text if len(text) < 7000 else '', 'text')})"
    )


def _events(access: Access, rid: int, numbers: tuple[int, int] | None, limit: int, content: bool) -> Statement:
    """numbers: first and last; None: those not delivered."""
    parameters = Parameters()
    which = "not delivered"
    if numbers is not None:
        first, last = (parameters.add(number, "bigint") for number in numbers)
        which = f"number between {first} and {last}"
    seen = visible(access, "r", parameters)
    own = parameters.add(rid, "bigint")
    version = "case when r.version = e.version then r.body else v.body end"
    body = f"case when {seen} and e.method <> 'DELETE' then {version} end"
    found = f"""
select e.number, e.rid, e.type_id, e.method, e.happened, case when {seen} then r.fhir_id end as fhir_id,
  {body if content else "null::bytea"} as body
from (select * from subscription_event where subscription_rid = {own} and {which} order by number limit {limit}) e
  left join resource r on r.rid = e.rid
  left join resource_version v on r.version <> e.version and v.rid = e.rid and v.version = e.version
order by e.number"""
    if content:
        size = "coalesce(octet_length(q.body), 0)"
        found = f"""
select w.number, w.rid, w.type_id, w.method, w.happened, w.fhir_id, w.body
from (select q.*, sum({size}) over (order by q.number) - {size} as before from ({found}) q) w
where w.before < {CONTENT} order by w.number"""
    return parameters.statement(found)


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


_KNOWN = f"""
select r.rid, r.fhir_id, r.body, coalesce(s.events, 0)
from resource r left join subscription_state s on s.rid = r.rid
where r.type_id = {TYPE_ID["Subscription"]} and r.version > 0 and r.body is not null"""


def state_of(access: Access, id: str) -> Statement:
    """rid, id, current content and number of the last event of one Subscription; no row if it cannot be seen."""
    parameters = Parameters()
    seen = visible(access, "r", parameters)
    return parameters.statement(f"{_KNOWN} and r.fhir_id = {parameters.add(id, 'text')} and {seen}", generic=True)


def states_of(access: Access, ids: Sequence[str], limit: int) -> Statement:
    """The same of several, or without ids of all, in their order."""
    parameters = Parameters()
    tests = [visible(access, "r", parameters)]
    if ids:
        tests.append(f"r.fhir_id = any({parameters.add('{' + ','.join(ids) + '}', 'text[]')})")
    return parameters.statement(f"{_KNOWN} and {' and '.join(tests)} order by r.rid limit {limit}")
