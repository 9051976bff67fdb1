"""A set is read once before anything of it is applied: is it what the manifest says, and what would it change?"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from batch import guards, ledger
from batch.entities import FLOWS, place
from batch.faults import SetRefused
from batch.guards import Guard
from batch.ledger import Connection, Noted
from batch.lines import Fault, Target, lines, targets
from batch.manifest import File, Manifest
from mappings.tasy.site import Site

CHUNK = 2000
WHOLE = ("REDE",)
"""Flows whose full sets end what they leave out. Members end by being told so alone."""


class Opened(NamedTuple):
    """A file of a set, decrypted."""

    file: File
    path: Path
    """Its lines, packed by gzip."""


def in_order(manifest: Manifest) -> list[File]:
    """Files of a set in the order in which they are applied: what is referred to before what refers."""
    return sorted(manifest.arquivos, key=lambda one: place(manifest.fluxo, one.ds_recurso))


def scan(connection: Connection, run: int, manifest: Manifest, files: Sequence[Opened], site: Site) -> None:
    """Puts all lines of a set into the journal of a run. Raises SetRefused: it is not what the manifest says.

    In one transaction of the caller's; files in their order.
    """
    for number, opened in enumerate(files):
        _file(connection, run, number, opened, manifest.fluxo, site)
    if manifest.modo == "FULL" and manifest.fluxo in WHOLE:
        ledger.leave_out(connection, run, [one.type for one in FLOWS[manifest.fluxo]])


def _file(connection: Connection, run: int, number: int, opened: Opened, flow: str, site: Site) -> None:
    hashing, count = hashlib.sha256(), 0
    seen: set[tuple[str, str]] = set()
    noted: list[Noted] = []
    try:
        with gzip.open(opened.path) as stream:
            for line in lines(stream, hashing):
                count += 1
                found = [_once(one, seen) for one in targets(line, flow, opened.file.ds_recurso, site)]
                fault = next((one.fault for one in found if one.fault), None)
                hash = line.hash
                noted += [
                    Noted(number, line.number, part, one if fault is None else one._replace(fault=fault), hash)
                    for part, one in enumerate(found)
                ]
                if len(noted) >= CHUNK:
                    ledger.note(connection, run, noted)
                    noted.clear()
    except (OSError, EOFError, zlib.error) as error:
        raise SetRefused("HUB-B106", f"{opened.file.ds_recurso}: is not packed by gzip, or not whole") from error
    ledger.note(connection, run, noted)
    if hashing.hexdigest() != opened.file.ds_sha256_claro:
        raise SetRefused("HUB-B106", f"{opened.file.ds_recurso}: ds_sha256_claro is another")
    if count != opened.file.qt_registros:
        raise SetRefused("HUB-B106", f"{opened.file.ds_recurso}: {count} lines, qt_registros says otherwise")


def _once(target: Target, seen: set[tuple[str, str]]) -> Target:
    """The target, with a fault if the file has named it before: which of two lines holds, nobody can say."""
    if target.fault is not None or target.type is None or target.id is None:
        return target
    if (target.type, target.id) in seen:
        return target._replace(fault=Fault("HUB-B208", "id"))
    seen.add((target.type, target.id))
    return target


PROVIDERS = ("Organization", "Practitioner")


def tripped(connection: Connection, run: int, manifest: Manifest) -> list[Guard]:
    """The guards that a set in the journal trips."""
    match manifest.fluxo:
        case "MEMBROS":
            change = ledger.change(connection, run, ["Coverage"])
            return guards.members(change.before, change.ended, manifest.totais.qt_ativos_apos, change.after)
        case "REDE":
            change = ledger.change(connection, run, PROVIDERS)
            return guards.network(change.before, change.after, ledger.lost_specialties(connection, run))
        case "PLANOS":
            return guards.plans(*ledger.products(connection, run, f"{manifest.dt_geracao:%Y-%m}"))
        case _:
            return []
