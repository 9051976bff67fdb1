"""`hub load`: files in an order that suits their references, side by side where that is safe, with a report."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

import psycopg
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub.compose import server
from hub.load.files import Refused, find
from hub.load.journal import Journal
from hub.load.one_file import Result, load_file
from hub.load.sinks import DirectSink, HttpSink, Sink, TargetLost
from hub.settings import Settings

REPORT = "load-refused.ndjson"
WORTH_ANALYSING = 500
"""Entries after whose loading the database looks at its tables anew."""
WORTH_PROCESSES = 500_000
"""Bytes below which further processes would start longer than they work."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Target:
    """Where to load to: the database, or (`url`) a running server."""

    settings: Settings
    database_url: str | None
    url: str | None = None

    def sink(self) -> Sink:
        """A sink of this process."""
        if self.url is not None:
            return HttpSink(self.url)
        assert self.database_url is not None
        return DirectSink(server(self.settings, self.database_url))

    def journal(self) -> Journal:
        """A journal of this process."""
        if self.url is not None:
            return Journal.of_url(self.settings.data, self.url)
        assert self.database_url is not None
        return Journal.of_database(self.database_url)


@dataclass(slots=True)
class Totals:
    """What became of all files."""

    results: dict[str, Result] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Takes the result of a file; of a file tried again, what it adds."""
        earlier = self.results.get(result.file)
        if earlier is not None:
            result.stored += earlier.stored
            result.before = earlier.before
        self.results[result.file] = result

    @property
    def stored(self) -> int:
        """Entries stored by this run."""
        return sum(result.stored for result in self.results.values())

    @property
    def before(self) -> int:
        """Entries stored by earlier runs."""
        return sum(result.before for result in self.results.values())

    @property
    def refused(self) -> list[Refused]:
        """Every refusal, file by file."""
        return [refused for result in self.results.values() for refused in result.refused]


def load(
    target: Target, paths: Sequence[Path], *, processes: int, say: Callable[[str], None] = print, quiet: bool = False
) -> Totals:
    """Loads everything below `paths` that is not loaded yet.

    Raises UnreadableFile for a path that cannot be, TargetLost when the server goes away; a later run then goes on.
    quiet: says nothing when there was nothing to do.
    """
    groups = find(paths)
    totals = Totals()
    with _bar(quiet) as progress:
        task = progress.add_task("Loading", total=sum(map(len, groups)), stored=0)
        counted = 0

        def stored(count: int) -> None:
            nonlocal counted
            counted += count
            progress.update(task, stored=counted)

        for group in groups:
            for result in _run(target, group, processes, stored):
                totals.add(result)
                progress.advance(task)
        # What refers to a later file is refused at first; as long as another round stores something, go round.
        while again := [Path(result.file) for result in totals.results.values() if result.again]:
            before = totals.stored
            for result in _run(target, again, 1, stored):
                totals.add(result)
            if totals.stored == before:
                break
    if target.database_url is not None and totals.stored >= WORTH_ANALYSING:
        _analyse(target.database_url)
    if totals.stored or totals.refused or not quiet:
        _tell(totals, target.settings.data / REPORT, say)
    return totals


def _bar(quiet: bool) -> Progress:
    console = Console(stderr=True)
    counted = TextColumn("{task.fields[stored]:,} resources")
    return Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), "files", counted, TimeElapsedColumn(),
        console=console, disable=not console.is_terminal, transient=quiet,
    )  # fmt: skip


def _run(target: Target, files: list[Path], processes: int, stored: Callable[[int], None]) -> Iterator[Result]:
    """Results of files, which may be loaded side by side."""
    if min(processes, len(files)) > 1 and sum(path.stat().st_size for path in files) > WORTH_PROCESSES:
        yield from _side_by_side(target, files, min(processes, len(files)), stored)
        return
    process = _Process(target, stored)
    try:
        for path in files:
            yield process.load(path)
    finally:
        process.close()


class _Process:
    """What a process that loads holds: a loop, a sink, a journal."""

    def __init__(self, target: Target, stored: Callable[[int], None]) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._sink, self._journal, self._stored = target.sink(), target.journal(), stored

    def load(self, path: Path) -> Result:
        """Loads one file."""
        return self._runner.run(load_file(path, self._sink, self._journal, self._stored))

    def close(self) -> None:
        """Lets go of everything."""
        self._runner.run(self._sink.close())
        self._runner.close()
        self._journal.close()


_process: _Process | None = None


def _prepare(target: Target, counts: Queue[int]) -> None:
    global _process
    _process = _Process(target, counts.put)


def _load(path: Path) -> Result:
    assert _process is not None
    return _process.load(path)


def _side_by_side(target: Target, files: list[Path], processes: int, stored: Callable[[int], None]) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    counts: Queue[int] = context.Queue()
    pool = ProcessPoolExecutor(processes, context, _prepare, (target, counts))
    try:
        waiting: set[Future[Result]] = {pool.submit(_load, path) for path in files}
        while waiting:
            done, waiting = wait(waiting, timeout=0.25, return_when="FIRST_COMPLETED")
            while True:
                try:
                    stored(counts.get_nowait())
                except queue.Empty:
                    break
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise TargetLost("a loading process was ended from outside") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _analyse(url: str) -> None:
    """Fresh statistics and visibility maps, so that the first searches are planned well."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")


def _tell(totals: Totals, report: Path, say: Callable[[str], None]) -> None:
    refused = totals.refused
    say(f"{totals.stored:,} entries stored, {totals.before:,} stored before, {len(refused):,} refused.")
    report.unlink(missing_ok=True)
    if not refused:
        return
    report.parent.mkdir(parents=True, exist_ok=True)
    with report.open("w") as file:
        for fault in refused:
            file.write(json.dumps({"file": fault.file, "line": fault.line, "reason": fault.reason}) + "\n")
    for fault in refused[:SHOWN]:
        say(f"  {fault.file}:{fault.line}: {fault.reason}")
    if len(refused) > SHOWN:
        say(f"  ... and {len(refused) - SHOWN:,} more")
    say(f"All of them, with file, line and reason: {report}")
