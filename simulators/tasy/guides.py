"""Authorizations as Tasy keeps them: what is submitted, decided, cancelled, looked up. Tasy contract, section 6."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]

APPROVED_AT_ONCE = ("1", "2", "4")
"""First digits of TUSS codes that are authorised at once; others wait for a person."""

OPEN = ("2", "4", "5")
"""States of a guide that is not decided: in analysis, waiting for grounds, for documents."""

AGAIN = ("PLS-4011", "PLS-4231", "PLS-4291", "PLS-5001", "PLS-5002", "PLS-5031", "PLS-5041")
"""Errors after which the same call may be sent again."""
LARGEST = 10 * 2**20
"""Bytes of an attachment."""
MEDIA_TYPES = ("application/pdf", "image/jpeg", "image/png", "application/xml", "text/xml")


class Refused(Exception):
    """A refusal: HTTP status, code, and what else its body has."""

    def __init__(self, status: int, code: str, text: str, kind: str = "NEGOCIO", **more: Any) -> None:
        super().__init__(code)
        again = "S" if code in AGAIN else "N"
        self.status = status
        self.body = {"cd_erro": code, "ds_erro": text, "ie_tipo": kind, "ie_reenviar": again, **more}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document of a guide."""

    name: str
    kind: str
    """TISS type of document."""
    sha256: str
    size: int


