"""Dead letters, and whatever else waits for a person: corrected, sent again, given up. Tasy contract, section 16.

What came stays as it came; corrections lie beside it with their authors, and the last one is in force.
"""

from __future__ import annotations

import difflib
from datetime import datetime

from mappings import r4
from messages import bodies, store
from messages.bodies import Sealing
from messages.states import WITH_PEOPLE, NotAllowed, State
from messages.store import NoSuchMessage, Rows, Step


class Outdated(Exception):
    """Somebody else corrected it meanwhile."""


_EDIT = """
with present as materialized (
  select m.id, m.state, (select count(*) from messages.edit e where e.message_id = m.id) as version
  from messages.message m where m.id = %(id)s for update of m
), made as (
  insert into messages.edit (message_id, number, at, author, reason, hash, body)
  select id, version + 1, %(now)s, %(author)s, %(reason)s, %(hash)b, %(body)b from present
  where state = any(%(states)s) and version = %(version)s
  on conflict do nothing returning number
)
select state, version, (select number from made) from present"""


def edit(
    connection: Rows, sealing: Sealing, id: int, version: int, author: str, reason: str, body: bytes, now: datetime
) -> int:
    """Puts a corrected body in force. version: corrections its author knew of; that of the corrected one is given.

    Raises NoSuchMessage, NotAllowed (it is not with people), Outdated, ValueError (too long).
    """
    sealed = sealing.seal(body, bodies.edited(id, version + 1))
    row = connection.execute(
        _EDIT,
        {"id": id, "version": version, "author": author, "reason": reason, "now": now, "hash": sealed.hash,
         "body": sealed.body, "states": [str(one) for one in WITH_PEOPLE]},
    ).fetchone()  # fmt: skip
    if row is None:
        raise NoSuchMessage(id)
    state, _, made = row
    if state not in WITH_PEOPLE:
        raise NotAllowed(State(state), State.ARMAZENADA)
    if made is None:
        raise Outdated
    return int(made)


def resubmit(connection: Rows, id: int, person: str, reason: str, now: datetime) -> None:
    """It begins anew, by the body in force: the queue gives it to whoever works on its flow.

    Raises NoSuchMessage, NotAllowed.
    """
    store.advance(connection, id, State.ARMAZENADA, person, now, due=now, reason=reason)


def resubmit_in_order(connection: Rows, order_key: str, person: str, reason: str, now: datetime) -> list[int]:
    """All dead letters of an order key begin anew; the queue gives them out in the order in which they came.

    Gives their ids in that order. All of them or none.
    """
    with connection.transaction():
        rows = connection.execute(
            "select id from messages.message where order_key = %s and state = %s order by id for update",
            (order_key, str(State.MORTA)),
        )
        ids = [int(id) for (id,) in rows]
        steps = [Step(id, (State.ARMAZENADA,), due=now, reason=reason) for id in ids]
        store.advance_many(connection, steps, person, now)
    return ids


def discard(connection: Rows, id: int, person: str, reason: str, now: datetime) -> None:
    """A person gives it up. Raises NoSuchMessage, NotAllowed."""
    store.advance(connection, id, State.DESCARTADA, person, now, reason=reason)


def difference(before: bytes, after: bytes) -> list[str]:
    """Lines of a unified diff: of JSON member by member, of anything else line by line."""
    return list(difflib.unified_diff(_lines(before), _lines(after), "before", "after", lineterm=""))


def _lines(body: bytes) -> list[str]:
    try:
        return r4.serialize(r4.parse(body), pretty=True).decode().splitlines()
    except r4.MalformedJson:
        return body.decode("utf-8", "replace").splitlines()
