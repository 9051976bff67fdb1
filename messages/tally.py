"""How many messages to persons have come how far, since ever: by number, template, state and code. No person in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from psycopg import Connection

Rows = Connection[Any]
Kind = tuple[str, str, str, str]
"""Business number, template or empty, state, code or empty."""


def add(connection: Rows, counts: Mapping[Kind, int]) -> None:
    """Counts them: one statement, in one order, so that two of them do not wait for each other in a circle."""
    if not counts:
        return
    kinds = sorted(counts)
    columns = [list(column) for column in zip(*kinds, strict=True)]
    connection.execute(
        "insert into messages.tally as t (line, template, state, code, number)"
        " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
        " on conflict (line, template, state, code) do update set number = t.number + excluded.number",
        [*columns, [counts[one] for one in kinds]],
    )


def listed(connection: Rows) -> Counter[Kind]:
    """All of them."""
    rows = connection.execute("select line, template, state, code, number from messages.tally")
    return Counter({(line, template, state, code): number for line, template, state, code, number in rows})
