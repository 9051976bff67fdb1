"""What no longer matters, and when it is removed: each process does it once a minute."""

from __future__ import annotations

from sqlalchemy import Connection, text

from smart_auth import grants, guesses, sessions
from smart_auth.revocations import LEEWAY

_STATEMENTS = tuple(
    text(statement)
    for statement in (
        "delete from auth.revocation where expires < :now - :leeway",
        "delete from auth.assertion where expires < :now - :leeway",
        "delete from auth.counter where minute < (:now - :leeway) / 60",
        "delete from auth.session where seen < :now - :idle or created < :now - :session",
        "delete from auth.request where expires < :now",
        "delete from auth.launch where expires < :now",
        # While it is there, a second use is told from a guess.
        "delete from auth.code where expires < :now - 86400",
        # As long as earlier consent counts; refresh tokens go with it.
        "delete from auth.granted where created < :now - :grant and expires < :now",
        "delete from auth.guess where until < :now - :forgotten",
    )
)


def sweep(connection: Connection, now: int) -> None:
    """Removes all of it."""
    values = {
        "now": now, "leeway": LEEWAY, "idle": sessions.IDLE, "session": sessions.LONGEST, "grant": grants.LONGEST,
        "forgotten": guesses.FORGOTTEN,
    }  # fmt: skip
    for statement in _STATEMENTS:
        connection.execute(statement, values)
