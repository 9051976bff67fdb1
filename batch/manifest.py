"""The manifest of a set: what is in it, and its place in the chain. Tasy contract, section 10.2. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from batch.faults import SetRefused
from batch.names import SetName

VERSION = "1.0"

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Natural = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]


class File(Struct, frozen=True):
    """One file of a set."""

    nm_arquivo: str
    ds_recurso: str
    qt_registros: Natural
    qt_bytes: Natural
    ds_sha256: Hash
    """Of the file as it is."""
    ds_sha256_claro: Hash
    """Of the lines in it."""


class Totals(Struct, frozen=True):
    """What the sender counts."""

    qt_ativos_apos: Natural = 0
    qt_inclusao: Natural = 0
    qt_alteracao: Natural = 0
    qt_exclusao: Natural = 0
    qt_reativacao: Natural = 0


class Manifest(Struct, frozen=True):
    """A set."""

    versao_contrato: str
    fluxo: str
    modo: Literal["DELTA", "FULL"]
    nr_sequencia_fluxo: Number
    registro_ans: str
    cd_estabelecimento: int
    dt_geracao: datetime
    arquivos: list[File]
    nr_sequencia_anterior: Natural | None = None
    dt_corte_de: datetime | None = None
    dt_corte_ate: datetime | None = None
    totais: Totals = Totals()


def manifest_of(source: bytes, name: SetName) -> Manifest:
    """The manifest in these bytes, found to be that of the set. Raises SetRefused."""
    try:
        found = msgspec.json.decode(source, type=Manifest)
    except msgspec.MsgspecError as error:
        raise SetRefused("HUB-B101", str(error).partition(" - at ")[2] or "no JSON of a manifest") from error
    if found.versao_contrato != VERSION:
        raise SetRefused("HUB-B101", f"versao_contrato is not {VERSION}")
    if (found.fluxo, found.registro_ans) != (name.flow, name.registration):
        raise SetRefused("HUB-B102", "flow or registration differ from the file's name")
    names = [one.nm_arquivo for one in found.arquivos]
    if len(set(names)) != len(names):
        raise SetRefused("HUB-B101", "a file is named twice")
    for number, one in enumerate(found.arquivos):
        if name.resource_of(one.nm_arquivo) != one.ds_recurso:
            raise SetRefused("HUB-B102", f"arquivos[{number}].ds_recurso differs from the file's name")
    return found


def digest(source: bytes) -> str:
    """SHA-256 in hexadecimal: by it the same manifest is known again."""
    return hashlib.sha256(source).hexdigest()
