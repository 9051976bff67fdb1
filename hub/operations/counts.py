"""Flows: where their messages are, how many come, go on and die a minute, what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from messages.states import State
from messages.store import Rows

Json = Any

MINUTES = 60
LIVE = tuple(one for one in State if one not in {
    State.APLICADA, State.ENTREGUE, State.DUPLICADA, State.DESCARTADA, State.RECEBIDA,
})  # fmt: skip
"""States in which something is still to be done; few messages are in them, so that they are counted each time."""
OVER = (State.APLICADA, State.ENTREGUE, State.DUPLICADA, State.DESCARTADA)
RATES: Mapping[str, State] = {"received": State.ARMAZENADA, "applied": State.APLICADA, "dead": State.MORTA}

_FLOWS = """
with recursive flow as (
  (select flow from messages.message order by flow limit 1)
  union all
  select (select m.flow from messages.message m where m.flow > f.flow order by m.flow limit 1)
  from flow f where f.flow is not null)
select f.flow, s.state, (select count(*) from messages.message m where m.flow = f.flow and m.state = s.state)
from flow f cross join unnest(%s::text[]) as s (state) where f.flow is not null order by f.flow"""
_QUEUE = """
select flow, count(*), min(received), min(due) from messages.message where due is not null group by flow"""
_RATES = """
select flow, to_state, date_bin('1 minute', at, %(since)s), count(*) from messages.transition
where at >= %(since)s and at < %(until)s and to_state = any(%(states)s) group by 1, 2, 3"""
_DAY = """
select flow, to_state, count(*) from messages.transition where at >= %s and to_state = any(%s) group by 1, 2"""
DAY_SECONDS = 60.0
"""A day's counts are told again for so long."""


class Days:
    """The counts of the last 24 hours, kept by a process: they are many rows."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._found: dict[str, dict[str, int]] = {}

    def counts(self, rows: Rows, now: datetime) -> dict[str, dict[str, int]]:
        """By flow and state."""
        if self._at is None or not timedelta(0) <= now - self._at < timedelta(seconds=DAY_SECONDS):
            found: dict[str, dict[str, int]] = {}
            states = [str(one) for one in OVER]
            for flow, state, count in rows.execute(_DAY, (now - timedelta(days=1), states)):
                found.setdefault(flow, {})[state] = count
            self._at, self._found = now, found
        return self._found


def counted(rows: Rows, now: datetime, days: Days) -> list[Json]:
    """All flows that ever had a message."""
    minute = now.replace(second=0, microsecond=0)
    since = minute - timedelta(minutes=MINUTES - 1)
    flows: dict[str, Json] = {}
    for flow, state, count in rows.execute(_FLOWS, ([str(one) for one in LIVE],)):
        found = flows.setdefault(flow, {"flow": flow, "states": {}, "waiting": 0})
        found["states"][state] = count
    for flow, count, oldest, due in rows.execute(_QUEUE):
        flows[flow] |= {"waiting": count, "oldestWaiting": oldest, "nextDue": due}
    names = {str(state): name for name, state in RATES.items()}
    for found in flows.values():
        found["perMinute"] = {name: [0] * MINUTES for name in RATES}
    values = {"since": since, "until": now, "states": list(names)}
    for flow, state, at, count in rows.execute(_RATES, values):
        if flow in flows:
            flows[flow]["perMinute"][names[state]][(at - since) // timedelta(minutes=1)] += count
    day = days.counts(rows, now)
    for flow, found in flows.items():
        found["lastHour"] = {name: sum(each) for name, each in found["perMinute"].items()}
        found["lastDay"] = {str(one): day.get(flow, {}).get(str(one), 0) for one in OVER}
    return list(flows.values())
