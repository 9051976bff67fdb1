"""What a reconciliation found, for people: HTML, CSV, and proposals for the ERP's team. Values are masked. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from batch.canonical import FIELDS, Field, masked
from batch.compare import Comparison, Difference, Kind
from batch.names import SetName

SHOWN = 1000
"""Rows of a kind in the page; the CSV has all."""
_FIELDS: Mapping[tuple[str, str], Field] = {(kind, one.name): one for kind, found in FIELDS.items() for one in found}
COLUMNS = ("tipo", "recurso", "id", "campo", "hub", "tasy", "outro", "mais_recente")


def shown(one: Difference) -> tuple[str, ...]:
    """A difference as a row: of what is personal the end at most."""
    field = _FIELDS.get((one.type, one.field))
    hub = masked(one.hub, field) if one.kind in (Kind.IDENTITY, Kind.CONTENT, Kind.STATE) or one.hub else ""
    tasy = masked(one.tasy, field) if one.kind in (Kind.IDENTITY, Kind.CONTENT, Kind.STATE) or one.tasy else ""
    return (str(one.kind), one.type, one.id, one.field, hub, tasy, one.other, one.newest)


def as_csv(comparison: Comparison) -> bytes:
    """All differences, a row each. https://www.rfc-editor.org/rfc/rfc4180"""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    # A cell that begins like a formula would be one in a spreadsheet.
    writer.writerows(
        ["'" + cell if cell[:1] in ("=", "+", "-", "@") else cell for cell in shown(one)]
        for one in comparison.differences
    )
    return target.getvalue().encode()


def as_html(comparison: Comparison, name: SetName) -> bytes:
    """A page with the figures of each type, which add up, and the differences of each kind."""
    environment = Environment(loader=PackageLoader("batch"), autoescape=True, undefined=StrictUndefined)
    kinds = {
        str(kind): [shown(one) for one in comparison.differences if one.kind is kind][:SHOWN] for kind in Kind
    }  # fmt: skip
    page = environment.get_template("reconciliation.html").render(
        name=str(name), tallies=comparison.tallies, counts=comparison.kinds, kinds=kinds, columns=COLUMNS[1:],
        total=len(comparison.differences), shown=SHOWN,
    )  # fmt: skip
    return page.encode()


def summary(comparison: Comparison) -> str:
    """In a line."""
    counts = comparison.kinds
    each = ", ".join(f"{kind} {counts[kind]}" for kind in Kind if counts[kind])
    return f"{len(comparison.differences)} diferenças" + (f": {each}" if each else "")


def proposals(comparison: Comparison) -> bytes:
    """What the ERP's team may correct, a JSON object a line, with values: it goes to them encrypted."""
    return b"".join(
        msgspec.json.encode(
            {"tipo": str(one.kind), "recurso": one.type, "id": one.id, "campo": one.field, "vl_hub": one.hub,
             "vl_tasy": one.tasy, "outro": one.other, "mais_recente": one.newest}
        ) + b"\n"
        for one in comparison.differences
    )  # fmt: skip
