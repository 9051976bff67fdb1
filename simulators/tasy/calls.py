"""The calls of the REST interface, as a table: what each carries out. Tasy contract, sections 5 to 8."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

import msgspec

from simulators.tasy.guides import Refused, needed
from simulators.tasy.installation import Tasy, page

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call."""

    tasy: Tasy
    path: Mapping[str, str]
    query: Mapping[str, str]
    media_type: str
    body: bytes

    @property
    def json(self) -> Json:
        """The body. Raises Refused."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Refused(400, "PLS-4001", "JSON malformado", "FORMATO") from error

    @property
    def key(self) -> int:
        """The key in the path. Raises Refused."""
        text = self.path["key"]
        if not (text.isascii() and text.isdigit()):
            raise Refused(400, "PLS-4002", "Chave invalida", "FORMATO")
        return int(text)


Answer = tuple[int, Json]


def _eligibility(asked: Asked) -> Answer:
    return 200, asked.tasy.eligibility(asked.json, datetime.now())


def _submit(asked: Asked) -> Answer:
    guide = asked.json
    asked.tasy.member(guide)
    return asked.tasy.guides.submit(guide, datetime.now())


def _find(asked: Asked) -> Answer:
    provider = asked.query.get("nr_seq_prestador", "")
    if not (provider.isascii() and provider.isdigit()):
        raise Refused(400, "PLS-4002", "nr_seq_prestador invalido", "FORMATO")
    return 200, asked.tasy.guides.find(asked.query.get("cd_guia_prestador", ""), int(provider))


def _guide(asked: Asked) -> Answer:
    return 200, asked.tasy.guides.read(asked.key)


def _cancel(asked: Asked) -> Answer:
    needed(asked.json, "cd_motivo")
    return 200, asked.tasy.guides.cancel(asked.key)


def _attach(asked: Asked) -> Answer:
    parts = _multipart(asked)
    file = parts.get("arquivo")
    if file is None:
        raise Refused(400, "PLS-4002", "arquivo nao informado", "FORMATO", detalhes=[{"nm_campo": "arquivo"}])
    kind, sha256 = (_text(parts.get(name)) for name in ("cd_tipo_documento", "ds_sha256"))
    content = file.get_payload(decode=True)
    return 201, asked.tasy.guides.attach(
        asked.key, file.get_filename() or "", kind, file.get_content_type(),
        content if isinstance(content, bytes) else b"", sha256,
    )  # fmt: skip


def _review(asked: Asked) -> Answer:
    needed(asked.json, "ds_justificativa")
    return 202, asked.tasy.guides.review(asked.key)


def _directory(asked: Asked) -> Answer:
    return 200, asked.tasy.directory(asked.query) | {"dt_referencia": _now()}


def _provider(asked: Asked) -> Answer:
    return 200, asked.tasy.provider(asked.key)


def _protocol(asked: Asked) -> Answer:
    return 200, asked.tasy.bills.protocol(asked.path["key"])


def _bill(asked: Asked) -> Answer:
    return 200, asked.tasy.bills.bill(asked.key)


def _bills(asked: Asked) -> Answer:
    found = asked.tasy.bills.changed(asked.query.get("dt_atualizacao_de", ""))
    return 200, page(found, asked.query) | {"dt_referencia": _now()}


CALLS: tuple[tuple[str, str, Callable[[Asked], Answer]], ...] = (
    ("POST", "/beneficiarios/elegibilidade", _eligibility),
    ("POST", "/autorizacoes", _submit),
    ("GET", "/autorizacoes", _find),
    ("GET", "/autorizacoes/{key}", _guide),
    ("PUT", "/autorizacoes/{key}/cancelamento", _cancel),
    ("POST", "/autorizacoes/{key}/anexos", _attach),
    ("POST", "/autorizacoes/{key}/reanalise", _review),
    ("GET", "/prestadores", _directory),
    ("GET", "/prestadores/{key}", _provider),
    ("GET", "/protocolos/{key}", _protocol),
    ("GET", "/contas", _bills),
    ("GET", "/contas/{key}", _bill),
)
"""Method and path below the base path -> status and answer. Each raises Refused."""

TAGGED = "/prestadores"
"""Paths that begin so have an ETag."""


def _now() -> str:
    return datetime.now().replace(microsecond=0).isoformat()


def _multipart(asked: Asked) -> dict[str, Message]:
    """The parts of a form, by name. Raises Refused."""
    if not asked.media_type.startswith("multipart/form-data"):
        raise Refused(415, "PLS-4151", "Tipo de midia nao aceito", "FORMATO")
    message = message_from_bytes(b"Content-Type: " + asked.media_type.encode() + b"\r\n\r\n" + asked.body)
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            found[name] = part
    return found


def _text(part: Message | None) -> str:
    content = part.get_payload(decode=True) if part is not None else None
    return content.decode("utf-8", "replace").strip() if isinstance(content, bytes) else ""
