"""Files of an export: resources of one name, as NDJSON or Parquet, each listed only when it is safe on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from fhir_server.bulk.order import NDJSON, PARQUET

FILE_LINES = 500_000
"""Resources of one file; a type with more has several."""
ENDING = {NDJSON: "ndjson", PARQUET: "parquet"}
"""Media type -> how names of such files end."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the export."""

    type: str
    name: str
    count: int
    """Resources in it."""


class _Writer(Protocol):
    def write(self, lines: Sequence[bytes]) -> None:
        """Adds resources, each as JSON in one line."""

    def close(self) -> BinaryIO:
        """Ends it; the file, still open."""


class NdjsonFile:
    """One file of lines."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=2**18)

    def write(self, lines: Sequence[bytes]) -> None:
        """Adds resources, each as JSON in one line."""
        self._file.write(b"\n".join(lines) + b"\n")

    def close(self) -> BinaryIO:
        """The file, still open."""
        return self._file


class Files:
    """As many files as resources of a name need."""

    def __init__(self, folder: Path, type: str, name: str, format: str = NDJSON) -> None:
        """type: of all its resources; format: media type, NDJSON or PARQUET."""
        self._folder, self._type, self._name, self._format = folder, type, name, format
        self._open: _Writer | None = None
        self._count = 0
        self.files: list[File] = []
        """Those that are complete."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Adds resources, each as JSON in one line."""
        if not lines:
            return
        if self._open is None:
            self._open = self._new(self._folder / self._current)
        self._open.write(lines)
        self._count += len(lines)
        if self._count >= FILE_LINES:
            self.close()

    @property
    def _current(self) -> str:
        return f"{self._name}.{len(self.files) + 1}.{ENDING[self._format]}"

    def _new(self, path: Path) -> _Writer:
        if self._format == NDJSON:
            return NdjsonFile(path)
        from fhir_server.bulk.parquet import ParquetFile  # big, and seldom wanted

        return ParquetFile(path, self._type)

    def close(self) -> None:
        """Ends the current file and brings it to the disk."""
        if self._open is not None:
            with self._open.close() as file:
                file.flush()
                os.fsync(file.fileno())
            self.files.append(File(self._type, self._current, self._count))
            self._open, self._count = None, 0
