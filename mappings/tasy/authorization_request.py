"""Claim (use preauthorization) -> the guide that Tasy is sent. Contract section 6. https://hl7.org/fhir/R4/claim.html

| of the guide | of the Claim |
|---|---|
| cd_guia_prestador, ie_tipo_guia | identifier of `guia-prestador`, subType of `tipo-guia` (else by type) |
| cd_guia_principal | related.claim, by identifier |
| cd_usuario_plano | insurance.coverage: subscriberId |
| solicitante | provider, and who of the careTeam has role primary: name, council registration, CBO |
| executante | facility |
| ds_indicacao_clinica | supportingInfo of category `indicacao-clinica` |
| cids | diagnosis |
| internacao, ie_recem_nascido, ie_tipo_ident, cd_ausencia_validacao | extensions of these names |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mappings.errors import MappingError
from mappings.identifiers import CBO, CID10, CNES, SID, canonical, code_of, value_of
from mappings.tasy.records import Admission, AuthorizationRequest, ItemAsked, Performer, Requester
from mappings.tasy.site import Site
from mappings.tasy.times import local
from mappings.terminology import table

Json = Any

_TABLES = ("22", "20", "19", "18")
_COUNCIL = re.compile(re.escape(SID) + r"([a-z]+)-([a-z]{2})")


def to_authorization_request(claim: Json, referred: Mapping[str, Json], site: Site) -> AuthorizationRequest:
    """The guide of a Claim.

    referred: the resources it refers to, by reference. Raises MappingError: a part that every guide needs is missing,
    or a code is in no table.
    """
    guide = value_of(claim, site.systems.sid("guia-prestador"))
    if guide is None:
        raise MappingError("identifier", "has no number of the provider's guide")
    if not claim.get("item"):
        raise MappingError("item", "asks for nothing")
    facility = _referred(claim.get("facility"), referred)
    performer = _key(facility, site)
    return AuthorizationRequest(
        cd_guia_prestador=guide,
        ie_tipo_guia=_guide_type(claim, site),
        cd_guia_principal=_main_guide(claim, site),
        ie_carater=table("priority").back(_code(claim.get("priority"), "priority"), "priority"),
        dt_solicitacao=local(claim["created"], site.zone, "created"),
        cd_usuario_plano=_card(claim, referred, site),
        solicitante=_requester(claim, referred, site),
        executante=Performer(nr_seq_prestador=performer, cd_cnes=value_of(facility, CNES)) if performer else None,
        ds_indicacao_clinica=_indication(claim, site),
        cids=[_cid(number, one, referred) for number, one in enumerate(claim.get("diagnosis", ()))],
        ie_acidente=_code(claim.get("accident", {}).get("type"), "accident.type") if "accident" in claim else "9",
        ie_recem_nascido="S" if _extension(claim, "recem-nascido", site).get("valueBoolean") else "N",
        ie_tipo_ident=_extension(claim, "tipo-identificacao", site).get("valueCode"),
        cd_ausencia_validacao=_extension(claim, "ausencia-validacao", site).get("valueCode"),
        itens=[_item(number, one, site) for number, one in enumerate(claim["item"])],
        internacao=_admission(claim, site),
    )


def _referred(reference: Json, referred: Mapping[str, Json]) -> Json:
    return referred.get((reference or {}).get("reference", ""), {})


def _key(resource: Json, site: Site) -> int | None:
    """Tasy's number of a provider."""
    value = value_of(resource, site.systems.sid("tasy/prestador"))
    return int(value) if value is not None and value.isdecimal() else None


def _code(concept: Json, element: str) -> str:
    for one in (concept or {}).get("coding", ()):
        if one.get("code"):
            return str(one["code"])
    raise MappingError(element, "has no code")


def _extension(resource: Json, name: str, site: Site) -> Json:
    url = site.systems.extension(name)
    return next((one for one in resource.get("extension", ()) if one["url"] == url), {})


def _guide_type(claim: Json, site: Site) -> str:
    chosen = code_of(claim.get("subType"), site.systems.codes("tipo-guia"))
    if chosen is None:
        return table("guide-type").back(_code(claim.get("type"), "type"), "type")
    table("guide-type").to(chosen, "subType")
    return chosen


def _main_guide(claim: Json, site: Site) -> str | None:
    system = site.systems.sid("guia-prestador")
    for one in claim.get("related", ()):
        found = one.get("claim", {}).get("identifier", {})
        if found.get("system") == system:
            return str(found["value"])
    return None


