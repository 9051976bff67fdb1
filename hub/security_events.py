"""What happens at the authorization server, as events of the audit trail: stored in its own transactions."""

from __future__ import annotations

import getpass
import os
import time

from sqlalchemy import Connection, text

from fhir_server.audit.event import Event, line_of
from hub.settings import Settings
from smart_auth.happened import Happened, Note

_STORE = text("insert into audit_intake (lines) values (:line)")


def noting(settings: Settings) -> Note:
    """Stores each, if there is an audit trail."""

    def note(connection: Connection, happened: Happened) -> None:
        if not settings.audited:
            return
        event = Event(
            time.time_ns() // 1000, happened.what, happened.status, subject=happened.subject, client=happened.client,
            grant=happened.grant, address=happened.address, path=happened.about,
        )  # fmt: skip
        connection.execute(_STORE, {"line": line_of(event)})

    return note


def by_operator(settings: Settings, connection: Connection, what: str, about: str, client: str = "") -> None:
    """Stores what a command of the operator did."""
    noting(settings)(connection, Happened(what, 200, f"operator:{operator()}", client, about=about))


def operator() -> str:
    """Whoever runs a command, by their name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have one
        return str(os.getuid())
