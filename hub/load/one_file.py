"""Loads one file: unit by unit, leaving out what the journal knows, setting aside what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.load.files import Entry, Refused, Unit, UnreadableFile, entry_lines, file_hash, units
from hub.load.journal import Journal, Record
from hub.load.sinks import Answer, Sink, instant

_POSITION = re.compile(r"Bundle\.entry\[(\d+)\]")
_CLOCKS_APART = 60_000_000
"""Microseconds by which our clock and the server's may differ."""


@dataclass(slots=True)
class Result:
    """What became of a file."""

    file: str
    stored: int = 0
    before: int = 0
    """Entries an earlier run had stored."""
    refused: list[Refused] = field(default_factory=list)
    again: bool = False
    """Whether another try may store more: entries of it may refer to what comes in other files."""


async def load_file(path: Path, sink: Sink, journal: Journal, progress: Callable[[int], None]) -> Result:
    """Loads what is missing of a file; `progress` is told entries stored. Raises TargetLost."""
    result = Result(str(path))
    digest = file_hash(path)
    finished = journal.finished(digest)
    if finished is not None:
        result.before = finished
        return result
    known = journal.known(digest)
    try:
        for unit in units(path, result.refused.append):
            await _load_unit(_Place(path, digest, sink, journal, progress, result), unit, known.get(unit.first))
    except UnreadableFile as error:
        result.refused.append(Refused(result.file, 0, str(error)))
    if not result.refused:
        journal.finish(digest, result.stored + result.before)
    return result


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    digest: str
    sink: Sink
    journal: Journal
    progress: Callable[[int], None]
    result: Result


async def _load_unit(place: _Place, unit: Unit, record: Record | None) -> None:
    positions: Sequence[int] | None = None
    if record is not None and record.done:
        positions = record.refused
        place.result.before += len(unit.entries) - len(positions)
        if not positions:
            return
    elif record is not None and await _arrived(place.sink, unit, record.sent):
        place.journal.done(place.digest, unit.first)
        place.result.before += len(unit.entries)
        return
    if record is None or not record.done:
        place.journal.sending(place.digest, unit.first)
    answer = await place.sink.send(unit.body(unit.kind, positions))
    if not answer.stored and unit.kind == "transaction" and not unit.whole:
        # As one transaction it is quick; one by one the good ones get through.
        answer = await place.sink.send(unit.body("batch", positions))
    chosen = range(len(unit.entries)) if positions is None else positions
    if not answer.stored:
        if positions is None:
            place.journal.forget(place.digest, unit.first)
        reasons = list(_reasons(answer))
        failed = list(chosen)
    else:
        reasons = list(_entry_reasons(answer))
        failed = [chosen[position] for position, _ in reasons]
        place.journal.done(place.digest, unit.first, failed)
        place.result.stored += len(chosen) - len(failed)
        place.progress(len(chosen) - len(failed))
        place.result.again = place.result.again or bool(failed)
    if failed:
        _report(place, unit, [(chosen[position], reason) for position, reason in reasons])


async def _arrived(sink: Sink, unit: Unit, sent: int) -> bool:
    """Whether a transaction whose answer nobody saw was carried out: does the record hold something it made then?"""
    if not unit.whole:
        return False  # entries with ids of their own: sending them again changes nothing
    for resource in _created(unit.entries):
        for identifier in resource.get("identifier") or ():
            if isinstance(identifier, dict) and identifier.get("system") and identifier.get("value"):
                value = "|".join(_escaped(identifier[part]) for part in ("system", "value"))
                since = f"ge{instant(sent - _CLOCKS_APART)}"
                found = await sink.count(resource["resourceType"], [("identifier", value), ("_lastUpdated", since)])
                return found > 0
    return False


def _created(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        request, resource = entry.get("request") or {}, entry.get("resource")
        made = request.get("method") == "POST" and "ifNoneExist" not in request
        if made and isinstance(resource, dict) and isinstance(resource.get("identifier"), list):
            yield resource


def _escaped(text: Any) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", str(text))


def _reasons(answer: Answer) -> Iterator[tuple[int, str]]:
    """Position and reason of each issue of an OperationOutcome; position 0 where it names no entry."""
    issues = answer.resource.get("issue", []) if isinstance(answer.resource, dict) else []
    for issue in issues:
        if issue.get("severity") in ("error", "fatal"):
            where = ", ".join(issue.get("expression") or issue.get("location") or ())
            match = _POSITION.search(where)
            yield (int(match[1]) if match else 0), _words(issue, where)
    if not issues:
        yield 0, f"HTTP status {answer.status}"


def _entry_reasons(answer: Answer) -> Iterator[tuple[int, str]]:
    """Position and reason of each entry of a response Bundle that failed."""
    for position, entry in enumerate(answer.resource.get("entry") or ()):
        response = entry.get("response", {})
        if not str(response.get("status", "")).startswith(("2", "304")):
            issues = (response.get("outcome") or entry.get("resource") or {}).get("issue") or [{}]
            where = ", ".join(issues[0].get("expression") or ())
            yield position, _words(issues[0], where) or f"status {response.get('status')}"


def _words(issue: dict[str, Any], where: str) -> str:
    text = issue.get("diagnostics") or (issue.get("details") or {}).get("text") or issue.get("code") or ""
    return f"{where}: {text}" if where and where not in text else str(text)


def _report(place: _Place, unit: Unit, reasons: Sequence[tuple[int, str]]) -> None:
    lines = unit.lines if unit.lines is not None else entry_lines(place.path)
    for position, reason in reasons:
        offset = position if unit.lines is not None else position + unit.first - 1
        line = lines[offset] if offset < len(lines) else 0
        place.result.refused.append(Refused(place.result.file, line, reason))
