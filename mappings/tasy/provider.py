"""A provider of Tasy's directory -> who they are, where, what they do there, in which networks. Contract section 7.

| becomes | when |
|---|---|
| Organization (`J`) or Practitioner (`F`) | always |
| Location | for each address; of type ER where there is an emergency department |
| PractitionerRole (`F`) or HealthcareService (`J`) | for each specialty |
| PractitionerRole at this organization | for each member of the clinical staff |
| OrganizationAffiliation | for each plan, of organizations |

Nothing is deleted: who leaves is not active, and the period ends. Logical ids are Tasy's keys with a prefix, so that a
directory read twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from mappings import check_digits
from mappings.errors import Fault, MappingError
from mappings.identifiers import CBO, CNES, CNPJ, CPF, ROLE_CODE, checked, coding, concept, council, identifier
from mappings.tasy.records import Provider, ProviderAddress, Specialty
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.text import phone

Json = Any


def to_provider_resources(provider: Provider, site: Site, today: date) -> tuple[list[Json], list[Fault]]:
    """Resources of a provider in an order in which each refers to earlier ones, and what a person should look at.

    Raises MappingError: neither a person nor an organization, without a name, or an address or specialty in no table.
    """
    if provider.ie_tipo_pessoa not in ("F", "J"):
        raise MappingError("ie_tipo_pessoa", "is neither F (person) nor J (organization)")
    person = provider.ie_tipo_pessoa == "F"
    identifiers = _identifiers(provider, site)
    faults = checked(identifiers)
    active = listed(provider, today)
    key = provider_id(provider.nr_seq_prestador)
    itself = f"{'Practitioner' if person else 'Organization'}/{key}"
    urgent = not person and provider.ie_urgencia_emergencia == "S"
    owner = {} if person else {"reference": itself}
    locations = [_location(one, key, owner, active, urgent, site, faults) for one in provider.enderecos]
    if person:
        first = _practitioner(provider, key, identifiers, active, site)
        rest = [_role(one, provider, key, itself, active, today, site) for one in provider.especialidades]
    else:
        first = _organization(provider, key, identifiers, active, locations)
        rest = [_service(one, provider, key, itself, active, today, site) for one in provider.especialidades]
        rest += [
            {
                "resourceType": "PractitionerRole",
                "id": f"{key}-corpo-{one.nr_seq_prestador}",
                "active": active and _valid(one.dt_inicio, one.dt_fim, today),
                "period": site.period(one.dt_inicio, one.dt_fim),
                "practitioner": {"reference": f"Practitioner/{provider_id(one.nr_seq_prestador)}"},
                "organization": {"reference": itself},
            }
            for one in provider.corpo_clinico
        ]
        rest += [
            {
                "resourceType": "OrganizationAffiliation",
                "id": f"{key}-plano-{one.nr_seq_plano}",
                "active": active and _valid(one.dt_inicio, one.dt_fim, today),
                "period": site.period(one.dt_inicio, one.dt_fim),
                "organization": site.insurer(),
                "participatingOrganization": {"reference": itself},
                "network": [site.reference("Organization", "tasy/rede", one.nr_seq_plano)],
                "code": [concept(coding(site.systems.codes("relacao"), provider.ie_relacao))]
                if provider.ie_relacao
                else [],
            }
            for one in provider.planos
        ]
    return [_without_empty(one) for one in (first, *locations, *rest)], faults


def listed(provider: Provider, today: date) -> bool:
    """Whether members are shown the provider: active, in the directory, contract valid today.

    Whether a specialty is valid today is asked for each.
    """
    return (
        provider.ie_situacao == "A"
        and provider.ie_guia_medico == "S"
        and _valid(provider.dt_inicio_contrato, provider.dt_exclusao, today)
    )


def provider_id(key: int) -> str:
    """Logical id of the Organization or Practitioner with a key of Tasy's."""
    return f"prest-{key}"


def _valid(start: date | None, end: date | None, today: date) -> bool:
    return (start is None or start <= today) and (end is None or end >= today)


def _without_empty(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if value not in ([], {}, None)}


def _identifiers(provider: Provider, site: Site) -> list[Json]:
    found = [
        *identifier(site.systems.sid("tasy/prestador"), provider.nr_seq_prestador),
        *identifier(CNPJ, provider.cd_cgc),
        *identifier(CPF, provider.nr_cpf),
        *identifier(CNES, provider.cd_cnes),
    ]
    if provider.nr_conselho and provider.cd_conselho and provider.cd_uf_conselho:
        name = table("council").to(provider.cd_conselho, "cd_conselho")
        state = table("uf").back(provider.cd_uf_conselho, "cd_uf_conselho")
        found += identifier(council(name, state), provider.nr_conselho)
    return found


