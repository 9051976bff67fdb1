"""Bills of authorised guides, and the protocols they come in: presented, looked at, paid. Tasy contract, section 8."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from simulators.tasy.guides import Refused

Json = dict[str, Any]

STATES = ("1", "2", "3", "6")
"""Of a protocol, one after the other: received, in analysis, allowed, paid."""
DENIED = 0.1
"""Of the items, in part."""


class Bills:
    """All protocols, and the bills in them."""

    def __init__(self) -> None:
        self.protocols: dict[str, Json] = {}
        self.by_key: dict[int, tuple[str, Json]] = {}
        """By key: number of the protocol, and the bill."""
        self.changed_at: dict[str, str] = {}
        self.billed: set[int] = set()
        self.keys, self.numbers = count(771_001), count(1)

    def present(self, guides: Iterable[Json], asked: dict[int, Json], now: datetime) -> list[str]:
        """Providers present bills of authorised guides that have none yet, a protocol for each; their numbers."""
        by_provider: dict[int, list[Json]] = {}
        for guide in guides:
            if guide["cd_status"] in ("1", "7") and guide["nr_seq_guia"] not in self.billed:
                request = asked[guide["nr_seq_guia"]]
                who = (request.get("executante") or request["solicitante"])["nr_seq_prestador"]
                by_provider.setdefault(who, []).append(guide)
                self.billed.add(guide["nr_seq_guia"])
        made = []
        for provider, found in by_provider.items():
            number = next(self.numbers)
            protocol: Json = {
                "nr_protocolo": f"PC{now:%Y%m}{number:07d}",
                "cd_status_protocolo": "1",
                "nr_lote": f"{number:06d}",
                "nr_seq_prestador": provider,
                "dt_envio": now.date().isoformat(),
                "dt_previsao_pagamento": (now + timedelta(days=30)).date().isoformat(),
                "contas": [self._bill(one, asked[one["nr_seq_guia"]]) for one in found],
            }
            self.protocols[protocol["nr_protocolo"]] = protocol
            self.by_key |= {one["nr_seq_conta"]: (protocol["nr_protocolo"], one) for one in protocol["contas"]}
            self._touch(protocol, now)
            made.append(protocol["nr_protocolo"])
        return made

    def advance(self, now: datetime) -> list[str]:
        """Each protocol comes to its next state; those that did."""
        moved = []
        for number, protocol in self.protocols.items():
            place = STATES.index(protocol["cd_status_protocolo"])
            if place + 1 < len(STATES):
                protocol["cd_status_protocolo"] = STATES[place + 1]
                self._touch(protocol, now)
                moved.append(number)
        return moved

    def protocol(self, number: str) -> Json:
        """Raises Refused."""
        if number not in self.protocols:
            raise Refused(404, "PLS-4043", "Protocolo nao localizado")
        return self.protocols[number]

    def bill(self, key: int) -> Json:
        """A bill, and the protocol it is in. Raises Refused."""
        if key not in self.by_key:
            raise Refused(404, "PLS-4043", "Conta nao localizada")
        number, bill = self.by_key[key]
        return {"nr_protocolo": number, "dt_atualizacao": self.changed_at[number], **bill}

    def changed(self, since: str) -> list[Json]:
        """Bills that changed since a time, that one included; the oldest change first."""
        found = sorted(
            (when, key) for key, (number, _) in self.by_key.items() if (when := self.changed_at[number]) >= since
        )
        return [self.bill(key) for _, key in found]

    def _touch(self, protocol: Json, now: datetime) -> None:
        self.changed_at[protocol["nr_protocolo"]] = now.replace(microsecond=0).isoformat()

    def _bill(self, guide: Json, asked: Json) -> Json:
        key = next(self.keys)
        random = Random(key)
        names = {one["nr_item"]: one for one in asked["itens"]}
        items = [
            _item(random, one, names[one["nr_item"]]["cd_procedimento"])
            for one in guide["itens"]
            if one["qt_autorizada"]
        ]
        presented, allowed = (sum(_cents(one[name]) for one in items) for name in ("vl_apresentado", "vl_liberado"))
        return {
            "nr_seq_conta": key,
            "cd_guia_prestador": asked["cd_guia_prestador"],
            "cd_senha": guide.get("cd_senha"),
            "vl_apresentado": _money(presented),
            "vl_liberado": _money(allowed),
            "vl_glosa": _money(presented - allowed),
            "vl_coparticipacao": _money(allowed // 10),
            "itens": items,
        }


def _item(random: Random, item: Json, code: str) -> Json:
    presented = random.randint(20, 900) * 100 * int(item["qt_autorizada"])
    denied = presented * random.choice((10, 25, 50)) // 100 if random.random() < DENIED else 0
    return {
        "nr_item": item["nr_item"],
        "cd_procedimento": code,
        "qt_apresentada": item["qt_autorizada"],
        "qt_liberada": item["qt_autorizada"],
        "vl_apresentado": _money(presented),
        "vl_liberado": _money(presented - denied),
        "glosas": [{"cd_motivo_tiss": "1705", "vl_glosa": _money(denied)}] if denied else [],
    }


def _cents(text: str) -> int:
    return int(text.replace(".", ""))


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