def _card(claim: Json, referred: Mapping[str, Json], site: Site) -> str:
    insurance = claim.get("insurance", ())
    chosen = next((one for one in insurance if one.get("focal")), insurance[0] if insurance else {})
    coverage = _referred(chosen.get("coverage"), referred)
    card = coverage.get("subscriberId") or value_of(coverage, site.systems.sid("carteira"))
    if not card:
        raise MappingError("insurance.coverage", "has no member card")
    return str(card)


def _requester(claim: Json, referred: Mapping[str, Json], site: Site) -> Requester:
    provider = _key(_referred(claim.get("provider"), referred), site)
    if provider is None:
        raise MappingError("provider", "has no number of Tasy's")
    team = claim.get("careTeam", ())
    place = next((n for n, one in enumerate(team) if _role(one) == "primary"), None)
    if place is None:
        raise MappingError("careTeam", "nobody is the primary one, who asks")
    person, at = _referred(team[place].get("provider"), referred), f"careTeam[{place}].provider"
    council, number, state = _council(person, at)
    occupation = code_of(team[place].get("qualification"), CBO) or next(
        (code for one in person.get("qualification", ()) if (code := code_of(one.get("code"), CBO))), None
    )
    if occupation is None:
        raise MappingError(at, "has no occupation (CBO)")
    return Requester(
        nr_seq_prestador=provider,
        nm_profissional=_name(person, at),
        cd_conselho=table("council").back(council, at),
        nr_conselho=number,
        cd_uf_conselho=table("uf").to(state.upper(), at),
        cd_cbo=occupation,
    )


def _role(member: Json) -> str | None:
    return next((one.get("code") for one in member.get("role", {}).get("coding", ())), None)


def _council(person: Json, element: str) -> tuple[str, str, str]:
    """Council, number and state of the first registration."""
    for one in person.get("identifier", ()):
        found = _COUNCIL.fullmatch(canonical(one.get("system", "")))
        if found and one.get("value"):
            return found[1], str(one["value"]), found[2]
    raise MappingError(element, "has no registration with a professional council")


def _name(person: Json, element: str) -> str:
    for one in person.get("name", ()):
        name = one.get("text") or " ".join([*one.get("given", ()), one.get("family", "")]).strip()
        if name:
            return str(name)
    raise MappingError(element, "has no name")


def _indication(claim: Json, site: Site) -> str | None:
    system = site.systems.codes("informacao")
    for one in claim.get("supportingInfo", ()):
        if code_of(one.get("category"), system) == "indicacao-clinica":
            text: str | None = one.get("valueString")
            return text
    return None


def _cid(number: int, diagnosis: Json, referred: Mapping[str, Json]) -> str:
    stated = diagnosis.get("diagnosisCodeableConcept") or _referred(diagnosis.get("diagnosisReference"), referred).get(
        "code"
    )
    code = code_of(stated, CID10)
    if code is None:
        raise MappingError(f"diagnosis[{number}]", "has no code of CID-10")
    return code.replace(".", "")


def _item(number: int, item: Json, site: Site) -> ItemAsked:
    at = f"item[{number}]"
    for one in _TABLES:
        code = code_of(item.get("productOrService"), site.systems.codes(f"tuss-{one}"))
        if code:
            break
    else:
        one, code = "00", code_of(item.get("productOrService"), site.systems.codes("procedimento"))
        if not code:
            raise MappingError(f"{at}.productOrService", "has no code of TUSS 18, 19, 20, 22 or the plan's own table")
    return ItemAsked(
        nr_item=item["sequence"],
        cd_tabela=one,
        cd_procedimento=code,
        qt_solicitada=item.get("quantity", {}).get("value", 1),
        ds_observacao=_extension(item, "observacao", site).get("valueString"),
    )


def _admission(claim: Json, site: Site) -> Admission | None:
    parts = {one["url"]: one for one in _extension(claim, "internacao", site).get("extension", ())}
    if not parts:
        return None
    for name in ("tipo", "regime", "diarias"):
        if name not in parts:
            raise MappingError("extension(internacao)", f"{name} is missing")
    suggested = parts.get("data-sugerida", {}).get("valueDate")
    return Admission(
        ie_tipo=parts["tipo"]["valueCode"],
        ie_regime=parts["regime"]["valueCode"],
        qt_diarias=parts["diarias"]["valuePositiveInt"],
        cd_acomodacao=parts.get("acomodacao", {}).get("valueCode"),
        dt_sugerida=suggested,
        ie_opme="S" if parts.get("opme", {}).get("valueBoolean") else "N",
        ie_quimio="S" if parts.get("quimio", {}).get("valueBoolean") else "N",
    )
