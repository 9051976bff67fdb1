"""Files of FHIR data -> units to send: transaction and batch Bundles whole, plain resources a chunk at a time."""

from __future__ import annotations

import hashlib
import json
import re
from bz2 import BZ2File
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from gzip import GzipFile
from io import BufferedIOBase
from itertools import groupby
from lzma import LZMAError, LZMAFile
from pathlib import Path
from typing import Any

import orjson

from mappings.r4 import MalformedJson, parse, serialize

CHUNK = 250
"""Plain resources sent together."""

_OPENERS: dict[str, Callable[[Path], BufferedIOBase]] = {".gz": GzipFile, ".bz2": BZ2File, ".xz": LZMAFile}
NDJSON, JSON = (".ndjson", ".jsonl"), (".json",)

FIRST_TYPES = ("Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole", "Patient",
               "RelatedPerson", "Coverage", "Medication", "Device", "Encounter")  # fmt: skip
"""Types that others refer to: files named after them go first, in this order."""

_SPACE = re.compile(r"[ \t\r\n]*")


class UnreadableFile(ValueError):
    """The file is not what its name says; the text holds no content of it."""


Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """One entry that was not stored."""

    file: str
    line: int
    reason: str


class Unit:
    """What is sent in one request: a Bundle of entries."""

    def __init__(
        self, first: int, kind: str, *, raw: bytes = b"", entries: list[Entry] | None = None,
        lines: Sequence[int] | None = None, whole: bool = False,
    ) -> None:  # fmt: skip
        """first: number that names the unit within its file; kind: transaction or batch.

        raw: the Bundle's bytes as they came, else its `entries`; lines: line of each entry (None: ask `entry_lines`);
        whole: whether it is stored whole or not at all, as a Bundle that came as a transaction.
        """
        self.first, self.kind, self.lines, self.whole = first, kind, lines, whole
        self._raw, self._entries = raw, entries

    @property
    def entries(self) -> list[Entry]:
        """The entries, decimals exact."""
        if self._entries is None:
            self._entries = parse(self._raw)["entry"]
        return self._entries

    def body(self, kind: str, positions: Sequence[int] | None = None) -> bytes:
        """A Bundle of the entries at `positions` (None: all)."""
        if self._raw and kind == self.kind and positions is None:
            return self._raw
        chosen = self.entries if positions is None else [self.entries[position] for position in positions]
        return serialize({"resourceType": "Bundle", "type": kind, "entry": chosen})


def suffixes(path: Path) -> tuple[str, str]:
    """Format and compression of a file name: ('.json', '.bz2')."""
    compression = path.suffix.lower() if path.suffix.lower() in _OPENERS else ""
    name = path.name[: -len(compression)] if compression else path.name
    return Path(name).suffix.lower(), compression


def find(paths: Iterable[Path]) -> list[list[Path]]:
    """All files to load, in groups: one group after the other, those within a group in any order.

    Folders come in the order in which they were named, for what is in one may refer to what is in an earlier one;
    files named one by one count as a folder of their own. Within a folder `stage` decides.
    Raises UnreadableFile for a path that does not exist, or a file named in person that is of no known format.
    """
    folders: list[list[Path]] = []
    for folder, named in groupby(paths, lambda path: path if path.is_dir() else None):
        if folder is not None:
            folders.append(
                [file for file in folder.rglob("*") if file.is_file() and suffixes(file)[0] in NDJSON + JSON]
            )
        else:
            folders.append([_checked(path) for path in named])
    seen: set[Path] = set()
    groups = []
    for inside in folders:
        fresh = sorted(set(inside) - seen, key=lambda path: (stage(path), str(path)))
        seen.update(fresh)
        groups += [list(group) for _, group in groupby(fresh, stage)]
    return groups


def _checked(path: Path) -> Path:
    if not path.exists():
        raise UnreadableFile(f"{path}: there is no such file or folder")
    if suffixes(path)[0] not in NDJSON + JSON:
        raise UnreadableFile(f"{path}: not .json or .ndjson, plain or with .gz, .bz2 or .xz")
    return path


def stage(path: Path) -> int:
    """Files of one stage may be loaded side by side; all of a stage are done before the next begins."""
    name = path.name.lower()
    if "hospitalinformation" in name:
        return 0
    if "practitionerinformation" in name:
        return 1
    if suffixes(path)[0] in JSON:
        return 2
    word = re.split(r"[^A-Za-z]", path.name, maxsplit=1)[0]
    return 3 + (FIRST_TYPES.index(word) if word in FIRST_TYPES else len(FIRST_TYPES))


