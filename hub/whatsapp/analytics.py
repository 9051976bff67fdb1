"""How messages to members have fared, as a table for people: what `/metrics` counts as `hub_whatsapp_messages`. Pure.

The care services' contract, section 11: per template, number and code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import starmap

from mappings.whatsapp.ladder import FAILED, RUNGS
from messages.tally import Kind

STATES = (*RUNGS, FAILED)
HEAD = ("template", "number", "code", *STATES)
FREE = "(no template)"


def table(counts: Mapping[Kind, int]) -> list[str]:
    """Lines of columns, with a head. Only what failed has a code: a line of its own for each."""
    rows: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for (line, template, state, code), number in counts.items():
        rows[template or FREE, line, code][state] = number
    cells = [HEAD, *((*key, *(str(rows[key].get(one, 0)) for one in STATES)) for key in sorted(rows))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    named = len(HEAD) - len(STATES)
    return [
        "  ".join(
            [
                *starmap(str.ljust, zip(row[:named], widths[:named], strict=True)),
                *starmap(str.rjust, zip(row[named:], widths[named:], strict=True)),
            ]
        )
        for row in cells
    ]
