"""`hub audit`: looks for tampering with the audit trail, and ends its oldest part."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import LiteralString, cast

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from fhir_server.audit.batches import unpacked
from fhir_server.audit.chain import TAG, Batch, Fault, faults

_READ = 100
"""Batches at a time."""
_YEAR = 365.25 * 86400 * 1_000_000


class NotATag(ValueError):
    """What `--expect` names is no event number and tag."""


def verify(url: str, chosen: argparse.Namespace) -> int:
    """Recomputes the chain; 1 where something does not fit. Raises NotATag."""
    expected = dict(map(_expected, chosen.expect))
    found: list[Fault] = []
    following: int | None = None
    last: bytes | None = None
    count = 0
    console = Console(stderr=True)
    with psycopg.connect(url) as connection, Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task("batches", total=_one(connection, "select count(*) from audit_batch"))
        for batch in _batches(connection):
            found += faults(batch, following, last)
            for place, tag in enumerate(batch.tags):
                wanted = expected.pop(batch.first + place, None)
                if wanted is not None and wanted != tag:
                    found.append(Fault(batch.first + place, "does not have the tag it had"))
            following, last = batch.first + len(batch.lines), batch.tags[-1] if batch.tags else batch.before
            count += len(batch.lines)
            progress.advance(task)
        waiting = _one(connection, "select coalesce(sum(events), 0) from audit_intake")
    found += [Fault(number, "is not there any more") for number in expected]
    for fault in sorted(found, key=lambda one: one.event):
        print(f"event {fault.event}: {fault.reason}")
    end = f", up to event {following - 1}:{last.hex()}" if following and last else ""
    print(f"{count:,} events{end}; {waiting:,} not sealed yet; {len(found) or 'no'} fault{'s' * (len(found) != 1)}")
    return 1 if found else 0


def expire(url: str, chosen: argparse.Namespace) -> int:
    """Removes batches all of whose events are older than so many years."""
    before = int(time.time() * 1_000_000 - chosen.years * _YEAR)
    with psycopg.connect(url) as connection:
        connection.execute("set local hub.audit_expire = 'on'")
        connection.execute(
            "delete from audit_key where batch in (select number from audit_batch where last_at < %s)", (before,)
        )
        gone = connection.execute("delete from audit_batch where last_at < %s returning events", (before,))
        removed = sum(events for (events,) in gone)
    day = datetime.fromtimestamp(before / 1_000_000, UTC).date()
    print(f"Removed: {removed:,} events from before {day}.")
    return 0


def _expected(text: str) -> tuple[int, bytes]:
    number, _, tag = text.partition(":")
    try:
        found = int(number), bytes.fromhex(tag)
    except ValueError:
        found = 0, b""
    if found[0] < 1 or len(found[1]) != TAG:
        raise NotATag("--expect: must be EVENT:TAG, a number and 32 hexadecimal digits, as `verify` prints it")
    return found


def _one(connection: psycopg.Connection[tuple[int]], query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _batches(connection: psycopg.Connection[tuple[int]]) -> Iterator[Batch]:
    with connection.cursor(name="trail") as cursor:
        cursor.itersize = _READ
        cursor.execute("select number, first, left_tag, tags, lines from audit_batch order by first")
        for number, first, before, tags, lines in cast("Iterable[tuple[int, int, bytes, bytes, bytes]]", cursor):
            yield unpacked(number, first, before, tags, lines)


COMMANDS: Mapping[str, Callable[[str, argparse.Namespace], int]] = {"verify": verify, "expire": expire}