def opened(path: Path) -> BufferedIOBase:
    """The file's content, decompressed."""
    compression = suffixes(path)[1]
    return _OPENERS[compression](path) if compression else path.open("rb")


def file_hash(path: Path) -> str:
    """SHA-256 of the file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def units(path: Path, refused: Callable[[Refused], None]) -> Iterator[Unit]:
    """Everything in the file. Lines that are no resource go to `refused`.

    Raises UnreadableFile when the file as a whole cannot be read.
    """
    try:
        if suffixes(path)[0] in NDJSON:
            with opened(path) as lines:
                yield from _chunks(_resources(lines, str(path), refused))
        else:
            with opened(path) as file:
                yield from _of_json(file.read())
    except (OSError, EOFError, LZMAError) as error:
        raise UnreadableFile(f"cannot be read: {type(error).__name__}") from None
    except MalformedJson as error:
        raise UnreadableFile(str(error)) from None


def _of_json(raw: bytes) -> Iterator[Unit]:
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        content = parse(raw)  # says line and column
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise UnreadableFile("no FHIR resource")
    kind = content.get("type") if content["resourceType"] == "Bundle" else None
    if kind in ("transaction", "batch"):
        if content.get("entry"):
            yield Unit(1, kind, raw=raw, whole=kind == "transaction")
    elif kind in ("collection", "searchset", "history"):
        yield from _of_collection(parse(raw).get("entry") or [])
    else:
        yield from _chunks([(1, parse(raw))])


def _of_collection(found: list[Any]) -> Iterator[Unit]:
    entries = [
        _requested(entry) for entry in found if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
    ]
    # Entries that point to each other by urn:uuid are only understood together.
    linked = any(str(entry.get("fullUrl", "")).startswith("urn:") for entry in entries)
    step = max(len(entries), 1) if linked else CHUNK
    for start in range(0, len(entries), step):
        yield Unit(start + 1, "transaction", entries=entries[start : start + step], whole=linked)


def _requested(entry: Entry) -> Entry:
    """The entry of a collection as one of a transaction: under its own id, unless it is linked by urn:uuid."""
    resource, url = entry["resource"], entry.get("fullUrl")
    kind, id = resource.get("resourceType"), resource.get("id")
    if id is None or str(url or "").startswith("urn:"):
        request = {"method": "POST", "url": kind}
    else:
        request = {"method": "PUT", "url": f"{kind}/{id}"}
    return {**({"fullUrl": url} if url else {}), "resource": resource, "request": request}


def _resources(lines: BufferedIOBase, name: str, refused: Callable[[Refused], None]) -> Iterator[tuple[int, Entry]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            resource = parse(line)
        except MalformedJson as error:
            refused(Refused(name, number, error.reason))
            continue
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield number, resource
        else:
            refused(Refused(name, number, "no FHIR resource"))


def _chunks(resources: Iterable[tuple[int, Entry]]) -> Iterator[Unit]:
    lines: list[int] = []
    entries: list[Entry] = []
    for number, resource in resources:
        lines.append(number)
        entries.append(_requested({"resource": resource}))
        if len(entries) == CHUNK:
            yield Unit(lines[0], "transaction", entries=entries, lines=lines)
            lines, entries = [], []
    if entries:
        yield Unit(lines[0], "transaction", entries=entries, lines=lines)


def entry_lines(path: Path) -> list[int]:
    """Line on which each entry of a Bundle file begins. For reports only: it reads the file once more."""
    with opened(path) as file:
        text = file.read().decode("utf-8-sig")
    decoder, found = json.JSONDecoder(), list[int]()
    position = _skip(text, 0, "{")
    while text[position] != "}":
        key, position = decoder.raw_decode(text, position)
        position = _skip(text, position, ":")
        if key != "entry":
            _, position = decoder.raw_decode(text, position)
        else:
            position = _skip(text, position, "[")
            while text[position] != "]":
                found.append(position)
                _, position = decoder.raw_decode(text, position)
                position = _skip(text, position, ",")
            position += 1
        position = _skip(text, position, ",")
    return _line_numbers(text, found)


def _skip(text: str, position: int, mark: str) -> int:
    """Position behind white space, the mark if it is there, and white space."""
    position = _end_of_space(text, position)
    return _end_of_space(text, position + 1) if text.startswith(mark, position) else position


def _end_of_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _line_numbers(text: str, positions: list[int]) -> list[int]:
    numbers, line, before = [], 1, 0
    for position in positions:
        line += text.count("\n", before, position)
        before = position
        numbers.append(line)
    return numbers
