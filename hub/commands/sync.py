"""`hub sync`: sets of the ERP's files, applied now, and how they stand."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Sets of files from the ERP (Tasy). docs/tasy.md tells what is checked, and what a person decides.

  hub sync run B-1                  members: the sets that are there, by SFTP
  hub sync run B-1 --file FOLDER    those in a folder, or the one of a manifest; receipts go to retorno/ in it
  hub sync status                   how runs stand

B-1 members, B-2 network, B-3 plans, B-4 reconciliation. A run that was broken off goes on where it
stopped when the same command is given again.
"""
WIDE = 400
FLOWS = ("B-1", "B-2", "B-3", "B-4")


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "sync", help="apply sets of the ERP's files, or tell how they stand",
                        description=DESCRIPTION)  # fmt: skip
    what = command.add_subparsers(dest="what", metavar="WHAT", required=True)
    run_ = what.add_parser("run", help="apply the sets of a flow that are there")
    run_.add_argument("flow", choices=FLOWS)
    run_.add_argument("--file", type=Path, metavar="PATH", help="folder, or manifest of one set; default: by SFTP")
    status = what.add_parser("status", help="how runs stand")
    status.add_argument("--most", type=int, default=20, metavar="N", help="runs that are shown; default 20")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code. 1: something was not applied."""
    from hub.migrate import prepared

    with prepared(settings) as found:
        if chosen.what == "status":
            return _status(found.url, chosen.most)
        return _run(settings, found.url, chosen)


def _run(settings: Settings, url: str, chosen: argparse.Namespace) -> int:
    from adapters.fhir_client import FhirRefused
    from adapters.partner_errors import PartnerRefused, PartnerUnavailable
    from batch.run import FlowBusy
    from hub import sync
    from hub.own_clients import make_sure
    from hub.sealing_key import KeyUnusable

    try:
        make_sure(settings, url)
        with _bars() as progress:
            outcomes = asyncio.run(sync.run(settings, url, chosen.flow, chosen.file, progress))
    except (sync.NotConfigured, FlowBusy, PartnerRefused, PartnerUnavailable, FhirRefused, KeyUnusable) as error:
        return told(error, 1)
    for one in outcomes:
        counts = one.counts
        figures = (
            f": {counts.received:,} lines, {counts.applied:,} applied, {counts.unchanged:,} unchanged,"
            f" {counts.rejected:,} rejected, {counts.parked:,} waiting"
            if counts
            else ""
        )
        print(f"{one.name} {one.state}{figures}{f' ({one.told})' if one.told else ''}")
    if not outcomes:
        print("There is no set.")
    return 0 if all(one.state in ("APPLIED", "DUPLICATE") for one in outcomes) else 1


@contextmanager
def _bars() -> Iterator[Any]:
    """Progress on a terminal: bytes that came, lines that were applied."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks = {
            "bytes": bars.add_task("Bytes fetched", total=None),
            "lines": bars.add_task("Lines applied", total=None),
        }

        def progress(what: str, more: int) -> None:
            bars.advance(tasks[what], more)

        yield progress


def _status(url: str, most: int) -> int:
    import psycopg
    from rich.console import Console
    from rich.table import Table

    from messages import runs

    table = Table("Set", "Flow", "State", "Lines", "Accepted", "Unchanged", "Rejected", "In review", "Started", "Why")
    with psycopg.connect(url, autocommit=True) as connection:
        for one in runs.listed(connection, most=most):
            why = "; ".join(guard.text for guard in one.guards)
            figures = (one.received, one.accepted, one.unchanged, one.rejected, one.in_review)
            table.add_row(
                one.set_name, one.flow, one.state, *(f"{figure:,}" for figure in figures),
                f"{one.started:%Y-%m-%d %H:%M}", why,
            )  # fmt: skip
        looks = Table("Flow", "Looked for", "Last set", "Told that it is late")
        for flow, *moments in connection.execute(
            "select flow, looked, arrived, alarmed from batch.schedule order by flow"
        ):
            looks.add_row(flow, *(f"{one:%Y-%m-%d %H:%M}" if one else "" for one in moments))
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)  # for a file or another command: a row is a line
    console.print(table)
    if looks.row_count:
        console.print(looks)
    return 0
