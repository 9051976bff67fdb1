"""A guide that asks for SP/SADT <-> Claim (use preauthorization). TISS 4.01.00, ctm_sp-sadtSolicitacaoGuia.

https://hl7.org/fhir/R4/claim.html

| of the guide | of the Claim |
|---|---|
| numeroGuiaPrestador, numeroGuiaPrincipal | identifier of `guia-prestador`; related.claim, by identifier |
| registroANS | insurer |
| numeroCarteira | insurance.coverage: subscriberId |
| contratadoSolicitante, nomeContratadoSolicitante | provider |
| profissionalSolicitante | careTeam of role primary: provider, qualification |
| dadosExecutante | facility |
| caraterAtendimento, dataSolicitacao | priority, created |
| indicacaoClinica, observacao | supportingInfo of categories `indicacao-clinica`, `observacao` |
| procedimento, quantidadeSolicitada | item.productOrService, quantity |
| tipoEtapaAutorizacao, ausenciaCodValidacao, codValidacao, atendimentoRN, tipoIdent, coberturaEspecial | extensions |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from mappings.errors import Fault, MappingError
from mappings.identifiers import CNES, coding, concept, identifier, value_of
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.tiss.codes import coded, coded_part, extension, procedure, procedure_part, text_extension, whole
from mappings.tiss.elements import Part, day_part, maybe, part
from mappings.tiss.parties import (
    card,
    contracted_part,
    coverage,
    member,
    own_number,
    professional,
    professional_part,
    provider,
    referred_to,
)

Json = Any

NAME = "solicitacaoSP-SADT"
PRIORITY = "http://terminology.hl7.org/CodeSystem/processpriority"
_ROLE = "http://terminology.hl7.org/CodeSystem/claimcareteamrole"
_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"


def to_claim(message: Part, site: Site) -> tuple[Json, list[Fault]]:
    """The Claim of a `solicitacaoProcedimento`, and what a person should look at.

    All it refers to stands within it. Raises MappingError: another guide, a part is missing, a code is in no table.
    """
    guide = message.part(NAME)
    if guide.has("anexoClinico"):
        raise MappingError(f"{guide.path}.anexoClinico", "chemotherapy, radiotherapy and OPME are not translated")
    faults: list[Fault] = []
    head, who, asking = (
        guide.part("cabecalhoSolicitacao"),
        guide.part("dadosBeneficiario"),
        guide.part("dadosSolicitante"),
    )
    given, called = asking.part("contratadoSolicitante"), asking.text("nomeContratadoSolicitante")
    priority = table("tiss-priority").to(guide.text("caraterAtendimento"), f"{guide.path}.caraterAtendimento")
    plan, number = head.text("registroANS"), who.text("numeroCarteira")
    person, occupation = professional(asking.part("profissionalSolicitante"), "requester")
    performer = guide.maybe("dadosExecutante")
    contained = [
        coverage(number, "coverage", plan, site),
        provider(given, "provider", called, site, faults),
        person,
        *([_facility(performer, site)] if performer else ()),
    ]
    own = site.systems.sid("guia-prestador")
    main = guide.content("numeroGuiaPrincipal")
    resource: Json = {
        "resourceType": "Claim",
        "contained": contained,
        "extension": [
            *coded(guide, "tipoEtapaAutorizacao", site),
            *coded(guide, "ausenciaCodValidacao", site),
            *text_extension(guide, "codValidacao", "codigo-validacao", site),
            *coded(who, "tipoIdent", site),
            *text_extension(who, "identificadorBeneficiario", "identificador-beneficiario", site),
            *coded(guide, "coberturaEspecial", site),
            {"url": site.systems.extension("recem-nascido"), "valueBoolean": who.flag("atendimentoRN")},
        ],
        "identifier": identifier(own, head.text("numeroGuiaPrestador")),
        "status": "active",
        "type": concept(coding(_TYPE, "professional")),
        "subType": concept(coding(site.systems.codes("tipo-guia"), "SADT")),
        "use": "preauthorization",
        "patient": member(number, site),
        "created": guide.day("dataSolicitacao") or guide.text("dataSolicitacao"),
        "insurer": {"identifier": {"system": site.systems.sid("registro-ans"), "value": plan}},
        "provider": {"reference": "#provider"},
        "priority": concept(coding(PRIORITY, priority)),
        **({"related": [{"claim": {"identifier": identifier(own, main)[0]}}]} if main else {}),
        **({"facility": {"reference": "#facility"}} if performer else {}),
        "careTeam": [{
            "sequence": 1, "provider": {"reference": "#requester"}, "role": concept(coding(_ROLE, "primary")),
            "qualification": occupation,
        }],
    }  # fmt: skip
    said = [
        {"category": concept(coding(site.systems.codes("informacao"), category)), "valueString": text}
        for name, category in (("indicacaoClinica", "indicacao-clinica"), ("observacao", "observacao"))
        if (text := guide.content(name))
    ]
    if said:
        resource["supportingInfo"] = [{"sequence": place, **one} for place, one in enumerate(said, 1)]
    resource["insurance"] = [{"sequence": 1, "focal": True, "coverage": {"reference": "#coverage"}}]
    asked = guide.parts("procedimentosSolicitados")
    if not asked:
        raise MappingError(f"{guide.path}.procedimentosSolicitados", "is missing")
    resource["item"] = [_item(place, one, site, faults) for place, one in enumerate(asked, 1)]
    return resource, faults


def _facility(given: Part, site: Site) -> Json:
    return {
        "resourceType": "Location",
        "id": "facility",
        "identifier": [
            *identifier(own_number(site), given.text("codigonaOperadora")),
            *identifier(CNES, given.text("CNES")),
        ],
    }


def _item(sequence: int, given: Part, site: Site, faults: list[Fault]) -> Json:
    return {
        "sequence": sequence,
        "productOrService": procedure(given.part("procedimento"), site, faults),
        "quantity": {"value": given.number("quantidadeSolicitada")},
    }


def member_part(resource: Json, number: str, site: Site) -> Element:
    """`dadosBeneficiario`, of whom a request is about."""
    return part(
        "dadosBeneficiario",
        part("numeroCarteira", number),
        part("atendimentoRN", "S" if extension(resource, "recem-nascido", site).get("valueBoolean") else "N"),
        coded_part("tipoIdent", resource, site),
        maybe("identificadorBeneficiario", extension(resource, "identificador-beneficiario", site).get("valueString")),
    )


def to_guide(claim: Json, referred: Mapping[str, Json], site: Site) -> Element:
    """The `solicitacaoProcedimento` of a Claim.

    referred: the resources it refers to that do not stand within it, by reference. Raises MappingError: a part that
    the guide needs is missing, or a code is in no table.
    """
    own = site.systems.sid("guia-prestador")
    number = value_of(claim, own)
    if number is None:
        raise MappingError("identifier", "has no number of the provider's guide")
    if not claim.get("item"):
        raise MappingError("item", "asks for nothing")
    asking = referred_to(claim.get("provider"), claim, referred)
    if not asking.get("name"):
        raise MappingError("provider", "has no name")
    team = claim.get("careTeam", ())
    place = next((n for n, one in enumerate(team) if "primary" in _codes(one.get("role"))), None)
    if place is None:
        raise MappingError("careTeam", "nobody is the primary one, who asks")
    person = referred_to(team[place].get("provider"), claim, referred)
    priority = next(iter(_codes(claim.get("priority"))), "")
    main = next((one["claim"]["identifier"]["value"] for one in claim.get("related", ())
                 if one.get("claim", {}).get("identifier", {}).get("system") == own), None)  # fmt: skip
    return part(
        "solicitacaoProcedimento",
        part(
            NAME,
            part(
                "cabecalhoSolicitacao",
                part("registroANS", _plan(claim, site)),
                part("numeroGuiaPrestador", number),
            ),
            maybe("numeroGuiaPrincipal", main),
            coded_part("ausenciaCodValidacao", claim, site),
            maybe("codValidacao", extension(claim, "codigo-validacao", site).get("valueString")),
            coded_part("tipoEtapaAutorizacao", claim, site) or part("tipoEtapaAutorizacao", "1"),
            member_part(claim, card(claim, referred, site)[0], site),
            part(
                "dadosSolicitante",
                contracted_part("contratadoSolicitante", asking, "provider", site),
                part("nomeContratadoSolicitante", asking["name"]),
                professional_part(
                    "profissionalSolicitante", person, team[place].get("qualification"), f"careTeam[{place}]"
                ),
            ),
            part("caraterAtendimento", table("tiss-priority").back(priority, "priority")),
            day_part("dataSolicitacao", claim["created"]),
            maybe("indicacaoClinica", _said(claim, "indicacao-clinica", site)),
            coded_part("coberturaEspecial", claim, site),
            *(_asked(place, one, site) for place, one in enumerate(claim["item"])),
            _performer(referred_to(claim.get("facility"), claim, referred), site),
            maybe("observacao", _said(claim, "observacao", site)),
        ),
    )


def _codes(stated: Json) -> list[str]:
    return [str(one["code"]) for one in (stated or {}).get("coding", ()) if one.get("code")]


def _plan(claim: Json, site: Site) -> str:
    stated = claim.get("insurer", {}).get("identifier", {})
    return str(stated["value"]) if stated.get("system") == site.systems.sid("registro-ans") else site.ans_registration


def _said(claim: Json, category: str, site: Site) -> str | None:
    system = site.systems.codes("informacao")
    for one in claim.get("supportingInfo", ()):
        if {"system": system, "code": category}.items() <= (one.get("category", {}).get("coding") or [{}])[0].items():
            return str(one["valueString"])
    return None


def _asked(place: int, item: Json, site: Site) -> Element:
    return part(
        "procedimentosSolicitados",
        procedure_part(item.get("productOrService"), f"item[{place}].productOrService", site),
        part("quantidadeSolicitada", whole(item.get("quantity"), f"item[{place}].quantity")),
    )


def _performer(facility: Json, site: Site) -> Element | None:
    number, cnes = value_of(facility, own_number(site)), value_of(facility, CNES)
    if number is None or cnes is None:
        return None
    return part("dadosExecutante", part("codigonaOperadora", number), part("CNES", cnes))
