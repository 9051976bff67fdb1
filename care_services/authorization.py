"""Authorizations: what a Claim asks of the ERP, and how the ClaimResponse follows. Contract 3 and 6. Pure.

A Claim of use preauthorization has one ClaimResponse from the moment it is there: queued, with a protocol number; what
the ERP says later changes that one. https://hl7.org/fhir/R4/claimresponse.html
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mappings.errors import MappingError
from mappings.identifiers import code_of, value_of
from mappings.tasy.eligibility import denial
from mappings.tasy.records import Reason
from mappings.tasy.site import Site

Json = Any

SUBMIT, CANCEL, ATTACH, REVIEW = "", "cancelamento", "anexo", "reanalise"
MEDIA_TYPES = frozenset({"application/pdf", "image/jpeg", "image/png", "application/xml", "text/xml"})
LARGEST = 10 * 2**20
"""Bytes of a document."""
BY_REQUESTER = "2"
"""Why a guide is cancelled, where its Claim does not say: whoever asked for it wants it no longer."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that is asked of the ERP about a guide."""

    key: str
    """Number of the guide, and what is asked: HUB26000000123, HUB26000000123/anexo/1."""
    body: Json = field(repr=False)
    """The Claim, or the part of it that is asked about."""


def orders(claim: Json, site: Site) -> Iterator[Order]:
    """What a version of a Claim asks for, in the order in which it must arrive.

    Raises MappingError: it has no number of a guide.
    """
    guide = value_of(claim, site.systems.sid("guia-prestador"))
    if guide is None:
        raise MappingError("Claim.identifier", "has no number of the provider's guide")
    if claim["status"] in ("cancelled", "entered-in-error"):
        yield Order(f"{guide}/{CANCEL}", {"claim": claim["id"], "reason": _reason(claim, site)})
    elif claim["status"] == "active":
        yield Order(guide, claim)
        for one in claim.get("supportingInfo", ()):
            kind = code_of(one.get("code"), site.systems.codes("tipo-documento"))
            if kind and ("valueAttachment" in one or "valueReference" in one):
                yield Order(f"{guide}/{ATTACH}/{one['sequence']}", {"claim": claim["id"], "kind": kind, "info": one})
        again = _extension(claim, "reanalise", site).get("valueString")
        if again:
            yield Order(f"{guide}/{REVIEW}", {"claim": claim["id"], "reason": again})


def asked(key: str) -> str:
    """What the key of an order asks: SUBMIT, CANCEL, ATTACH or REVIEW."""
    parts = key.split("/")
    return parts[1] if len(parts) > 1 and parts[1] in (CANCEL, ATTACH, REVIEW) else SUBMIT


def member(claim: Json) -> str:
    """The key within which orders keep their order: the patient."""
    return str(claim["patient"].get("reference") or claim["id"])


def queued(claim: Json, protocol: str, site: Site, now: datetime) -> Json:
    """The ClaimResponse of a Claim that was only just taken. now: with zone."""
    return {
        "resourceType": "ClaimResponse",
        "identifier": [{"use": "official", "system": site.systems.sid("protocolo"), "value": protocol}],
        "status": "active",
        "type": claim["type"],
        "use": "preauthorization",
        "patient": claim["patient"],
        "created": now.replace(microsecond=0).isoformat(),
        "insurer": site.insurer(),
        **({"requestor": claim["provider"]} if "provider" in claim else {}),
        "request": {"reference": f"Claim/{claim['id']}"},
        "outcome": "queued",
        "disposition": "Recebido, aguarda envio.",
    }


def refused(current: Json, reasons: Sequence[str], site: Site, why: str) -> Json:
    """The ClaimResponse of a guide that cannot be submitted as it is. why: for people, without a value."""
    codes = [{"code": denial(Reason(cd_motivo_tiss=one), site)} for one in reasons]
    return {
        **current,
        "outcome": "error",
        "disposition": why,
        "error": codes or [{"code": {"text": why}}],
    }


def cancelled(current: Json) -> Json:
    """The ClaimResponse of a guide that was withdrawn before the ERP had it."""
    return {**current, "status": "cancelled", "outcome": "complete", "disposition": "Cancelado."}


def following(current: Json, decided: Json) -> Json | None:
    """The ClaimResponse as it is to be stored: what was decided, under the numbers given so far; None: nothing new."""
    known = {(one.get("system"), one.get("value")) for one in current.get("identifier", ())}
    numbers = [one for one in decided.get("identifier", ()) if (one.get("system"), one.get("value")) not in known]
    merged = {
        **decided,
        "id": current["id"],
        "identifier": [*current.get("identifier", ()), *numbers],
        "request": current["request"],
    }
    if decided.get("outcome") == "queued" and current.get("outcome") == "queued":
        merged["created"] = current["created"]  # nothing was decided: it is no newer than it was
    return None if _said(merged) == _said(current) else merged


def guide_key(response: Json, site: Site) -> int | None:
    """Tasy's number of the guide that a ClaimResponse is about; None: it has none yet."""
    value = value_of(response, site.systems.sid("tasy/guia"))
    return int(value) if value is not None and value.isdecimal() else None


def attachment(info: Json, content: bytes | None) -> tuple[str, str, bytes]:
    """Name, media type and content of a document. content: of what `valueReference` refers to, if that was read.

    Raises MappingError: of no type that is taken, or too large.
    """
    stated = info.get("valueAttachment", {})
    element = f"supportingInfo[{info['sequence']}].valueAttachment"
    if content is None:
        try:
            content = b64decode(stated["data"], validate=True)
        except KeyError:
            raise MappingError(f"{element}.data", "is missing") from None
        except Error:
            raise MappingError(f"{element}.data", "is no base64") from None
    kind = stated.get("contentType", "")
    if kind not in MEDIA_TYPES:
        raise MappingError(f"{element}.contentType", "is none of PDF, JPEG, PNG and XML")
    if len(content) > LARGEST:
        raise MappingError(f"{element}.data", "is larger than 10 MB")
    return f"documento-{info['sequence']}", kind, content


def _reason(claim: Json, site: Site) -> str:
    return _extension(claim, "motivo-cancelamento", site).get("valueCode") or BY_REQUESTER


def _extension(resource: Json, name: str, site: Site) -> Json:
    url = site.systems.extension(name)
    return next((one for one in resource.get("extension", ()) if one["url"] == url), {})


def _said(response: Json) -> Json:
    return {name: value for name, value in response.items() if name not in ("meta", "text")}
