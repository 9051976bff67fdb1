"""Ids that the server assigns."""

from __future__ import annotations

import re

from fhir_server.logical_ids import new_id


def test_new_ids_are_valid_unique_and_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id) for id in ids)
    assert ids[0][:8] <= ids[-1][:8]
