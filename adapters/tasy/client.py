"""What the hub asks of Tasy: eligibility, authorizations, the directory, bills. Tasy contract, sections 5 to 8.

Each returns the bytes that came, for whoever stores and maps them, and raises PartnerUnavailable or PartnerRefused.
`seconds` is the caller's patience, tries and waits included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx2
import msgspec

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tasy.lanes import BACKGROUND, INTERACTIVE, URGENT
from adapters.tasy.wire import TRIES, Answer, Call, Flow, NobodyKnows, Wire
from mappings.tasy.records import AuthorizationRequest, EligibilityRequest

ELIGIBILITY = Flow("eligibility", 2, 5)
AUTHORIZATION = Flow("authorization", 2, 15)
DIRECTORY = Flow("directory", 2, 30)
CLAIM_STATUS = Flow("claim-status", 2, 10)
FLOWS = (ELIGIBILITY, AUTHORIZATION, DIRECTORY, CLAIM_STATUS)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document of a guide."""

    name: str
    media_type: str
    """PDF, JPEG, PNG or XML."""
    content: bytes = field(repr=False)


class Tasy:
    """Tasy, by a wire of the same process."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._now = wire, asyncio.get_running_loop().time

    async def eligibility(
        self,
        asked: EligibilityRequest,
        *,
        lane: int = INTERACTIVE,
        seconds: float = 10,
        correlation: UUID | None = None,
    ) -> bytes:
        """RT-1. It changes nothing over there, so it may be sent again."""
        call = Call(
            ELIGIBILITY, lane, "POST", "/beneficiarios/elegibilidade",
            body=sent(asked), entity="eligibility-request", key=uuid4(), correlation=correlation,
        )  # fmt: skip
        return (await self._wire.send(call, self._now() + seconds)).body

    async def submit(
        self, guide: AuthorizationRequest, key: UUID, *, seconds: float = 60, correlation: UUID | None = None
    ) -> bytes:
        """RT-2: the state of a guide after it was submitted once, however often this is called.

        key: the same for each call with the same guide. Where nobody knows whether it arrived,
        it is looked up before it is sent again.
        """
        deadline = self._now() + seconds
        call = Call(
            AUTHORIZATION, URGENT if guide.ie_carater == "U" else INTERACTIVE, "POST", "/autorizacoes",
            body=sent(guide), entity="authorization-request", key=key, correlation=correlation, repeatable=False,
        )  # fmt: skip
        for _ in range(TRIES):
            try:
                return (await self._wire.send(call, deadline)).body
            except NobodyKnows:
                found = await self._guide(
                    guide.cd_guia_prestador, guide.solicitante.nr_seq_prestador, call.lane, deadline
                )
                if found is not None:
                    return found
            except PartnerRefused as refusal:
                if refusal.issue != "duplicate" or refusal.key is None:
                    raise
                there = Call(
                    AUTHORIZATION, call.lane, "GET", "/autorizacoes/{nr_seq_guia}",
                    parameters={"nr_seq_guia": refusal.key}, correlation=correlation,
                )  # fmt: skip
                return (await self._wire.send(there, deadline)).body
        raise PartnerUnavailable("no answer in time")

    async def guide(self, number: str, provider: int, *, seconds: float = 30) -> bytes | None:
        """RT-2: the state of a guide by the provider's number; None: Tasy has none."""
        return await self._guide(number, provider, INTERACTIVE, self._now() + seconds)

    async def _guide(self, number: str, provider: int, lane: int, deadline: float) -> bytes | None:
        query = {"cd_guia_prestador": number, "nr_seq_prestador": str(provider)}
        try:
            return (await self._wire.send(Call(AUTHORIZATION, lane, "GET", "/autorizacoes", query), deadline)).body
        except PartnerRefused as refusal:
            if refusal.issue == "not-found":
                return None
            raise

    async def state(self, key: int, *, lane: int = INTERACTIVE, seconds: float = 30) -> bytes:
        """RT-2: the state of a guide by Tasy's number."""
        return await self._get(AUTHORIZATION, lane, "/autorizacoes/{nr_seq_guia}", seconds, nr_seq_guia=key)

    async def cancel(
        self, key: int, code: str, reason: str, *, seconds: float = 30, correlation: UUID | None = None
    ) -> bytes:
        """RT-2: the state of a guide after its cancellation; again is harmless."""
        body = msgspec.json.encode({"cd_motivo": code, "ds_motivo": reason})
        call = Call(
            AUTHORIZATION, INTERACTIVE, "PUT", "/autorizacoes/{nr_seq_guia}/cancelamento", body=body,
            entity="cancellation", parameters={"nr_seq_guia": key}, key=uuid4(), correlation=correlation,
        )  # fmt: skip
        return (await self._wire.send(call, self._now() + seconds)).body

    async def attach(
        self, key: int, kind: str, file: Attachment, idempotency: UUID, *, seconds: float = 60,
        correlation: UUID | None = None,
    ) -> bytes:  # fmt: skip
        """RT-2: adds a document to a guide, once for each idempotency key. kind: TISS's type of document."""
        says = {"cd_tipo_documento": kind, "ds_sha256": sha256(file.content).hexdigest()}
        carries = {"arquivo": (file.name, file.content, file.media_type)}
        names = self._wire.names
        form = httpx2.Request(
            "POST", "https://tasy", data=names.there("attachment", says), files=names.there("attachment", carries)
        )
        call = Call(
            AUTHORIZATION, INTERACTIVE, "POST", "/autorizacoes/{nr_seq_guia}/anexos", body=form.read(),
            parameters={"nr_seq_guia": key},
            headers={"Content-Type": form.headers["Content-Type"]}, key=idempotency, correlation=correlation,
        )  # fmt: skip
        return (await self._wire.send(call, self._now() + seconds)).body

    async def review(
        self, key: int, reason: str, idempotency: UUID, *, seconds: float = 30, correlation: UUID | None = None
    ) -> bytes:
        """RT-2: has a person look at a decision again; the state of the guide then."""
        call = Call(
            AUTHORIZATION, INTERACTIVE, "POST", "/autorizacoes/{nr_seq_guia}/reanalise",
            body=msgspec.json.encode({"ds_justificativa": reason}), entity="review", key=idempotency,
            parameters={"nr_seq_guia": key}, correlation=correlation,
        )  # fmt: skip
        return (await self._wire.send(call, self._now() + seconds)).body

    async def providers(self, query: Mapping[str, str], *, seconds: float = 60) -> bytes:
        """RT-3: a page of the directory. query: dt_atualizacao_de, cursor, limite, ..."""
        return await self._get(DIRECTORY, BACKGROUND, "/prestadores", seconds, query)

    async def provider(self, key: int, *, etag: str | None = None, seconds: float = 40) -> Answer:
        """RT-3: one provider; status 304 if it is still the one of that ETag."""
        headers = {"If-None-Match": etag} if etag else {}
        call = Call(
            DIRECTORY, INTERACTIVE, "GET", "/prestadores/{nr_seq_prestador}", headers=headers,
            parameters={"nr_seq_prestador": key},
        )  # fmt: skip
        return await self._wire.send(call, self._now() + seconds)

    async def protocol(self, number: str, *, seconds: float = 20) -> bytes:
        """RT-4: a protocol with its bills."""
        return await self._get(CLAIM_STATUS, INTERACTIVE, "/protocolos/{nr_protocolo}", seconds, nr_protocolo=number)

    async def bills(self, query: Mapping[str, str], *, seconds: float = 30) -> bytes:
        """RT-4: a page of the bills that changed. query: dt_atualizacao_de, cursor."""
        return await self._get(CLAIM_STATUS, BACKGROUND, "/contas", seconds, query)

    async def _get(
        self, flow: Flow, lane: int, path: str, seconds: float, query: Mapping[str, str] | None = None,
        **parameters: str | int,
    ) -> bytes:  # fmt: skip
        call = Call(flow, lane, "GET", path, query, parameters=parameters)
        return (await self._wire.send(call, self._now() + seconds)).body


def sent(record: msgspec.Struct) -> bytes:
    """A record as it is sent: what is not informed is left out."""
    source: dict[str, Any] = msgspec.to_builtins(record)
    return msgspec.json.encode({name: value for name, value in source.items() if value is not None})
