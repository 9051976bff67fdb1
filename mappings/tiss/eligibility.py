"""verificaElegibilidade <-> CoverageEligibilityRequest; respostaElegibilidade <-> CoverageEligibilityResponse.

TISS 4.01.00, ct_elegibilidadeVerifica and ct_elegibilidadeRecibo. https://hl7.org/fhir/R4/coverageeligibilityrequest.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from mappings.errors import Fault, MappingError
from mappings.tasy.site import Site
from mappings.tiss.authorization_reply import names
from mappings.tiss.codes import coded, coded_part, extension, text_extension
from mappings.tiss.elements import Part, day_part, maybe, part
from mappings.tiss.parties import card, contracted_part, coverage, member, provider, referred_to
from mappings.tiss.reasons import reason, reason_part

Json = Any


def to_eligibility_request(message: Part, plan: str, created: str, site: Site) -> tuple[Json, list[Fault]]:
    """The CoverageEligibilityRequest of a `verificaElegibilidade`, and what a person should look at.

    plan: registration of whoever is asked; created: dateTime of the message. Raises MappingError.
    """
    faults: list[Fault] = []
    number = message.text("numeroCarteira")
    said = [
        *coded(message, "tipoIdent", site),
        *text_extension(message, "identificadorBeneficiario", "identificador-beneficiario", site),
        *coded(message, "ausenciaCodValidacao", site),
        *text_extension(message, "codValidacao", "codigo-validacao", site),
    ]
    return {
        "resourceType": "CoverageEligibilityRequest",
        "contained": [
            coverage(number, "coverage", plan, site, message.day("validadeCarteira")),
            provider(message.part("dadosPrestador"), "provider", None, site, faults),
        ],
        **({"extension": said} if said else {}),
        "status": "active",
        "purpose": ["validation"],
        "patient": member(number, site),
        "created": created,
        "provider": {"reference": "#provider"},
        "insurer": {"identifier": {"system": site.systems.sid("registro-ans"), "value": plan}},
        "insurance": [{"focal": True, "coverage": {"reference": "#coverage"}}],
    }, faults


def to_verification(asked: Json, referred: Mapping[str, Json], site: Site) -> Element:
    """The `verificaElegibilidade` of a CoverageEligibilityRequest. Raises MappingError: no card, no provider."""
    number, found = card(asked, referred, site)
    return part(
        "verificaElegibilidade",
        contracted_part("dadosPrestador", referred_to(asked.get("provider"), asked, referred), "provider", site),
        part("numeroCarteira", number),
        coded_part("tipoIdent", asked, site),
        maybe("identificadorBeneficiario", extension(asked, "identificador-beneficiario", site).get("valueString")),
        day_part("validadeCarteira", found.get("period", {}).get("end")),
        coded_part("ausenciaCodValidacao", asked, site),
        maybe("codValidacao", extension(asked, "codigo-validacao", site).get("valueString")),
    )


def to_eligibility_response(message: Part, asked: Json, reference: str, created: str, site: Site) -> Json:
    """The CoverageEligibilityResponse of a `respostaElegibilidade`.

    asked: the CoverageEligibilityRequest; reference: to it, with its version. Raises MappingError: it is about another
    card, or a code is in no table.
    """
    resource: Json = {
        "resourceType": "CoverageEligibilityResponse",
        "status": "active",
        "purpose": asked["purpose"],
        "patient": asked["patient"],
        "created": created,
        "request": {"reference": reference},
        "outcome": "complete",
        "insurer": asked.get("insurer", site.insurer()),
    }
    if failed := message.maybe("mensagemErro"):
        return resource | {"outcome": "error", "error": [{"code": reason(failed, site)}]}
    receipt = message.part("reciboElegibilidade")
    if receipt.text("numeroCarteira") != card(asked, {}, site)[0]:
        raise MappingError(f"{receipt.path}.numeroCarteira", "is another card than the one that was asked about")
    until = receipt.day("validadeCarteira")
    resource["insurance"] = [{
        "coverage": {"identifier": {"system": site.systems.sid("carteira"), "value": receipt.text("numeroCarteira")}},
        "inforce": receipt.flag("respostaSolicitacao"),
        **({"benefitPeriod": {"end": until}} if until else {}),
    }]  # fmt: skip
    why = receipt.maybe("motivosNegativa")
    if why:
        resource["error"] = [{"code": reason(one, site)} for one in why.parts("motivoNegativa")]
    return resource


def to_receipt(response: Json, asked: Json, referred: Mapping[str, Json], patient: Json, site: Site) -> Element:
    """The `respostaElegibilidade` of a CoverageEligibilityResponse.

    asked: the request that it answers; referred: what that refers to and does not hold; patient: of whom it is. Raises
    MappingError: the member's name or a reason is missing.
    """
    errors = response.get("error", ())
    if response["outcome"] == "error":
        if not errors:
            raise MappingError("error", "a refusal needs its reason")
        return part("respostaElegibilidade", reason_part("mensagemErro", errors[0]["code"], "error[0]", site))
    insurance = (response.get("insurance") or [{}])[0]
    number, _ = card(asked, referred, site)
    inforce = insurance.get("inforce") is True
    if not inforce and not errors:
        raise MappingError("error", "a refusal needs its reason")
    plan = response["insurer"].get("identifier", {}).get("value", site.ans_registration)
    return part(
        "respostaElegibilidade",
        part(
            "reciboElegibilidade",
            part("registroANS", plan),
            part("numeroCarteira", number),
            coded_part("ausenciaCodValidacao", asked, site),
            maybe("codValidacao", extension(asked, "codigo-validacao", site).get("valueString")),
            day_part("validadeCarteira", insurance.get("benefitPeriod", {}).get("end")),
            *names(patient),
            coded_part("tipoIdent", asked, site),
            maybe("identificadorBeneficiario", extension(asked, "identificador-beneficiario", site).get("valueString")),
            part("respostaSolicitacao", "S" if inforce else "N"),
            part(
                "motivosNegativa",
                *(reason_part("motivoNegativa", one["code"], f"error[{place}].code", site)
                  for place, one in enumerate(errors)),
            )
            if errors
            else None,
        ),
    )  # fmt: skip
