"""CoverageEligibilityRequest -> what Tasy is asked; its answer -> CoverageEligibilityResponse. Contract section 5.

https://hl7.org/fhir/R4/coverageeligibilityresponse.html. Whether somebody is eligible is worked out from the
answer's own dates and states; where that and the answer's flag differ the stricter one holds, and a person is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mappings.errors import Fault, MappingError
from mappings.identifiers import CNS, CPF, code_of, coding, concept, value_of
from mappings.tasy.records import EligibilityItem, EligibilityReply, EligibilityRequest, ProcedureAsked, Reason
from mappings.tasy.site import Site
from mappings.tasy.times import instant, local
from mappings.terminology import table

Json = Any

_ORIGINS = (("tuss-22", 8), ("cbhpm", 5), ("procedimento", 4))
"""Code systems of procedures, and `ie_origem_proced` of each."""
_ACTIVE = ("A", "R")
_KNOWN = (*_ACTIVE, "S", "I")


def to_eligibility_request(asked: Json, referred: Mapping[str, Json], site: Site) -> EligibilityRequest:
    """What Tasy is asked.

    asked: CoverageEligibilityRequest; referred: resources it refers to, by reference. Raises MappingError: nobody who
    can be found is asked about, or for a procedure in no known table.
    """
    patient = referred.get(asked["patient"].get("reference", ""), {})
    coverage = referred.get(_coverage(asked).get("reference", ""), {})
    card = coverage.get("subscriberId") or value_of(coverage, site.systems.sid("carteira"))
    cpf, cns = value_of(patient, CPF), value_of(patient, CNS)
    if not (card or cpf or cns):
        raise MappingError("patient", "has neither member card nor CPF nor CNS to be found by")
    provider = value_of(
        referred.get(asked.get("provider", {}).get("reference", ""), {}), site.systems.sid("tasy/prestador")
    )
    return EligibilityRequest(
        cd_usuario_plano=card,
        nr_cpf=cpf,
        nr_cartao_nac_sus=cns,
        dt_atendimento=local(_serviced(asked), site.zone, "servicedDate"),
        nr_seq_prestador=int(provider) if provider and provider.isdecimal() else None,
        ie_carater="U" if code_of(asked.get("priority"), _PRIORITY) == "stat" else "E",
        procedimentos=[_procedure(number, item, site) for number, item in enumerate(asked.get("item", ()), 1)],
    )


_PRIORITY = "http://terminology.hl7.org/CodeSystem/processpriority"


def _serviced(asked: Json) -> str:
    """When the service is or was, else when it was asked about."""
    return str(asked.get("servicedDate") or asked.get("servicedPeriod", {}).get("start") or asked["created"])


def _coverage(asked: Json) -> Json:
    """Reference to the focal coverage, or to the first."""
    insurance = asked.get("insurance", ())
    chosen = next((one for one in insurance if one.get("focal")), insurance[0] if insurance else {})
    return chosen.get("coverage", {})


def _procedure(number: int, item: Json, site: Site) -> ProcedureAsked:
    for name, origin in _ORIGINS:
        code = code_of(item.get("productOrService"), site.systems.codes(name))
        if code:
            return ProcedureAsked(
                nr_item=number,
                cd_procedimento=code,
                ie_origem_proced=origin,
                qt_solicitada=item.get("quantity", {}).get("value", 1),
            )
    raise MappingError(f"item[{number - 1}].productOrService", "has no code of TUSS, CBHPM or the plan's own table")


def to_eligibility_response(
    reply: EligibilityReply, asked: Json, reference: str, site: Site
) -> tuple[Json, list[Fault]]:
    """The answer as CoverageEligibilityResponse, and what a person should look at.

    asked: the CoverageEligibilityRequest; reference: to it, with its version. Raises MappingError: an item answered
    that was not asked for.
    """
    systems, faults = site.systems, list[Fault]()
    when = date.fromisoformat(_serviced(asked)[:10])
    found = eligible(reply, when)
    said = reply.ie_elegivel
    if reply.segurado.ie_situacao not in _KNOWN or said not in ("S", "N"):
        element = "segurado.ie_situacao" if said in ("S", "N") else "ie_elegivel"
        faults.append(
            Fault(element, "code unknown to the contract: not eligible until a person has looked", "unknown-code")
        )
    elif (said == "S") != found:
        faults.append(
            Fault("ie_elegivel", "differs from what states and dates of the answer say: not eligible", "mismatch")
        )
    inforce = said == "S" and found
    insurance: Json = {"coverage": _coverage(asked), "inforce": inforce}
    if reply.segurado.dt_contratacao or reply.segurado.dt_rescisao:
        end = reply.segurado.dt_limite_utilizacao or reply.segurado.dt_rescisao
        insurance["benefitPeriod"] = site.period(reply.segurado.dt_contratacao, end)
    items = [_item(item, asked, site, faults) for item in reply.itens]
    if items:
        insurance["item"] = items
    waiting = [
        {
            "url": systems.extension("carencia"),
            "extension": [
                {"url": "descricao", "valueString": one.ds_carencia},
                *([{"url": "fim", "valueDate": one.dt_fim.isoformat()}] if one.dt_fim else []),
                {"url": "cpt", "valueBoolean": one.ie_cpt == "S"},
            ],
        }
        for one in reply.carencias
    ]
    if waiting:
        insurance["extension"] = waiting
    errors = [*reply.motivos, *(reason for item in reply.itens for reason in item.motivos)]
    resource: Json = {
        "resourceType": "CoverageEligibilityResponse",
        "status": "active",
        "purpose": ["validation", "benefits"],
        "patient": asked["patient"],
        "servicedDate": when.isoformat(),
        "created": instant(reply.dt_consulta, site.zone),
        "request": {"reference": reference},
        "outcome": "partial" if faults else "complete",
        "insurer": site.insurer(),
        "insurance": [insurance],
        "preAuthRef": reply.nr_protocolo,
    }
    if faults:
        resource["disposition"] = "Verificação manual necessária."
    if errors:
        resource["error"] = [{"code": denial(reason, site)} for reason in errors]
    return resource, faults


def eligible(reply: EligibilityReply, when: date) -> bool:
    """Whether states and dates say that somebody is eligible on a day: that of the service, not today.

    A contract that will end later has not ended yet; one that has ended still counts as long as use is allowed.
    """
    member, card = reply.segurado, reply.carteira
    ended = member.dt_rescisao is not None and member.dt_rescisao <= when
    until = member.dt_limite_utilizacao
    return (
        member.ie_situacao in _ACTIVE
        and (card.dt_validade_carteira is None or card.dt_validade_carteira >= when)
        and (member.dt_contratacao is None or member.dt_contratacao <= when)
        and (not ended or (until is not None and until >= when))
    )


def _item(item: EligibilityItem, asked: Json, site: Site, faults: list[Fault]) -> Json:
    items: Sequence[Json] = asked.get("item", ())
    if not 1 <= item.nr_item <= len(items):
        raise MappingError("itens.nr_item", "answers an item that was not asked for")
    at = f"itens[{item.nr_item - 1}]"
    faults += [
        Fault(f"{at}.{name}", "code unknown to the contract: taken for the stricter one", "unknown-code")
        for name in ("ie_cobertura", "ie_exige_autorizacao")
        if getattr(item, name) not in ("S", "N", None)
    ]
    return {
        "productOrService": items[item.nr_item - 1]["productOrService"],
        "excluded": item.ie_cobertura != "S",
        "authorizationRequired": item.ie_exige_autorizacao != "N",
    }


def denial(reason: Reason, site: Site) -> Json:
    """A TISS reason as CodeableConcept: its code with the table's words, and what the plan wrote as text."""
    known = table("denial-reason").displays
    code = reason.cd_motivo_tiss
    codings = [coding(site.systems.codes("tiss-38"), code, known.get(code))] if code else []
    return concept(*codings, text=reason.ds_motivo)
