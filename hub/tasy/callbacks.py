"""What Tasy tells by itself: taken once it is durable, and never believed: what is true is asked for. Contract, 9.

`/tasy/v1/callbacks/{autorizacoes|contas|prestadores}/{sucesso|erro}`, signed by HMAC-SHA256 of the raw body.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg

from fhir_server.app import Asgi
from fhir_server.outcome import Issue, operation_outcome
from hub.ledger import Ledger, Rows, now
from hub.own_clients import AUTHORIZATION
from hub.tasy import authorization, claim_status, directory
from hub.tasy.parts import ACTOR, Parts
from hub.tasy.telling import wake
from mappings.errors import MappingError
from mappings.r4 import serialize
from mappings.tasy.names import CONTRACT, Names
from messages import queue, states, store
from messages.queue import Taken
from messages.states import State
from messages.store import INTERACTIVE, Incoming

PATH = "/tasy/v1/callbacks/"
KEYS: Mapping[str, str] = {
    "autorizacoes": "nr_seq_guia", "contas": "nr_protocolo", "prestadores": "nr_seq_prestador"
}  # fmt: skip
"""Kind -> which field of the body names the object."""
_ENTITIES: Mapping[str, str] = {
    "autorizacoes": "authorization-reply", "contas": "claim-status", "prestadores": "provider"
}  # fmt: skip
"""Kind -> what the body is, for an installation with names of its own."""
LARGEST = 2**20
_EVENT = re.compile(r"[A-Za-z0-9._:\-]{1,100}")
_ACTOR = "tasy"


class Callbacks:
    """Takes them; everything else goes on to `other`."""

    def __init__(self, ledger: Ledger, secret: str, other: Asgi, names: Names = CONTRACT) -> None:
        """names: of fields, as the installation has them."""
        self._ledger, self._secret, self._other, self._names = ledger, secret.encode(), other, names

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self._other(scope, receive, send)
            return
        kind, _, end = scope["path"].removeprefix(PATH).partition("/")
        if kind not in KEYS or end not in ("sucesso", "erro"):
            await _answer(send, 404, "not-found", "there is no such callback")
        elif scope["method"] != "POST":
            await _answer(send, 405, "not-supported", "callbacks are posted")
        else:
            status, code, text = await self._take(kind, end, dict(scope["headers"]), await _body(receive))
            await _answer(send, status, code, text)

    async def _take(
        self, kind: str, end: str, headers: Mapping[bytes, bytes], body: bytes | None
    ) -> tuple[int, str, str]:
        """Status, and code and text of an OperationOutcome."""
        if body is None:
            return 413, "too-long", f"a callback has at most {LARGEST} bytes"
        if not signed(self._secret, body, headers.get(b"x-assinatura", b"")):
            return 401, "login", "X-Assinatura does not fit the body"
        event = headers.get(b"x-evento-id", b"").decode("latin-1")
        sequence = headers.get(b"x-evento-seq", b"").decode("latin-1")
        if not _EVENT.fullmatch(event):
            return 400, "required", "X-Evento-Id is missing, or is none"
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 16):
            return 400, "required", "X-Evento-Seq is missing, or is no number"
        key = key_of(kind, body, self._names)
        if key is None:
            return 400, "value", f"{KEYS[kind]} is missing in the body"
        try:
            new = await self._ledger(
                lambda connection: self._store(connection, f"{kind}/{key}", end, event, int(sequence), body)
            )
        except psycopg.OperationalError:
            return 503, "transient", "it cannot be stored just now; send it again"
        return 202, "informational", "taken" if new else "it was here before"

    def _store(self, connection: Rows, subject: str, end: str, event: str, sequence: int, body: bytes) -> bool:
        """Stores it, durably; whether it is new."""
        moment = now()
        with connection.transaction():
            before = connection.execute(
                "select max(sequence) from messages.callback where subject = %s", (subject,)
            ).fetchone()
            mine = connection.execute(
                "insert into messages.callback (event, subject, sequence, received) values (%s, %s, %s, %s)"
                " on conflict (event) do nothing returning event", (event, subject, sequence, moment),
            ).fetchone()  # fmt: skip
            if mine is None:
                return False
            last = before[0] if before else None
            gap = last is not None and sequence > last + 1
            incoming = Incoming(
                "callback", f"{subject}/{end}/{event}", body, order_key=subject, lane=INTERACTIVE, due=moment,
                reason=f"gap: {last} is followed by {sequence}" if gap else None,
            )  # fmt: skip
            store.receive(connection, self._ledger.sealing, incoming, _ACTOR, moment)
            wake(connection)
        return True


async def follow(parts: Parts, taken: Taken) -> None:
    """Asks Tasy for the object that a callback is about, gap or not, and brings the record to that.

    Raises MappingError, PartnerRefused, PartnerUnavailable, FhirRefused.
    """
    kind, key = taken.business_key.split("/")[:2]
    if kind == "autorizacoes":
        applied = await _guide(parts, int(key), taken)
    elif kind == "contas":
        applied = await claim_status.refresh(parts, key, taken.correlation)
    else:
        applied = await directory.refresh(parts, int(key))
    await parts.ledger(
        lambda connection: queue.done(
            connection, taken, states.way(taken.state, State.ENTREGUE), ACTOR, now(), applied=applied
        )
    )


async def _guide(parts: Parts, key: int, taken: Taken) -> list[str]:
    said = await parts.tasy.state(key)
    number = f"{parts.site.systems.sid('tasy/guia')}|{key}"
    async for response in parts.record[AUTHORIZATION].search("ClaimResponse", {"identifier": number}):
        await authorization.refresh(parts, response, said, taken.correlation)
        return [f"ClaimResponse/{response['id']}"]
    raise MappingError("nr_seq_guia", "is of no ClaimResponse in the record")


def signed(secret: bytes, body: bytes, signature: bytes) -> bool:
    """Whether a signature, in hexadecimal, is that of a body; in constant time."""
    return hmac.compare_digest(hmac.new(secret, body, hashlib.sha256).hexdigest().encode(), signature.strip().lower())


def key_of(kind: str, body: bytes, names: Names = CONTRACT) -> str | None:
    """What names the object in the body of a callback; None: nothing does."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    name = names.sent.get(_ENTITIES[kind], {}).get(KEYS[kind], KEYS[kind])
    key = said.get(name) if isinstance(said, dict) else None
    if isinstance(key, bool) or not isinstance(key, int | str):
        return None
    return str(key) if re.fullmatch(r"[A-Za-z0-9]{1,40}" if kind == "contas" else r"[0-9]{1,10}", str(key)) else None


async def _body(receive: Any) -> bytes | None:
    """The whole body; None: it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        size += len(message.get("body", b""))
        if size > LARGEST:
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Any, status: int, code: str, text: str) -> None:
    severity = "information" if status < 400 else "error"
    body = serialize(operation_outcome([Issue(code, text, severity=severity)]))
    headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
