"""Sets of files as the ERP makes them: lines packed, signed and sealed, and a manifest. Tasy contract, 10.1, 10.2.

Each file is written under another name first and renamed when it is whole.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from simulators.tasy.openpgp import Keyring
from simulators.tasy.systems import ANS

Json = dict[str, Any]

DELETED = "_Deleted"


@dataclass(slots=True)
class Announced:
    """What a manifest says of its set, beside its files."""

    flow: str
    mode: str
    sequence: int
    previous: int
    day: date
    number: int
    """Of the day, from 1."""
    totals: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the names of its files begin with."""
        return f"{ANS}_{self.flow}_{self.day:%Y%m%d}_{self.number:04d}"


class Packing:
    """The lines of a set on their way into files, one for each type."""

    def __init__(self, folder: Path, name: str, types: Sequence[str]) -> None:
        """folder: where lines may lie in clear, packed, until they are sealed."""
        self._stack, self._encoder = ExitStack(), msgspec.json.Encoder()
        self.counts = dict.fromkeys(types, 0)
        self._hashes = {one: hashlib.sha256() for one in types}
        self.paths = {one: folder / f"{name}_{one}.ndjson.gz" for one in types}
        self._files = {
            one: self._stack.enter_context(cast(BinaryIO, gzip.GzipFile(path, "wb", 6, mtime=0)))
            for one, path in self.paths.items()
        }

    def add(self, kind: str, line: Json | bytes) -> None:
        """A line; bytes are one as it stands, without its end."""
        source = (line if isinstance(line, bytes) else self._encoder.encode(line)) + b"\n"
        self.counts[kind] += 1
        self._hashes[kind].update(source)
        self._files[kind].write(source)

    def close(self) -> None:
        """Ends the files."""
        self._stack.close()

    def hash(self, kind: str) -> str:
        """SHA-256 of a file's lines."""
        return self._hashes[kind].hexdigest()


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a set is sealed."""

    keys: Keyring
    recipient: str
    """Fingerprint."""
    signed: bool = True


def pack(folder: Path, name: str, types: Sequence[str], lines: Iterable[tuple[str, Json | bytes]]) -> Packing:
    """Packs lines, each with its type. Raises OSError."""
    packing = Packing(folder, name, types)
    try:
        for kind, line in lines:
            packing.add(kind, line)
    finally:
        packing.close()
    return packing


def seal(packing: Packing, announced: Announced, target: Path, sealing: Sealing, now: datetime) -> Path:
    """Seals packed lines into a folder, with their manifest and its signature, and removes them; the manifest's path.

    Files without a line are left out. Raises OSError.
    """
    files = []
    for kind, plain in packing.paths.items():
        if packing.counts[kind]:
            name = f"{announced.name}_{kind}.ndjson.gz.pgp"
            part = target / f"{name}.tmp"
            sealing.keys.seal(plain, part, sealing.recipient, signed=sealing.signed)
            files.append(
                {
                    "nm_arquivo": name,
                    "ds_recurso": kind,
                    "qt_registros": packing.counts[kind],
                    "qt_bytes": part.stat().st_size,
                    "ds_sha256": _hash(part),
                    "ds_sha256_claro": packing.hash(kind),
                }
            )
            part.rename(target / name)
        plain.unlink()
    cut = datetime.combine(announced.day, datetime.min.time())
    manifest = {
        "versao_contrato": "1.0",
        "fluxo": announced.flow,
        "modo": announced.mode,
        "nr_sequencia_fluxo": announced.sequence,
        "nr_sequencia_anterior": announced.previous,
        "registro_ans": ANS,
        "cd_estabelecimento": 1,
        "dt_corte_de": None if announced.mode == "FULL" else cut.isoformat(),
        "dt_corte_ate": cut.replace(hour=23, minute=59, second=59).isoformat(),
        "dt_geracao": now.replace(microsecond=0).isoformat(),
        "arquivos": files,
        "totais": announced.totals,
    }
    path = target / f"{announced.name}_manifest.json"
    source = msgspec.json.format(msgspec.json.encode({key: one for key, one in manifest.items() if one is not None}))
    whole(path, source)
    whole(path.with_name(f"{path.name}.asc"), sealing.keys.sign(path))
    return path


def whole(path: Path, source: bytes) -> None:
    """Writes a file under its name when it is whole. Raises OSError."""
    part = path.with_name(f"{path.name}.tmp")
    part.write_bytes(source)
    part.rename(path)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
