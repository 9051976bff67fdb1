"""Numbers of protocols: registration with ANS, day, six digits that begin anew each day. Tasy contract, section 3."""

from __future__ import annotations

from datetime import date

from messages.store import Rows

MOST = 999_999
"""Of a day."""

# Numbers are drawn from one sequence, so that nobody waits for anybody; a day remembers where it began. Whoever does
# not see where (another draws the day's first number just now) draws again.
_NUMBER = """
with drawn as materialized (select nextval('messages.protocol') as number), began as (
  insert into messages.protocol_day (day, first) select %(day)s, number from drawn
  where not exists (select from messages.protocol_day where day = %(day)s) on conflict (day) do nothing returning first
)
select number - coalesce(
  (select first from began), (select first from messages.protocol_day where day = %(day)s)) + 1 from drawn"""


class TooMany(Exception):
    """There is no number left for this day."""


def number(connection: Rows, registration: str, day: date) -> str:
    """A number nobody had before, whether the transaction commits or not. Raises TooMany.

    registration: six digits. The first number of a day keeps others waiting until its transaction ends.
    """
    while True:
        row = connection.execute(_NUMBER, {"day": day}).fetchone()
        assert row is not None
        found = row[0]
        if found is not None and found >= 1:
            break
    if found > MOST:
        raise TooMany(f"{day}: {MOST} numbers were given")
    return f"{registration}{day:%Y%m%d}{found:06d}"
