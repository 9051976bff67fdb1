"""Sets as the ERP would make them: lines of a synthetic plan, packed, signed and sealed by GnuPG, with a manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from batch.names import SetName
from batch.pgp import Keyring
from mappings.tasy.site import Site
from simulators.tasy import ndjson

Json = Any
SITE = Site()
DAY = date(2026, 3, 10)
NAME = SetName("999997", "MEMBROS", DAY, 1)


def members(size: int, seed: int = 1) -> dict[str, list[Json]]:
    """Patient, RelatedPerson and Coverage of a plan, by type."""
    return _by_type(size, seed, ndjson.B1)


def network(size: int, seed: int = 1) -> dict[str, list[Json]]:
    """What the directory's providers become, by type."""
    return _by_type(size, seed, ndjson.B2)


def products() -> dict[str, list[Json]]:
    """The plan's products."""
    return _by_type(1, 1, ndjson.B3)


def _by_type(size: int, seed: int, types: Sequence[str]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {one: [] for one in types}
    for resource in ndjson.resources(size, seed, DAY, types):
        found[resource["resourceType"]].append(orjson.loads(orjson.dumps(resource)))
    return found


def removal(*references: str) -> Json:
    """A line of `_Deleted`."""
    entries = [{"request": {"method": "DELETE", "url": one}} for one in references]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def active(resources: Mapping[str, Sequence[Json]]) -> int:
    """Members who count."""
    return sum(one["status"] == "active" for one in resources.get("Coverage", ()))


def written(resources: Mapping[str, Sequence[Json | bytes]]) -> dict[str, bytes]:
    """The lines of each file; bytes are lines as they are."""
    return {
        kind: b"".join((one if isinstance(one, bytes) else orjson.dumps(one)) + b"\n" for one in found)
        for kind, found in resources.items()
    }


def make(
    folder: Path, keyring: Keyring, signer: str, recipient: str, files: Mapping[str, bytes], *,
    flow: str = "MEMBROS", number: int = 1, sequence: int = 412, mode: str = "DELTA", totals: Json = None,
    made: datetime = datetime(2026, 3, 10, 3, 0, 12), **changes: Any,
) -> SetName:  # fmt: skip
    """Makes a set in a folder, and says its name. changes: of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    name = SetName("999997", flow, DAY, number)
    told = []
    for kind, lines in files.items():
        plain = folder / f"{name}_{kind}.ndjson.gz"
        plain.write_bytes(gzip.compress(lines, 1, mtime=0))
        sealed = folder / name.file(kind)
        keyring.seal(plain, sealed, signer, recipient)
        plain.unlink()
        told.append(
            {"nm_arquivo": sealed.name, "ds_recurso": kind, "qt_registros": lines.count(b"\n"),
             "qt_bytes": sealed.stat().st_size, "ds_sha256": hashlib.sha256(sealed.read_bytes()).hexdigest(),
             "ds_sha256_claro": hashlib.sha256(lines).hexdigest()}
        )  # fmt: skip
    manifest = {
        "versao_contrato": "1.0", "fluxo": flow, "modo": mode, "nr_sequencia_fluxo": sequence,
        "nr_sequencia_anterior": sequence - 1, "registro_ans": "999997", "cd_estabelecimento": 1,
        "dt_corte_de": "2026-03-09T00:00:00", "dt_corte_ate": "2026-03-10T00:00:00",
        "dt_geracao": made.isoformat(), "arquivos": told, "totais": totals or {},
    } | changes  # fmt: skip
    path = folder / name.manifest
    path.write_text(json.dumps(manifest))
    (folder / f"{name.manifest}.asc").write_bytes(keyring.sign(path, signer=signer))
    (folder / name.done).write_bytes(b"")
    return name


def files_of(folder: Path, name: SetName) -> Iterator[Path]:
    """The files of a set in a folder."""
    yield from sorted(one for one in folder.iterdir() if one.name.startswith(str(name)))
