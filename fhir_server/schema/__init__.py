"""The tables, as SQLAlchemy knows them, by what they are of; `migrations/` creates them.

Instants are bigint: microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from fhir_server.schema import (
    access,
    audit,
    encryption,
    events,
    full_text,
    jobs,
    parameters,
    record,
    search_rows,
    subscriptions,
)
from fhir_server.schema.columns import metadata

__all__ = [
    "access",
    "audit",
    "encryption",
    "events",
    "full_text",
    "jobs",
    "metadata",
    "parameters",
    "record",
    "search_rows",
    "subscriptions",
]
