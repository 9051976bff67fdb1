"""Calls of the language model: how many may be made, and what was made, without a word of what was said.

The care services' contract, section 8. Budgets are shared by all processes; a crossed one is an alarm, not an outage.
"""

from __future__ import annotations

from datetime import date, datetime

from messages.store import Rows

_RESERVE = """
with own as (
  insert into messages.model_use as u (day, member, calls) select %(day)s, %(member)s, 1 where %(own)s > 0
  on conflict (day, member) do update set calls = u.calls + 1 where u.calls < %(own)s returning 1
), everybody as (
  insert into messages.model_use as u (day, member, calls) select %(day)s, '', 1
  where %(all)s > 0 and exists (select from own)
  on conflict (day, member) do update set calls = u.calls + 1 where u.calls < %(all)s returning 1
)
select exists (select from own), exists (select from everybody)"""
_CALLED = """
insert into messages.model_call
  (at, purpose, model, prompt, outcome, input, cached, output, milliseconds, accepted, dropped, prices)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


def reserve(connection: Rows, day: date, member: str, *, own: int, everybody: int) -> str | None:
    """Takes a call off both budgets of a day; the one that is used up, `member` or `day`, and nobody may be asked.

    member: a hashed id. own, everybody: the most calls of a day.
    """
    row = connection.execute(_RESERVE, {"day": day, "member": member, "own": own, "all": everybody}).fetchone()
    assert row is not None
    return None if row[1] else "day" if row[0] else "member"


def called(
    connection: Rows, at: datetime, purpose: str, model: str, prompt: str, outcome: str, tokens: tuple[int, int, int],
    milliseconds: int, accepted: int, dropped: int, prices: date | None,
) -> None:  # fmt: skip
    """A call was made, or not made for a reason. tokens: input, cached, output; accepted, dropped: items of the answer.

    prices: date of the table by which its cost is reckoned.
    """
    values = (at, purpose, model, prompt, outcome, *tokens, milliseconds, accepted, dropped, prices)
    connection.execute(_CALLED, values)
