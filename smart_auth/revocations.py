"""What ended before its time: grants, clients, people. https://www.rfc-editor.org/rfc/rfc7009

Issue and revocation are told apart by microseconds of the database's clock, the one clock that all processes share.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, text

from smart_auth.keys import CHANGED, LONGEST

LEEWAY = 30
"""Seconds that clocks may be apart."""

_PUT = text("""
insert into auth.revocation as r (key, before, expires)
select :key, extract(epoch from t) * 1000000, extract(epoch from t)::bigint + :longest from clock_timestamp() t
on conflict (key) do update set before = greatest(r.before, excluded.before),
  expires = greatest(r.expires, excluded.expires), xid = excluded.xid""")
_ANY = text("select exists (select from auth.revocation where key in :keys and before >= :issued)").bindparams(
    bindparam("keys", expanding=True)
)
_SINCE = text("""
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, r.key, r.before
from (select) one left join auth.revocation r on r.xid >= :since and r.expires >= :now""")


def revoke(connection: Connection, key: str) -> None:
    """Ends all tokens of `grant:ID`, `client:ID` or `subject:ID` issued until now, in every process."""
    connection.execute(_PUT, {"key": key, "longest": LONGEST + LEEWAY})
    connection.execute(text(f"notify {CHANGED}"))


def is_revoked(connection: Connection, keys: Collection[str], issued: int) -> bool:
    """Whether any of the keys was revoked after a token was issued (microseconds)."""
    return bool(connection.execute(_ANY, {"keys": list(keys), "issued": issued}).scalar_one())


def since(connection: Connection, xid: int, now: int) -> tuple[int, dict[str, int]]:
    """Where to read on next time, and what was revoked by transactions from `xid` on: key -> before."""
    rows = list(connection.execute(_SINCE, {"since": xid, "now": now}))
    return rows[0][0], {key: before for _, key, before in rows if key is not None}
