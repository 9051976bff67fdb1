"""TISS 4.01.00, how providers and plans speak to each other in Brazil <-> FHIR R4. Pure: values in, values out.

`ENTITIES` is the table from which `hub map` and its cases pick; those whose name ends in `-message` write XML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mappings import r4
from mappings.errors import Fault, MappingError
from mappings.tasy.site import Site
from mappings.tasy.times import instant
from mappings.tiss.authorization_reply import to_answer, to_claim_response
from mappings.tiss.authorization_request import to_claim, to_guide
from mappings.tiss.elements import Part, parsed
from mappings.tiss.eligibility import to_eligibility_request, to_eligibility_response, to_receipt, to_verification
from mappings.tiss.message import Header, read, write

Json = Any
Beside = Mapping[str, Json]
"""What a mapping needs beside its source: `asked` (the resource that was answered), `reference` (to it), `patient`; and
of a message that is written `number`, `now` (local time), `provider` (the plan's number of it)."""
Mapped = tuple[list[Json], list[Fault]]


def _body(source: bytes, *names: str) -> tuple[Header, Part, list[Fault]]:
    header, body, faults = read(source)
    if body.path not in names:
        raise MappingError(body.path, f"is not {' or '.join(names)}")
    return header, body, faults


def _created(header: Header, site: Site) -> str:
    return instant(header.registered, site.zone)


def _resource(source: bytes, kind: str) -> Json:
    try:
        found = r4.parse(source)
    except r4.MalformedJson as error:
        raise MappingError("$", str(error)) from error
    if not isinstance(found, dict) or found.get("resourceType") != kind:
        raise MappingError("resourceType", f"is not {kind}")
    return found


def _message(kind: str, body: Element, beside: Beside, site: Site, *, to_plan: bool) -> Mapped:
    header = Header(
        kind, str(beside["number"]), datetime.fromisoformat(beside["now"]), site.ans_registration,
        ("codigoPrestadorNaOperadora", str(beside["provider"])), to_plan,
    )  # fmt: skip
    root = parsed(write(header, body))
    ElementTree.indent(root)
    return [{"xml": ElementTree.tostring(root, "unicode").splitlines()}], []


def _request(source: bytes, beside: Beside, site: Site) -> Mapped:
    _, body, faults = _body(source, "solicitacaoProcedimento")
    resource, more = to_claim(body, site)
    return [resource], faults + more


def _request_message(source: bytes, beside: Beside, site: Site) -> Mapped:
    body = to_guide(_resource(source, "Claim"), {}, site)
    return _message("SOLICITACAO_PROCEDIMENTOS", body, beside, site, to_plan=True)


def _reply(source: bytes, beside: Beside, site: Site) -> Mapped:
    header, body, faults = _body(source, "autorizacaoServicos", "situacaoAutorizacao")
    resource, more = to_claim_response(body, beside["asked"], beside["reference"], _created(header, site), site)
    return [resource], faults + more


def _reply_message(source: bytes, beside: Beside, site: Site) -> Mapped:
    response = _resource(source, "ClaimResponse")
    body = to_answer(response, beside["asked"], {}, beside["patient"], site)
    return _message("RESPOSTA_SOLICITACAO", body, beside, site, to_plan=False)


def _eligibility(source: bytes, beside: Beside, site: Site) -> Mapped:
    header, body, faults = _body(source, "verificaElegibilidade")
    resource, more = to_eligibility_request(body, header.plan, _created(header, site), site)
    return [resource], faults + more


def _eligibility_message(source: bytes, beside: Beside, site: Site) -> Mapped:
    body = to_verification(_resource(source, "CoverageEligibilityRequest"), {}, site)
    return _message("VERIFICA_ELEGIBILIDADE", body, beside, site, to_plan=True)


def _eligible(source: bytes, beside: Beside, site: Site) -> Mapped:
    header, body, faults = _body(source, "respostaElegibilidade")
    created = _created(header, site)
    return [to_eligibility_response(body, beside["asked"], beside["reference"], created, site)], faults


def _eligible_message(source: bytes, beside: Beside, site: Site) -> Mapped:
    response = _resource(source, "CoverageEligibilityResponse")
    body = to_receipt(response, beside["asked"], {}, beside["patient"], site)
    return _message("SITUACAO_ELEGIBILIDADE", body, beside, site, to_plan=False)


ENTITIES: dict[str, Callable[[bytes, Beside, Site], Mapped]] = {
    "tiss-authorization-request": _request,
    "tiss-authorization-request-message": _request_message,
    "tiss-authorization-reply": _reply,
    "tiss-authorization-reply-message": _reply_message,
    "tiss-eligibility-request": _eligibility,
    "tiss-eligibility-request-message": _eligibility_message,
    "tiss-eligibility-reply": _eligible,
    "tiss-eligibility-reply-message": _eligible_message,
}
"""As `mappings.tasy.ENTITIES`."""
