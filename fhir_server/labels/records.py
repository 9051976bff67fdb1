"""What stands out in the record of a patient: resources that have labels, or that are in other patients' records too.

Who may see the rest looks at these one by one; see `access/relations.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from fhir_server.arrays import int2_array, int8_array
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Statement

RENEW = "select hub_stands_out($1::bigint[], ($2::smallint[])[1])"


def renewed(rids: Iterable[int]) -> Statement:
    """The rows of these resources anew, as their labels and references are now: to be run where either changes."""
    return Statement(RENEW, (int8_array(sorted(rids)), int2_array([TYPE_ID["Patient"]])), binary=True)
