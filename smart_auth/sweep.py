"""What no longer matters, and when it is removed: each process does it once a minute."""

from __future__ import annotations

from sqlalchemy import Connection, text

from smart_auth import grants, guesses, revocations, sessions

_STATEMENTS = tuple(
    text(statement)
    for statement in (
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
    revocations.sweep(connection, now)
    values = {
        "now": now, "idle": sessions.IDLE, "session": sessions.LONGEST, "grant": grants.LONGEST,
        "forgotten": guesses.FORGOTTEN,
    }  # fmt: skip
    for statement in _STATEMENTS:
        used = {name: value for name, value in values.items() if f":{name}" in str(statement)}
        connection.execute(statement, used)
