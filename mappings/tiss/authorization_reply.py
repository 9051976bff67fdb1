"""What a plan decided about a guide of SP/SADT <-> ClaimResponse. TISS 4.01.00, ctm_autorizacaoServico.

https://hl7.org/fhir/R4/claimresponse.html. The state that is written is worked out from the items, as where answers of
Tasy are read; one that is read and that the items contradict is no better than they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from mappings.errors import Fault, MappingError
from mappings.identifiers import code_of, coding, concept, identifier, value_of
from mappings.tasy.authorization_reply import ANALYSIS, APPROVED, CANCELLED, DENIED, Decision, status_of
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.tiss.authorization_request import member_part
from mappings.tiss.codes import coded_part, procedure, procedure_part, whole
from mappings.tiss.elements import Part, day_part, maybe, part
from mappings.tiss.parties import card, name_of
from mappings.tiss.reasons import reason, reason_codes, reason_part

Json = Any

NAME = "autorizacaoServico"
_UNDECIDED = ("2", "4", "5")


def to_claim_response(message: Part, claim: Json, reference: str, created: str, site: Site) -> tuple[Json, list[Fault]]:
    """An `autorizacaoServicos` or `situacaoAutorizacao` as ClaimResponse, and what a person should look at.

    claim: what was asked; reference: to it, with its version; created: dateTime of the message. Raises MappingError:
    another guide's answer, an item that was not asked for, a code in no table.
    """
    systems, faults = site.systems, list[Fault]()
    resource: Json = {
        "resourceType": "ClaimResponse",
        "status": "active",
        "type": claim["type"],
        "use": "preauthorization",
        "patient": claim["patient"],
        "created": created,
        "insurer": claim.get("insurer", site.insurer()),
        "request": {"reference": reference},
        **({"requestor": claim["provider"]} if "reference" in claim.get("provider", {}) else {}),
    }
    if "requestor" in resource and resource["requestor"]["reference"].startswith("#"):
        del resource["requestor"]  # it stands within the Claim
    if failed := message.maybe("mensagemErro"):
        return resource | {"outcome": "error", "error": [{"code": reason(failed, site)}]}, faults
    answer = message.part(NAME)
    data = answer.part("dadosAutorizacao")
    own = systems.sid("guia-prestador")
    if data.text("numeroGuiaPrestador") != value_of(claim, own):
        raise MappingError(f"{data.path}.numeroGuiaPrestador", "is another guide than the one that was asked about")
    said = answer.text("statusSolicitacao")
    table("request-status").to(said, f"{answer.path}.statusSolicitacao")
    services = answer.maybe("servicosAutorizados")
    items = _items(services.parts("servicoAutorizado") if services else [], said, claim, site, faults)
    found = status_of([one for one, _ in items])
    if said in _UNDECIDED or said == found:
        status = said
    else:
        faults.append(Fault(f"{answer.path}.statusSolicitacao", "differs from what the items say", "mismatch"))
        status = found if said != "6" else said
    resource |= {
        "extension": [{"url": systems.extension("tasy-status"), "valueCode": said}],
        "identifier": identifier(systems.sid("guia-operadora"), data.content("numeroGuiaOperadora")),
        "status": "cancelled" if status == "6" else "active",
        "outcome": table("request-status").to(status, f"{answer.path}.statusSolicitacao"),
        "disposition": table("request-status").displays[status] + ".",
    }
    if not resource["identifier"]:
        del resource["identifier"]
    password, start, end = data.content("senha"), data.day("dataAutorizacao"), data.day("dataValidadeSenha")
    approved = any(one.state == APPROVED for one, _ in items)
    if approved and password:
        resource["preAuthRef"] = password
    if approved and (start or end):
        resource["preAuthPeriod"] = {**({"start": start} if start else {}), **({"end": end} if end else {})}
    resource["item"] = [item for _, item in items]
    if codes := answer.maybe("motivosNegativa"):
        resource["error"] = [
            {"code": concept(coding(systems.codes("tiss-38"), str(one.element.text), _words(one)))}
            for one in codes.parts("codigoGlosa")
        ]
    if note := answer.content("observacao"):
        resource["processNote"] = [{"number": 1, "type": "display", "text": note}]
    return resource, faults


def _words(code: Part) -> str:
    known = table("denial-reason")
    known.to(str(code.element.text), code.path)
    return known.displays[str(code.element.text)]


def _items(
    services: list[Part], said: str, claim: Json, site: Site, faults: list[Fault]
) -> list[tuple[Decision, Json]]:
    """Decision and item of the ClaimResponse, for each item that was asked for; one without answer is in analysis."""
    asked = {item["sequence"]: item for item in claim["item"]}
    answered: dict[int, Part] = {}
    for one in services:
        sequence = one.number("sequencialItem")
        if sequence not in asked or sequence in answered:
            raise MappingError(f"{one.path}.sequencialItem", "was not asked for, or is answered twice")
        answered[sequence] = one
    return [_item(sequence, answered.get(sequence), said, site, faults) for sequence in asked]


def _item(sequence: int, given: Part | None, said: str, site: Site, faults: list[Fault]) -> tuple[Decision, Json]:
    reasons: list[Json] = []
    granted, asked = 0, 1
    if given is not None:
        procedure(given.part("procedimento"), site, faults)
        granted, asked = given.number("quantidadeAutorizada"), given.number("quantidadeSolicitada")
        why = given.maybe("motivosNegativa")
        reasons = [reason(one, site) for one in why.parts("motivoNegativa")] if why else []
        if granted > asked:
            faults.append(
                Fault(f"{given.path}.quantidadeAutorizada", "is more than was asked for: in analysis", "mismatch")
            )
            granted, said = 0, "2"
    state = _state(said, granted, bool(reasons))
    if state != APPROVED:
        granted = 0
    decided = coding(site.systems.codes("decisao"), state)
    return Decision(sequence, state, granted, granted == asked, None), {
        "itemSequence": sequence,
        "adjudication": [
            {"category": concept(decided), **({"reason": one} if one else {}), "value": granted}
            for one in reasons or [None]
        ],
    }


def _state(said: str, granted: int, reasoned: bool) -> str:
    """TISS says no state of an item: nothing granted is a denial only where its reason is given or all is denied."""
    if said == "6":
        return CANCELLED
    if said in _UNDECIDED:
        return ANALYSIS
    if granted and said != "3":
        return APPROVED
    return DENIED if said == "3" or reasoned else ANALYSIS


def to_answer(response: Json, claim: Json, referred: Mapping[str, Json], patient: Json, site: Site) -> Element:
    """The `autorizacaoServicos` of a ClaimResponse.

    claim: what was asked; referred: what that refers to and does not hold; patient: of whom it is. Raises MappingError:
    the guide's number, the member's name, a code or the reason of a denial is missing.
    """
    if response["outcome"] == "error":
        reasons = [reason_part("mensagemErro", one["code"], f"error[{n}]", site)
                   for n, one in enumerate(response.get("error", ()))]  # fmt: skip
        if not reasons:
            raise MappingError("error", "a refusal needs its reason")
        return part("autorizacaoServicos", reasons[0])
    systems = site.systems
    number = value_of(claim, systems.sid("guia-prestador"))
    if number is None:
        raise MappingError("request", "what was asked has no number of the provider's guide")
    decisions = [_decision(place, one, claim, site) for place, one in enumerate(response.get("item", ()))]
    status = _status(response, decisions, site)
    approved = any(one.state == APPROVED for one in decisions)
    period = response.get("preAuthPeriod", {})
    return part(
        "autorizacaoServicos",
        part(
            NAME,
            part(
                "dadosAutorizacao",
                part("numeroGuiaPrestador", number),
                maybe("numeroGuiaOperadora", value_of(response, systems.sid("guia-operadora"))),
                day_part("dataAutorizacao", period.get("start", response["created"]) if approved else None),
                maybe("senha", response.get("preAuthRef") if approved else None),
                day_part("dataValidadeSenha", period.get("end") if approved else None),
            ),
            coded_part("tipoEtapaAutorizacao", claim, site) or part("tipoEtapaAutorizacao", "1"),
            member_part(claim, card(claim, referred, site)[0], site),
            *names(patient),
            part("statusSolicitacao", status),
            _codes(response, status, systems.codes("tiss-38")),
            part(
                "servicosAutorizados",
                *(_service(one, item, claim, place, site)
                  for place, (one, item) in enumerate(zip(decisions, response["item"], strict=True))),
            )
            if decisions
            else None,
            maybe("observacao", " ".join(note["text"] for note in response.get("processNote", ())) or None),
        ),
    )  # fmt: skip


def names(patient: Json) -> list[Element]:
    """Civil and social name of a member. Raises MappingError."""
    civil = name_of(patient, "official") or name_of(patient)
    if civil is None:
        raise MappingError("patient", "has no name")
    social = name_of(patient, "usual")
    return [part("nomeBeneficiario", civil)] + ([part("nomeSocialBeneficiario", social)] if social else [])


def _decision(place: int, item: Json, claim: Json, site: Site) -> Decision:
    said = item["adjudication"][0]
    state = code_of(said.get("category"), site.systems.codes("decisao"))
    if state not in (APPROVED, DENIED, ANALYSIS, CANCELLED):
        raise MappingError(f"item[{place}].adjudication[0].category", "is no decision")
    asked = next((one for one in claim["item"] if one["sequence"] == item["itemSequence"]), None)
    if asked is None:
        raise MappingError(f"item[{place}].itemSequence", "was not asked for")
    granted = said.get("value", 0)
    return Decision(item["itemSequence"], state, granted, granted == asked.get("quantity", {}).get("value", 1), None)


def _status(response: Json, decisions: list[Decision], site: Site) -> str:
    """Of the guide: what the items say; where nothing is decided, what is waited for."""
    if response["status"] == "cancelled":
        return "6"
    found = status_of(decisions)
    url = site.systems.extension("tasy-status")
    said = next((one["valueCode"] for one in response.get("extension", ()) if one["url"] == url), None)
    return str(said) if found == "2" and said in _UNDECIDED else found


def _codes(response: Json, status: str, system: str) -> Element | None:
    """Why all is denied: the reasons of the items, each once."""
    if status != "3":
        return None
    codes = reason_codes(response.get("item", ()), system)
    if not codes:
        raise MappingError("item.adjudication.reason", "a denial needs its reason")
    return part("motivosNegativa", *(part("codigoGlosa", code) for code in codes))


def _service(decision: Decision, item: Json, claim: Json, place: int, site: Site) -> Element:
    asked = next(one for one in claim["item"] if one["sequence"] == decision.sequence)
    reasons = [one["reason"] for one in item["adjudication"] if "reason" in one]
    if decision.state == DENIED and not reasons:
        raise MappingError(f"item[{place}].adjudication.reason", "a denial needs its reason")
    at = f"item[{place}].adjudication"
    why = [reason_part("motivoNegativa", one, at, site) for one in reasons]
    return part(
        "servicoAutorizado",
        part("sequencialItem", str(decision.sequence)),
        procedure_part(asked.get("productOrService"), "item.productOrService", site),
        part("quantidadeSolicitada", whole(asked.get("quantity"), "item.quantity")),
        part("quantidadeAutorizada", whole({"value": decision.granted}, at)),
        part("motivosNegativa", *why) if why else None,
    )
