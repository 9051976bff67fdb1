"""The receipt of a set: what became of each line, in figures that add up. Tasy contract, section 10.2. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from batch.faults import CODES
from batch.manifest import Manifest


class Rejected(Struct, frozen=True):
    """A line that was not applied."""

    nm_arquivo: str
    nr_linha: int
    """From 1."""
    id_recurso: str | None
    cd_erro: str
    ds_erro: str
    ie_corrigivel: str


class Receipt(Struct, frozen=True):
    """What is sent to `retorno/`."""

    fluxo: str
    nr_sequencia_fluxo: int
    cd_resultado: str
    """ACEITO, PARCIAL, REJEITADO, DUPLICADO, RETIDO."""
    qt_recebidos: int
    qt_aceitos: int
    qt_rejeitados: int
    qt_em_revisao: int
    dt_processamento: datetime
    ds_sha256_manifesto: str
    rejeitos: list[Rejected]

    def encoded(self) -> bytes:
        """As it is sent."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def rejected(file: str, line: int, id: str | None, code: str) -> Rejected:
    """A line that was not applied, for a reason of `faults.CODES`."""
    return Rejected(file, line, id, code, CODES[code], "S" if code != "HUB-B201" else "N")


def receipt(
    manifest: Manifest, manifest_hash: str, received: int, rejects: Sequence[Rejected], in_review: int, now: datetime
) -> Receipt:
    """Of a set that was applied. in_review: lines that wait for what they refer to, or for a person.

    Raises ValueError: more lines were rejected or wait than came in.
    """
    accepted = received - len(rejects) - in_review
    if accepted < 0:
        raise ValueError("figures of a receipt do not add up")
    result = "ACEITO" if accepted == received else "PARCIAL" if accepted or in_review else "REJEITADO"
    return Receipt(
        manifest.fluxo, manifest.nr_sequencia_fluxo, result, received, accepted, len(rejects), in_review, now,
        manifest_hash, list(rejects),
    )  # fmt: skip


def refused(manifest: Manifest, manifest_hash: str, received: int, now: datetime, *, held: bool = False) -> Receipt:
    """Of a set of which nothing was applied. held: by a guard, until a person has decided."""
    return Receipt(
        manifest.fluxo, manifest.nr_sequencia_fluxo, "RETIDO" if held else "REJEITADO", received, 0,
        0 if held else received, received if held else 0, now, manifest_hash, [],
    )  # fmt: skip
