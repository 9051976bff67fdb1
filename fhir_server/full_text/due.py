"""What full text has still to index: said by whoever relays the outbox, asked by whoever searches.

`full_text_state.complete` says that all changes since the table was last whole are in `full_text_due`; while full text
is switched off nobody says what changes, so it is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.arrays import int8_array
from fhir_server.statement import Statement

MOST = 10_000
"""What waits is counted up to this."""

SWITCHED_OFF = Statement("update full_text_state set complete = false where complete")
SWITCHED_ON = Statement(
    "with begun as (update full_text_state set complete = true where not complete returning 1)"
    " insert into full_text_due (rid) select r.rid from resource r left join full_text f on f.rid = r.rid"
    " where exists (select from begun) and f.version is distinct from r.version"
    " and (r.body is not null or f.rid is not null) order by r.rid"
)
"""Everything whose words are not those of its version is due, unless it is known that nothing is."""

WAITING = Statement(
    f"select (select count(*) from (select from full_text_due limit {MOST}) d)"
    f" + (select count(*) from (select from outbox limit {MOST}) o), (select complete from full_text_state)",
    generic=True,
)
"""Changes that are not indexed yet, and whether that is all there is to index."""


def due(rids: Sequence[int]) -> Statement:
    """These resources have changed."""
    return Statement(
        "insert into full_text_due (rid) select * from unnest($1::bigint[])", (int8_array(rids),), binary=True
    )
