"""What happens at the authorization server, as events of the audit trail: stored in its own transactions."""

from __future__ import annotations

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
            grant=happened.grant, address=happened.address,
        )  # fmt: skip
        connection.execute(_STORE, {"line": line_of(event)})

    return note
