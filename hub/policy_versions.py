"""The versions of what roles may do, as the database keeps them: the newest is in force."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

from fhir_server.access.policies import SHIPPED, Policies, UnusablePolicy, document, read

_FIND = text(
    "select version, document from policy where cast(:version as bigint) is null or version = :version"
    " order by version desc limit 1"
)
_ADD = text("insert into policy (changed, author, document) values (:changed, :author, :document) returning version")


def found(connection: Connection, version: int | None = None) -> Policies:
    """The rows of a version, or of the newest; where nobody has set any, those shipped. Raises UnusablePolicy."""
    row = connection.execute(_FIND, {"version": version}).one_or_none()
    if row is None and version not in (None, 0):
        raise UnusablePolicy("there is no such version")
    return read(row.document, row.version) if row else SHIPPED


def held(connection: Connection) -> Policies:
    """The rows in force, which nobody else changes before this transaction ends."""
    connection.execute(text("lock table policy in exclusive mode"))
    return found(connection)


def put(connection: Connection, rows: Policies, author: str) -> int:
    """Puts the rows in force, in every worker within 5 seconds; their version."""
    values = {"changed": time.time_ns() // 1000, "author": author, "document": document(rows)}
    return int(connection.execute(_ADD, values).scalar_one())
