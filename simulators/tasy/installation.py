"""One simulated installation: its plan, tokens, guides, and what goes wrong in it. Tasy contract, 2, 3, 5, 7."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from simulators.tasy.bills import Bills
from simulators.tasy.guides import Guides, Refused, needed
from simulators.tasy.population import Plan
from simulators.tasy.troubles import Trouble

Json = dict[str, Any]

CALLS_A_MINUTE = 1000


@dataclass(slots=True)
class Seen:
    """A call."""

    method: str
    path: str
    status: int = 0
    """0: no answer, or none yet."""


class Tasy:
    """The state of one simulated installation."""

    def __init__(self, plan: Plan, client_id: str, client_secret: str, *, lifetime: float = 3600) -> None:
        """lifetime: seconds of a token."""
        self.plan, self.guides = plan, Guides()
        self.bills = Bills()
        self.troubles: list[Trouble] = []
        self.calls: list[Seen] = []
        self.credentials, self._lifetime = (client_id, client_secret), lifetime
        self._tokens: dict[str, tuple[float, str]] = {}
        """Token: until when, and the certificate it is bound to."""
        self._recent: deque[float] = deque()
        self._members: dict[str, dict[str, Json]] = {}
        self.renew(plan.members)
        self._providers = {one["nr_seq_prestador"]: one for one in plan.providers}

    def renew(self, members: list[Json]) -> None:
        """The plan has these members now."""
        self.plan.members = members
        self._members = {
            name: {value: member for member in members if (value := member[part].get(name))}
            for part, name in (
                ("carteira", "cd_usuario_plano"), ("segurado", "nr_cpf"), ("segurado", "nr_cartao_nac_sus")
            )
        }  # fmt: skip

    def token(self, credentials: tuple[str, str], certificate: str, now: float) -> Json:
        """A token bound to a certificate. Raises Refused."""
        if not secrets.compare_digest(":".join(credentials), ":".join(self.credentials)):
            raise Refused(401, "PLS-4011", "Credenciais invalidas", "SEGURANCA")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = now + self._lifetime, certificate
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._lifetime}

    def admit(self, authorization: str, certificate: str, now: float) -> None:
        """Raises Refused: no token, an old one, another's; too many calls."""
        until, bound = self._tokens.get(authorization.removeprefix("Bearer "), (0.0, ""))
        if until < now:
            raise Refused(401, "PLS-4011", "Token expirado", "SEGURANCA")
        if bound != certificate:
            raise Refused(401, "PLS-4012", "Certificado nao confere", "SEGURANCA")
        if self.left(now) <= 0:
            raise Refused(429, "PLS-4291", "Limite excedido", "TRANSITORIO")
        self._recent.append(now)

    def left(self, now: float) -> int:
        """Calls that may still be made in this minute."""
        while self._recent and self._recent[0] < now - 60:
            self._recent.popleft()
        return CALLS_A_MINUTE - len(self._recent)

    def revoke(self) -> None:
        """All tokens end."""
        self._tokens.clear()

    def trouble(self, path: str) -> Trouble | None:
        """The trouble that a call meets, counted off."""
        for one in self.troubles:
            if one.meets(path):
                one.times -= 1
                return one
        return None

    def member(self, asked: Json) -> Json:
        """The member asked for: the card wins. Raises Refused."""
        for name, known in self._members.items():
            value = asked.get(name)
            if value:
                found = known.get(value)
                if found is None:
                    break
                return found
        field = next((name for name in self._members if asked.get(name)), "cd_usuario_plano")
        detail = {"nm_campo": field, "vl_informado": "***", "cd_motivo_tiss": "1001"}
        raise Refused(422, "PLS-4221", "Beneficiario nao localizado", detalhes=[detail])

    def eligibility(self, asked: Json, now: datetime) -> Json:
        """The answer to RT-1. Raises Refused."""
        needed(asked, "dt_atendimento")
        member = self.member(asked)
        who, day = member["segurado"], date.fromisoformat(asked["dt_atendimento"][:10])
        limit = who.get("dt_limite_utilizacao")
        good = (
            who["ie_situacao"] in ("A", "R")
            and member["carteira"]["dt_validade_carteira"] >= day.isoformat()
            and (
                who.get("dt_rescisao") is None
                or who["dt_rescisao"] > day.isoformat()
                or (limit or "") >= day.isoformat()
            )
        )
        return {
            "ie_elegivel": "S" if good else "N",
            "dt_consulta": now.replace(microsecond=0).isoformat(),
            "nr_protocolo": f"999997{now:%Y%m%d}{len(self.calls):06d}",
            **{part: deepcopy(member[part]) for part in ("segurado", "carteira", "plano", "carencias")},
            "itens": [
                {
                    "nr_item": one["nr_item"],
                    "ie_cobertura": "S",
                    "ie_exige_autorizacao": "S",
                    "ie_dut": "N",
                    "motivos": [],
                }
                for one in asked.get("procedimentos", ())
            ],
            "motivos": [] if good else [{"cd_motivo_tiss": "1012", "ds_motivo": "CONTRATO NAO VIGENTE"}],
        }

    def directory(self, query: Mapping[str, str]) -> Json:
        """A page of RT-3. Raises Refused."""
        product = query.get("nr_seq_plano", "")
        return page(
            [
                one
                for one in self.plan.providers
                if one["dt_atualizacao"] >= query.get("dt_atualizacao_de", "")
                and query.get("ie_situacao", one["ie_situacao"]) == one["ie_situacao"]
                and _any(query.get("cd_municipio_ibge"), one["enderecos"], "cd_municipio_ibge")
                and _any(query.get("cd_especialidade"), one["especialidades"], "cd_cbo")
                and (not product or any(str(each["nr_seq_plano"]) == product for each in one["planos"]))
            ],
            query,
        )

    def provider(self, key: int) -> Json:
        """Raises Refused."""
        if key not in self._providers:
            raise Refused(404, "PLS-4042", "Prestador nao localizado")
        return self._providers[key]


def _any(wanted: str | None, rows: list[Json], name: str) -> bool:
    return not wanted or any(one[name] == wanted for one in rows)


def page(found: list[Json], query: Mapping[str, str]) -> Json:
    """A page of a list. Raises Refused: a limit or cursor that is none."""
    try:
        limit, start = min(500, int(query.get("limite", "100"))), int(query.get("cursor") or 0)
    except ValueError:
        limit = start = -1
    if limit < 1 or start < 0:
        raise Refused(400, "PLS-4002", "limite ou cursor invalido", "FORMATO")
    end = start + limit
    return {"itens": found[start:end], "cursor_proximo": str(end) if end < len(found) else None}