def _organization(
    provider: Provider, key: str, identifiers: Sequence[Json], active: bool, locations: Sequence[Json]
) -> Json:
    name = provider.nm_fantasia or provider.ds_razao_social
    if not name:
        raise MappingError("ds_razao_social", "an organization needs a name")
    return {
        "resourceType": "Organization",
        "id": key,
        "identifier": identifiers,
        "active": active,
        "name": name,
        "alias": [provider.ds_razao_social] if provider.ds_razao_social and provider.ds_razao_social != name else [],
        "telecom": [one for location in locations for one in location.get("telecom", ())],
        "address": [location["address"] for location in locations],
    }


def _practitioner(provider: Provider, key: str, identifiers: Sequence[Json], active: bool, site: Site) -> Json:
    name = provider.ds_razao_social or provider.nm_fantasia
    if not name:
        raise MappingError("ds_razao_social", "a person needs a name")
    return {
        "resourceType": "Practitioner",
        "id": key,
        "identifier": identifiers,
        "active": active,
        "name": [{"use": "official", "text": name}],
        "qualification": [
            {
                "identifier": identifier(site.systems.sid("rqe"), one.nr_rqe),
                "code": _occupation(one),
                "period": site.period(one.dt_inicio, one.dt_fim),
            }
            if one.nr_rqe
            else {"code": _occupation(one), "period": site.period(one.dt_inicio, one.dt_fim)}
            for one in provider.especialidades
        ],
    }


def _location(
    address: ProviderAddress, key: str, owner: Json, active: bool, urgent: bool, site: Site, faults: list[Fault]
) -> Json:
    """owner: a reference, of organizations. urgent: whether it is an emergency department."""
    municipality = address.cd_municipio_ibge
    if municipality and len(municipality) == 7 and check_digits.wrong("ibge-municipality", municipality):
        faults.append(
            Fault("enderecos.cd_municipio_ibge", "the check digit of the municipality is wrong", "check-digit")
        )
    if address.sg_uf:
        table("uf").to(address.sg_uf, "enderecos.sg_uf")
    lines = [
        " ".join(part for part in (address.ds_endereco, address.nr_endereco) if part),
        address.ds_complemento,
        address.ds_bairro,
    ]
    extension = {"url": site.systems.extension("municipio-ibge"), "valueCode": municipality}
    return {
        "resourceType": "Location",
        "id": f"{key}-end-{address.nr_seq}",
        "status": "active" if active else "inactive",
        "mode": "instance",
        "type": [concept(coding(ROLE_CODE, "ER"))] if urgent else [],
        "telecom": [{"system": "phone", "value": phone(address.nr_ddd, address.nr_telefone)}]
        if address.nr_telefone
        else [],
        "address": _without_empty(
            {
                "extension": [extension] if municipality else [],
                "use": "work",
                "line": [line for line in lines if line],
                "city": address.ds_municipio,
                "state": address.sg_uf,
                "postalCode": address.cd_cep,
                "country": "BR",
            }
        ),
        "position": {"latitude": address.nr_latitude, "longitude": address.nr_longitude}
        if address.nr_latitude is not None and address.nr_longitude is not None
        else {},
        "managingOrganization": owner,
    }


def _occupation(specialty: Specialty) -> Json:
    return concept(coding(CBO, specialty.cd_cbo, specialty.ds_especialidade))


def _place(specialty: Specialty, key: str) -> list[Json]:
    number = specialty.nr_seq_endereco
    return [{"reference": f"Location/{key}-end-{number}"}] if number else []


def _role(
    specialty: Specialty, provider: Provider, key: str, itself: str, active: bool, today: date, site: Site
) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": f"{key}-cbo-{specialty.cd_cbo}-{specialty.nr_seq_endereco or 0}",
        "active": active and _valid(specialty.dt_inicio, specialty.dt_fim, today),
        "period": site.period(specialty.dt_inicio, specialty.dt_fim or provider.dt_exclusao),
        "practitioner": {"reference": itself},
        "specialty": [_occupation(specialty)],
        "location": _place(specialty, key),
    }


def _service(
    specialty: Specialty, provider: Provider, key: str, itself: str, active: bool, today: date, site: Site
) -> Json:
    urgent = [{"url": site.systems.extension("urgencia-emergencia"), "valueBoolean": True}]
    return {
        "resourceType": "HealthcareService",
        "id": f"{key}-cbo-{specialty.cd_cbo}-{specialty.nr_seq_endereco or 0}",
        "extension": urgent if provider.ie_urgencia_emergencia == "S" else [],
        "active": active and _valid(specialty.dt_inicio, specialty.dt_fim, today),
        "providedBy": {"reference": itself},
        "specialty": [_occupation(specialty)],
        "location": _place(specialty, key),
    }
