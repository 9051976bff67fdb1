"""B-4: the ERP's whole record beside the hub's: nothing is applied, what differs is told on both sides. 10.3."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from adapters.fhir_client import FhirClient
from batch.compare import Comparison
from batch.entities import OF_ERP, entity
from batch.faults import SetRefused
from batch.lines import lines
from batch.manifest import Manifest
from batch.parts import Parts
from batch.pgp import wipe
from batch.receipt import Rejected, rejected
from batch.scan import Opened
from batch.text import utf8
from mappings.tasy.times import instant

Json = Any
PAGE = 1000


@dataclass(slots=True)
class Found:
    """What a reconciliation found."""

    comparison: Comparison
    received: int = 0
    rejects: list[Rejected] = field(default_factory=list)
    """Lines that cannot be compared."""


async def reconcile(parts: Parts, manifest: Manifest, opened: Sequence[Opened]) -> Found:
    """Compares all types that the set has. Raises SetRefused, PartnerUnavailable, FhirRefused."""
    until = manifest.dt_corte_ate or manifest.dt_geracao
    found = Found(Comparison(parts.site, datetime.fromisoformat(instant(until, parts.site.zone))))
    for one in opened:
        kind = entity(manifest.fluxo, one.file.ds_recurso)
        if kind is None:
            raise SetRefused("HUB-B102", f"{one.file.ds_recurso} is not of this flow")
        hub = found.comparison.begin(kind, _lines(one, found), lambda id: OF_ERP.fullmatch(id) is not None)
        async for page in pages(parts.client, kind.type):
            for resource in page:
                hub.add(resource)
            parts.progress("lines", len(page))
        hub.end()
    return found


def _lines(opened: Opened, found: Found) -> Iterator[Json]:
    """The resources of a file. Raises SetRefused at its end: it is not what the manifest says."""
    hashing, count, kind = hashlib.sha256(), 0, opened.file.ds_recurso
    try:
        with gzip.open(opened.path) as stream:
            for line in lines(stream, hashing):
                count += 1
                resource, code = (None, "HUB-B206") if line.too_long else _read(line.source, kind)
                if code:
                    found.rejects.append(rejected(opened.file.nm_arquivo, line.number, None, code))
                else:
                    yield resource
    except (OSError, EOFError, zlib.error) as error:
        raise SetRefused("HUB-B106", f"{kind}: is not packed by gzip, or not whole") from error
    if hashing.hexdigest() != opened.file.ds_sha256_claro or count != opened.file.qt_registros:
        raise SetRefused("HUB-B106", f"{kind}: ds_sha256_claro or qt_registros is another")
    found.received += count


def _read(line: bytes, kind: str) -> tuple[Json, str | None]:
    """A resource, or why a line is none that can be compared."""
    try:
        resource = orjson.loads(utf8(line))
    except orjson.JSONDecodeError:
        return None, "HUB-B201"
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        return None, "HUB-B202"
    return resource, None if isinstance(resource.get("id"), str) else "HUB-B207"


async def pages(client: FhirClient, resource_type: str) -> AsyncIterator[list[Json]]:
    """All resources of a type, page by page; the next page is on its way while one is looked at."""
    coming = asyncio.create_task(client.send("GET", f"{resource_type}?_count={PAGE}&_total=none"))
    try:
        while True:
            bundle = orjson.loads((await coming).body)
            following = next((one["url"] for one in bundle.get("link", ()) if one["relation"] == "next"), None)
            if following is not None:
                coming = asyncio.create_task(client.send("GET", following))
                await asyncio.sleep(0)  # so that it is sent now
            yield [one["resource"] for one in bundle.get("entry", ())]
            if following is None:
                return
    finally:
        coming.cancel()


def sealed_proposals(parts: Parts, lines_: bytes, name: str, recipient: str) -> bytes:
    """Proposals for the ERP's team: packed, signed, encrypted. Raises OSError."""
    plain, target = parts.folder / name.removesuffix(".pgp"), parts.folder / name
    try:
        plain.write_bytes(gzip.compress(lines_, mtime=0))
        parts.keyring.seal(plain, target, parts.signer, recipient)
        return target.read_bytes()
    finally:
        wipe(plain)
        target.unlink(missing_ok=True)
