"""The network as FHIR lines: who, where, doing what, in which products. Tasy contract, sections 7 and 10.3, B-2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulators.tasy.systems import (
    CBO,
    CNES,
    CNPJ,
    CPF,
    CRM_SP,
    HL7,
    codes,
    concept,
    extension,
    identifier,
    insurer,
    known,
    period,
    sid,
    without_empty,
)

Json = dict[str, Any]


def provider_id(key: int) -> str:
    """Logical id of a provider's Organization or Practitioner."""
    return f"prest-{key}"


def lines(provider: Json) -> Iterator[Json]:
    """All resources of a provider."""
    person, key = provider["ie_tipo_pessoa"] == "F", provider_id(provider["nr_seq_prestador"])
    itself = {"reference": f"{'Practitioner' if person else 'Organization'}/{key}"}
    active = provider["ie_situacao"] == "A" and provider["ie_guia_medico"] == "S" and not provider.get("dt_exclusao")
    urgent = provider["ie_urgencia_emergencia"] == "S"
    places = [_location(one, key, {} if person else itself, active, urgent) for one in provider["enderecos"]]
    first = {
        "resourceType": "Practitioner" if person else "Organization",
        "id": key,
        "identifier": [
            *identifier(sid("tasy/prestador"), provider["nr_seq_prestador"]),
            *identifier(CNPJ, provider.get("cd_cgc")),
            *identifier(CPF, provider.get("nr_cpf")),
            *identifier(CNES, provider.get("cd_cnes")),
            *identifier(CRM_SP, provider.get("nr_conselho")),
        ],
        "active": active,
    }
    if person:
        first["name"] = [{"use": "official", "text": provider["ds_razao_social"]}]
        first["qualification"] = [
            {"code": _occupation(one), "period": period(one["dt_inicio"], one.get("dt_fim"))}
            for one in provider["especialidades"]
        ]
    else:
        first["name"] = provider["ds_razao_social"]
        first["telecom"] = [one for place in places for one in place.get("telecom", ())]
        first["address"] = [place["address"] for place in places]
    yield without_empty(first)
    yield from places
    for one in provider["especialidades"]:
        yield (_role if person else _service)(one, provider, key, itself, active)
    for one in provider["corpo_clinico"]:
        yield {
            "resourceType": "PractitionerRole",
            "id": f"{key}-corpo-{one['nr_seq_prestador']}",
            "active": active and not one.get("dt_fim"),
            "period": period(one["dt_inicio"], one.get("dt_fim")),
            "practitioner": {"reference": f"Practitioner/{provider_id(one['nr_seq_prestador'])}"},
            "organization": itself,
        }
    for one in provider["planos"]:
        yield {
            "resourceType": "OrganizationAffiliation",
            "id": f"{key}-plano-{one['nr_seq_plano']}",
            "active": active and not one.get("dt_fim"),
            "period": period(one["dt_inicio"], one.get("dt_fim")),
            "organization": insurer(),
            "participatingOrganization": itself,
            "network": [known("Organization", "tasy/rede", one["nr_seq_plano"])],
            "code": [concept(codes("relacao"), provider["ie_relacao"])],
        }


def _location(address: Json, key: str, owner: Json, active: bool, urgent: bool) -> Json:
    number = address["nr_telefone"]
    return without_empty(
        {
            "resourceType": "Location",
            "id": f"{key}-end-{address['nr_seq']}",
            "status": "active" if active else "inactive",
            "mode": "instance",
            "type": [concept(HL7 + "v3-RoleCode", "ER")] if urgent else [],
            "telecom": [{"system": "phone", "value": f"+55{address['nr_ddd']}{number}"}] if number else [],
            "address": {
                "extension": [extension("municipio-ibge", valueCode=address["cd_municipio_ibge"])],
                "use": "work",
                "line": [f"{address['ds_endereco']} {address['nr_endereco']}", address["ds_bairro"]],
                "city": address["ds_municipio"],
                "state": address["sg_uf"],
                "postalCode": address["cd_cep"],
                "country": "BR",
            },
            "position": {"latitude": address["nr_latitude"], "longitude": address["nr_longitude"]},
            "managingOrganization": owner,
        }
    )


def _occupation(specialty: Json) -> Json:
    return concept(CBO, specialty["cd_cbo"], specialty["ds_especialidade"])


def _at(specialty: Json, key: str) -> Json:
    place = specialty["nr_seq_endereco"]
    return {
        "id": f"{key}-cbo-{specialty['cd_cbo']}-{place}",
        "specialty": [_occupation(specialty)],
        "location": [{"reference": f"Location/{key}-end-{place}"}],
    }


def _role(specialty: Json, provider: Json, key: str, itself: Json, active: bool) -> Json:
    return {
        "resourceType": "PractitionerRole",
        **_at(specialty, key),
        "active": active and not specialty.get("dt_fim"),
        "period": period(specialty["dt_inicio"], specialty.get("dt_fim") or provider.get("dt_exclusao")),
        "practitioner": itself,
    }


def _service(specialty: Json, provider: Json, key: str, itself: Json, active: bool) -> Json:
    urgent = provider["ie_urgencia_emergencia"] == "S"
    return without_empty(
        {
            "resourceType": "HealthcareService",
            **_at(specialty, key),
            "extension": [extension("urgencia-emergencia", valueBoolean=True)] if urgent else [],
            "active": active and not specialty.get("dt_fim"),
            "providedBy": itself,
        }
    )
