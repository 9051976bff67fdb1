"""The ERP tells by itself what became of guides, bills, providers: signed, numbered, until it is taken. Contract, 9."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import msgspec

from simulators.tasy.dialect import Dialect

Json = dict[str, Any]

PATHS = {"autorizacoes": "nr_seq_guia", "contas": "nr_protocolo", "prestadores": "nr_seq_prestador"}
"""What is told of, and what names it in its payload."""
TROUBLES: dict[str, str] = {
    "gap": "a number of the object's sequence is left out",
    "twice": "the same event is posted again",
    "signature": "the signature is that of another secret",
}
PAUSES = (0.2, 1.0, 5.0, 20.0)
"""Seconds before each further try."""


class NotTaken(RuntimeError):
    """Nobody took a callback, or it was refused."""


@dataclass(frozen=True, slots=True)
class Told:
    """A callback that was posted: where, under which number, and the last status."""

    event: str
    sequence: int
    status: int


class Callbacks:
    """Posts them to one hub."""

    def __init__(
        self, url: str, secret: str, verify: ssl.SSLContext | bool = True, dialect: Dialect | None = None
    ) -> None:
        """url: of the hub, without path; verify: how its certificate is judged, and ours shown;
        dialect: names of its own.
        """
        self._dialect = dialect or Dialect()
        self._url, self._secret, self._verify = url.rstrip("/"), secret.encode(), verify
        self.sequences: dict[str, int] = {}

    async def tell(self, kind: str, payload: Json, end: str = "sucesso", trouble: str = "") -> Told:
        """Posts one, again until it is taken. kind: of `PATHS`; end: sucesso or erro. Raises NotTaken."""
        subject = f"{kind}/{payload[PATHS[kind]]}"
        sequence = self.sequences.get(subject, 0) + (2 if trouble == "gap" else 1)
        self.sequences[subject] = sequence
        body = msgspec.json.encode(self._dialect.says(payload))
        secret = b"another" if trouble == "signature" else self._secret
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Evento-Id": str(uuid4()),
            "X-Evento-Seq": str(sequence),
            "X-Assinatura": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        }
        url = f"{self._url}/tasy/v1/callbacks/{kind}/{end}"
        async with httpx2.AsyncClient(verify=self._verify, timeout=10) as client:
            status = await self._posted(client, url, body, headers)
            if trouble == "twice":
                status = await self._posted(client, url, body, headers)
        return Told(headers["X-Evento-Id"], sequence, status)

    @staticmethod
    async def _posted(client: httpx2.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> int:
        why = ""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            try:
                answer = await client.post(url, content=body, headers=headers)
            except httpx2.TransportError as error:
                why = type(error).__name__
                continue
            if answer.status_code == 202:
                return 202
            if answer.status_code < 500:
                raise NotTaken(f"the hub answered {answer.status_code}")
            why = str(answer.status_code)
        raise NotTaken(f"nobody took it: {why}")