class Guides:
    """All guides, and what was answered to which idempotency key."""

    def __init__(self) -> None:
        self.by_key: dict[int, Json] = {}
        self.asked: dict[int, Json] = {}
        """What was submitted, by the guide's key."""
        self.attachments: dict[int, list[Attachment]] = {}
        self.by_number: dict[tuple[str, int], int] = {}
        self.answered: dict[str, tuple[bytes, int, Json]] = {}
        """Idempotency key: body, status, answer."""

    def replay(self, key: str, body: bytes) -> tuple[int, Json] | None:
        """What was answered to the same key and body before. Raises Refused: the same key with another body."""
        found = self.answered.get(key)
        if found is None:
            return None
        if found[0] != body:
            raise Refused(409, "PLS-4092", "Chave de idempotencia reutilizada", "CONFLITO")
        return found[1], found[2]

    def remember(self, key: str, body: bytes, status: int, answer: Json) -> None:
        """Keeps an answer for the next call with this key."""
        self.answered[key] = body, status, answer

    def submit(self, asked: Json, now: datetime) -> tuple[int, Json]:
        """201 with a decision, or 202 while a person looks. Raises Refused."""
        needed(asked, "cd_guia_prestador", "solicitante", "itens")
        needed(asked["solicitante"], "nr_seq_prestador")
        for item in asked["itens"]:
            needed(item, "nr_item", "cd_procedimento", "qt_solicitada")
        number = asked["cd_guia_prestador"], asked["solicitante"]["nr_seq_prestador"]
        if number in self.by_number:
            there = self.by_number[number]
            raise Refused(409, "PLS-4091", "Guia ja cadastrada", "CONFLITO", nr_seq_guia=there)
        key = 5_500_000 + len(self.by_key) + 1
        items = [
            {
                "nr_item": item["nr_item"],
                "ie_status": "S" if item["cd_procedimento"].startswith(APPROVED_AT_ONCE) else "A",
                "qt_solicitada": item["qt_solicitada"],
                "qt_autorizada": item["qt_solicitada"] if item["cd_procedimento"].startswith(APPROVED_AT_ONCE) else 0,
                "motivos": [],
            }
            for item in asked["itens"]
        ]
        guide = {
            "nr_seq_guia": key,
            "cd_guia_operadora": f"{now:%Y%m%d}{key}",
            "nr_protocolo": f"999997{now:%Y%m%d}{key:06d}",
            "dt_limite_resposta": (now + timedelta(days=7)).date().isoformat(),
            "ie_analise_humana": "N",
            "nm_auditor": None,
            "itens": items,
        }
        self._state(guide, now)
        self.by_key[key], self.by_number[number], self.asked[key] = guide, key, asked
        return (201 if guide["cd_status"] in ("1", "7") else 202), guide

    def decide(self, key: int, decisions: dict[int, tuple[str, int, list[Json]]], auditor: str, now: datetime) -> Json:
        """A person decides items: status, quantity, reasons by item number. Raises Refused."""
        guide = self.read(key)
        for item in guide["itens"]:
            if item["nr_item"] in decisions:
                item["ie_status"], item["qt_autorizada"], item["motivos"] = decisions[item["nr_item"]]
        guide.update(ie_analise_humana="S", nm_auditor=auditor)
        self._state(guide, now)
        return guide

    def cancel(self, key: int) -> Json:
        """Again is harmless. Raises Refused."""
        guide = self.read(key)
        if guide["cd_status"] == "3":
            raise Refused(409, "PLS-4093", "Situacao nao permite cancelamento", "CONFLITO")
        for item in guide["itens"]:
            item.update(ie_status="C", qt_autorizada=0)
        guide.update(cd_status="6", cd_senha=None)
        return guide

    def attach(self, key: int, name: str, kind: str, media_type: str, content: bytes, sha256: str) -> Json:
        """Adds a document, and says so. Raises Refused."""
        self.read(key)
        if len(content) > LARGEST:
            raise Refused(413, "PLS-4131", "Anexo maior que 10 MB", "FORMATO")
        if media_type not in MEDIA_TYPES:
            raise Refused(415, "PLS-4151", "Tipo de midia nao aceito", "FORMATO")
        if not kind or hashlib.sha256(content).hexdigest() != sha256.lower():
            raise Refused(400, "PLS-4002", "cd_tipo_documento ou ds_sha256 invalido", "FORMATO")
        found = self.attachments.setdefault(key, [])
        found.append(Attachment(name, kind, sha256.lower(), len(content)))
        return {"nr_seq_guia": key, "nr_seq_anexo": len(found), "cd_tipo_documento": kind, "ds_sha256": sha256.lower()}

    def review(self, key: int) -> Json:
        """Has a person look again at what was denied. Raises Refused."""
        guide = self.read(key)
        denied = [item for item in guide["itens"] if item["ie_status"] in ("N", "M", "D")]
        if not denied:
            raise Refused(409, "PLS-4093", "Nada foi negado", "CONFLITO")
        for item in denied:
            item.update(ie_status="U", motivos=[])
        guide.update(ie_analise_humana="S", cd_status="2")
        return guide

    def read(self, key: int) -> Json:
        """Raises Refused."""
        if key not in self.by_key:
            raise Refused(404, "PLS-4041", "Guia nao localizada")
        return self.by_key[key]

    def find(self, number: str, provider: int) -> Json:
        """By the provider's number. Raises Refused."""
        return self.read(self.by_number.get((number, provider), 0))

    @staticmethod
    def _state(guide: Json, now: datetime) -> None:
        states = {item["ie_status"] for item in guide["itens"]}
        whole = all(item["qt_autorizada"] == item["qt_solicitada"] for item in guide["itens"])
        guide["cd_status"] = "2" if states & {"A", "U"} else "3" if states == {"N"} else "1" if whole else "7"
        if guide["cd_status"] in ("1", "7"):
            guide.update(
                cd_senha=f"A{guide['nr_seq_guia'] % 10**6:06d}",
                dt_autorizacao=now.replace(microsecond=0).isoformat(),
                dt_validade_senha=(now + timedelta(days=30)).date().isoformat(),
            )


def needed(asked: Json, *names: str) -> None:
    """Raises Refused: one of these is not informed, or what is asked is no object."""
    for name in names:
        if not isinstance(asked, dict) or asked.get(name) in (None, "", []):
            raise Refused(400, "PLS-4002", f"{name} nao informado", "FORMATO", detalhes=[{"nm_campo": name}])
