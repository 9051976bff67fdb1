"""The envelope of a TISS message: who sends what to whom, its encoding, and the hash of its text.

TISS 4.01.00, component of communication; tissV4_01_00.xsd, mensagemTISS. The hash is the MD5 of the literal text of all
elements before it, in ISO-8859-1 (contract section 15).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mappings import check_digits
from mappings.errors import Fault, MappingError
from mappings.tiss.elements import NAMESPACE, Part, leaves, parsed, part

VERSIONS = ("4.00.01", "4.01.00")
"""In force side by side; the last one is written."""
ENCODING = "iso-8859-1"
_PROVIDER = ("CNPJ", "CPF", "codigoPrestadorNaOperadora")


@dataclass(frozen=True, slots=True)
class Header:
    """cabecalho. One of both sides is the plan, the other a provider."""

    kind: str
    """tipoTransacao: VERIFICA_ELEGIBILIDADE, SOLICITACAO_PROCEDIMENTOS, ..."""
    number: str
    registered: datetime
    """Local time."""
    plan: str
    """Its registration with ANS."""
    provider: tuple[str, str]
    """CNPJ, CPF or codigoPrestadorNaOperadora, and which."""
    to_plan: bool


def read(source: bytes) -> tuple[Header, Part, list[Fault]]:
    """Header and body of a message: the one element within prestadorParaOperadora or operadoraParaPrestador.

    Raises MappingError: no TISS message of a version in force, or its hash is another.
    """
    root = Part(parsed(source), "mensagemTISS")
    if root.element.tag != f"{{{NAMESPACE}}}mensagemTISS":
        raise MappingError("$", "is no mensagemTISS of the schemas' namespace")
    head = root.part("cabecalho")
    if head.text("Padrao") not in VERSIONS:
        raise MappingError("mensagemTISS.cabecalho.Padrao", f"is none of the versions in force: {', '.join(VERSIONS)}")
    faults = _hash_faults(root)
    to_plan = root.has("prestadorParaOperadora")
    direction = root.part("prestadorParaOperadora" if to_plan else "operadoraParaPrestador")
    bodies = list(direction.element)
    if len(bodies) != 1:
        raise MappingError(direction.path, "needs exactly one message")
    header = _header(head, to_plan)
    if reason := check_digits.wrong("ans-registration", header.plan):
        faults.append(Fault("mensagemTISS.cabecalho.registroANS", reason, "check-digit"))
    name = bodies[0].tag.rpartition("}")[2]
    return header, Part(bodies[0], name), faults


def _header(head: Part, to_plan: bool) -> Header:
    what = head.part("identificacaoTransacao")
    try:
        registered = datetime.fromisoformat(
            f"{what.text('dataRegistroTransacao')}T{what.text('horaRegistroTransacao')}"
        )
    except ValueError as error:
        raise MappingError(f"{what.path}.dataRegistroTransacao", "is no date, or its time none") from error
    origin, destination = head.part("origem"), head.part("destino")
    provider, plan = (origin, destination) if to_plan else (destination, origin)
    return Header(
        what.text("tipoTransacao"), what.text("sequencialTransacao"), registered.replace(tzinfo=None),
        plan.text("registroANS"), provider.part("identificacaoPrestador").choice(*_PROVIDER), to_plan,
    )  # fmt: skip


def text_of(root: Element) -> str:
    """The literal text of all elements that the hash is made of: not of the hash, nor of a signature."""
    skipped = {id(one) for name in (f"{{{NAMESPACE}}}epilogo", "{http://www.w3.org/2000/09/xmldsig#}Signature")
               for part in root.findall(name) for one in part.iter()}  # fmt: skip
    return "".join(one.text or "" for one in leaves(root) if id(one) not in skipped)


def _digest(text: str, encoding: str) -> str:
    return hashlib.md5(text.encode(encoding), usedforsecurity=False).hexdigest()


def _hash_faults(root: Part) -> list[Fault]:
    said, text = root.part("epilogo").text("hash").lower(), text_of(root.element)
    try:
        if said == _digest(text, ENCODING):
            return []
    except UnicodeEncodeError:
        pass  # then it can only be of UTF-8
    if said == _digest(text, "utf-8"):
        return [Fault("mensagemTISS.epilogo.hash", "is of the text in UTF-8, not in ISO-8859-1", "drift")]
    raise MappingError("mensagemTISS.epilogo.hash", "is not the MD5 of the message's text (5014)")


def write(header: Header, body: Element) -> bytes:
    """The message as it is sent. Raises MappingError: text that ISO-8859-1 does not have."""
    kind, number = header.provider
    plan = part("registroANS", header.plan)
    provider = part("identificacaoPrestador", part(kind, number))
    origin, destination = (provider, plan) if header.to_plan else (plan, provider)
    root = part(
        "mensagemTISS",
        part(
            "cabecalho",
            part(
                "identificacaoTransacao",
                part("tipoTransacao", header.kind),
                part("sequencialTransacao", header.number),
                part("dataRegistroTransacao", header.registered.date().isoformat()),
                part("horaRegistroTransacao", header.registered.time().isoformat("seconds")),
            ),
            part("origem", origin),
            part("destino", destination),
            part("Padrao", VERSIONS[-1]),
        ),
        part("prestadorParaOperadora" if header.to_plan else "operadoraParaPrestador", body),
    )
    for one in leaves(root):
        try:
            (one.text or "").encode(ENCODING)
        except UnicodeEncodeError as error:
            raise MappingError(one.tag.rpartition("}")[2], "has characters that ISO-8859-1 does not have") from error
    root.append(part("epilogo", part("hash", _digest(text_of(root), ENCODING))))
    ElementTree.register_namespace("ans", NAMESPACE)
    written: bytes = ElementTree.tostring(root, ENCODING)
    return written
