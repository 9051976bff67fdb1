"""Authorizations as Tasy keeps them: what is submitted, decided, cancelled, looked up. Tasy contract, section 6."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]

APPROVED_AT_ONCE = ("1", "2", "4")
"""First digits of TUSS codes that are authorised at once; others wait for a person."""


class Refused(Exception):
    """A refusal: HTTP status, code, and what else its body has."""

    def __init__(self, status: int, code: str, text: str, kind: str = "NEGOCIO", **more: Any) -> None:
        super().__init__(code)
        self.status, self.body = status, {"cd_erro": code, "ds_erro": text, "ie_tipo": kind, "ie_reenviar": "N", **more}


class Guides:
    """All guides, and what was answered to which idempotency key."""

    def __init__(self) -> None:
        self.by_key: dict[int, Json] = {}
        self._by_number: dict[tuple[str, int], int] = {}
        self._answered: dict[str, tuple[bytes, int, Json]] = {}
        """Idempotency key: body, status, answer."""

    def replay(self, key: str, body: bytes) -> tuple[int, Json] | None:
        """What was answered to the same key and body before. Raises Refused: the same key with another body."""
        found = self._answered.get(key)
        if found is None:
            return None
        if found[0] != body:
            raise Refused(409, "PLS-4092", "Chave de idempotencia reutilizada", "CONFLITO")
        return found[1], found[2]

    def remember(self, key: str, body: bytes, status: int, answer: Json) -> None:
        """Keeps an answer for the next call with this key."""
        self._answered[key] = body, status, answer

    def submit(self, asked: Json, now: datetime) -> tuple[int, Json]:
        """201 with a decision, or 202 while a person looks. Raises Refused."""
        number = asked["cd_guia_prestador"], asked["solicitante"]["nr_seq_prestador"]
        if number in self._by_number:
            there = self._by_number[number]
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
        self.by_key[key], self._by_number[number] = guide, key
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
        for item in guide["itens"]:
            item.update(ie_status="C", qt_autorizada=0)
        guide.update(cd_status="6", cd_senha=None)
        return guide

    def read(self, key: int) -> Json:
        """Raises Refused."""
        if key not in self.by_key:
            raise Refused(404, "PLS-4041", "Guia nao localizada")
        return self.by_key[key]

    def find(self, number: str, provider: int) -> Json:
        """By the provider's number. Raises Refused."""
        return self.read(self._by_number.get((number, provider), 0))

    @staticmethod
    def _state(guide: Json, now: datetime) -> None:
        states = {item["ie_status"] for item in guide["itens"]}
        whole = all(item["qt_autorizada"] == item["qt_solicitada"] for item in guide["itens"])
        guide["cd_status"] = "2" if "A" in states else "3" if states == {"N"} else "1" if whole else "7"
        if guide["cd_status"] in ("1", "7"):
            guide.update(
                cd_senha=f"A{guide['nr_seq_guia'] % 10**6:06d}",
                dt_autorizacao=now.replace(microsecond=0).isoformat(),
                dt_validade_senha=(now + timedelta(days=30)).date().isoformat(),
            )
