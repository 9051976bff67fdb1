"""Who has written a Subscription, noted with the version: see `owners.py`."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.arrays import int8_array, text_array
from fhir_server.statement import Statement
from smart_auth.scopes import Access

_OWNED = """
insert into subscription_owner (rid, names, since, ended)
values (($1::bigint[])[1], $2::text[], ($3::bigint[])[1], false)
on conflict (rid) do update set names = excluded.names, since = excluded.since, ended = false"""


def owned(rid: int, names: Sequence[str], since: int) -> Statement:
    """Notes who has written a Subscription, by the names that may be revoked."""
    return Statement(_OWNED, (int8_array([rid]), text_array(list(names)), int8_array([since])), binary=True)


def names_of(access: Access) -> tuple[str, str, str]:
    """What may be revoked to end an access."""
    return f"grant:{access.grant}", f"client:{access.client}", f"subject:{access.subject}"
