"""Members as FHIR lines: Patient, RelatedPerson, Coverage, by the day's roster. Tasy contract, section 10.3, B-1.

What the REST interface tells of the same member becomes the same elements, under the same ids.
"""

from __future__ import annotations

from typing import Any

from simulators.tasy.places import Address
from simulators.tasy.systems import (
    CNS,
    CPF,
    HL7,
    RACE,
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

_GENDERS = {"M": "male", "F": "female", "I": "unknown"}
_RACES = {"01": "Branca", "02": "Preta", "03": "Parda", "04": "Amarela", "05": "Indígena", "99": "Não informada"}
_KINSHIP = {
    "1": ("self", "Titular"), "3": ("spouse", "Cônjuge"), "4": ("child", "Filho"), "6": ("child", "Enteado"),
    "8": ("parent", "Pai ou mãe"), "10": ("other", "Agregado"),
}  # fmt: skip
"""What the member is to the holder, by SIB code."""
_HOLDER = {
    "3": ("SPS", "spouse"), "4": ("PRN", "parent"), "6": ("STPPRN", "step parent"), "8": ("CHILD", "child"),
    "10": ("FAMMEMB", "family member"),
}  # fmt: skip
"""What the holder is to the member, by the same code."""
_STATUS = {"A": "active", "R": "active", "S": "active", "I": "cancelled"}
_ROOMS = {"C": "Enfermaria", "I": "Apartamento", "N": "Sem internação"}


def patient_id(member: Json) -> str:
    """Logical id of a member's Patient."""
    return f"pf-{member['segurado']['cd_pessoa_fisica']}"


def coverage_id(key: int) -> str:
    """Logical id of a member's Coverage."""
    return f"seg-{key}"


def patient(member: Json) -> Json:
    """The person."""
    who, record = member["segurado"], member["cadastro"]
    names = [_name(who["nm_pessoa_fisica"], "official")]
    if who["nm_social"]:
        names.insert(0, _name(who["nm_social"], "usual"))
    return without_empty(
        {
            "resourceType": "Patient",
            "id": patient_id(member),
            "extension": [
                {
                    "url": "https://ips.saude.gov.br/fhir/StructureDefinition/raca-br-ips",
                    "valueCodeableConcept": concept(RACE, record["cd_raca"], _RACES[record["cd_raca"]]),
                }
            ],
            "identifier": [
                *identifier(CPF, who["nr_cpf"], use="official"),
                *identifier(CNS, who["nr_cartao_nac_sus"]),
                *identifier(sid("tasy/pessoa-fisica"), who["cd_pessoa_fisica"]),
            ],
            "active": who["ie_situacao"] != "I",
            "name": names,
            "telecom": _telecom(record),
            "gender": _GENDERS[who["ie_sexo"]],
            "birthDate": who["dt_nascimento"],
            "address": [_address(record["endereco"])],
        }
    )


def related_person(member: Json, holder: Json) -> Json | None:
    """The holder as who answers for the member; None: it is the holder."""
    who, answers = member["segurado"], holder["segurado"]
    kinship = who["cd_parentesco_sib"]
    if kinship not in _HOLDER:
        return None
    return without_empty(
        {
            "resourceType": "RelatedPerson",
            "id": f"{coverage_id(who['nr_seq_segurado'])}-titular",
            "identifier": identifier(CPF, answers["nr_cpf"], use="official"),
            "active": who["ie_situacao"] != "I",
            "patient": {"reference": f"Patient/{patient_id(member)}"},
            "relationship": [concept(HL7 + "v3-RoleCode", *_HOLDER[kinship])],
            "name": [_name(answers["nm_pessoa_fisica"], "official")],
            "telecom": _telecom(holder["cadastro"]),
            "gender": _GENDERS[answers["ie_sexo"]],
            "birthDate": answers["dt_nascimento"],
        }
    )


def coverage(member: Json, holder: Json) -> Json:
    """The contract."""
    who, card, product, record = (member[part] for part in ("segurado", "carteira", "plano", "cadastro"))
    kinship = who["cd_parentesco_sib"]
    relationship, display = _KINSHIP[kinship]
    extensions = [
        extension("movimento", valueCode=record["ie_movimento"]),
        *(_waiting("cpt" if one["ie_cpt"] == "S" else "carencia", one) for one in member["carencias"]),
    ]
    if who["dt_limite_utilizacao"]:
        extensions.append(extension("limite-utilizacao", valueDate=who["dt_limite_utilizacao"]))
    return {
        "resourceType": "Coverage",
        "id": coverage_id(who["nr_seq_segurado"]),
        "extension": extensions,
        "identifier": [
            *identifier(sid("tasy/segurado"), who["nr_seq_segurado"]),
            *identifier(sid("carteira"), card["cd_usuario_plano"]),
        ],
        "status": _STATUS.get(who["ie_situacao"], "cancelled"),
        "policyHolder": known("Organization", "tasy/contrato", record["nr_contrato"]),
        "subscriber": {"reference": f"Patient/{patient_id(holder)}"},
        "subscriberId": card["cd_usuario_plano"],
        "beneficiary": {"reference": f"Patient/{patient_id(member)}"},
        "relationship": {
            "coding": [
                {"system": HL7 + "subscriber-relationship", "code": relationship},
                {"system": codes("sib-parentesco"), "code": kinship, "display": display},
            ]
        },
        "period": period(who["dt_contratacao"], who["dt_rescisao"]),
        "payor": [insurer()],
        "class": [
            _class("group", record["nr_contrato"], record["ie_tipo_contratacao"]),
            _class("plan", product["nr_seq_plano"], product["ds_plano"]),
            _class("subplan", product["ie_acomodacao"], _ROOMS[product["ie_acomodacao"]]),
        ],
    }


def removal(member: Json) -> Json:
    """A Bundle that takes a member out who never should have been in, for `_Deleted`."""
    gone = [f"Coverage/{coverage_id(member['segurado']['nr_seq_segurado'])}", f"Patient/{patient_id(member)}"]
    if member["segurado"]["nr_seq_titular"]:
        gone.insert(0, f"RelatedPerson/{coverage_id(member['segurado']['nr_seq_segurado'])}-titular")
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": url}} for url in gone],
    }


def _name(text: str, use: str) -> Json:
    given, _, family = text.rpartition(" ")
    return {"use": use, "text": text, "family": family, **({"given": given.split(" ")} if given else {})}


def _telecom(record: Json) -> list[Json]:
    number = record["nr_telefone"]
    where: Address = record["endereco"]
    return [{"system": "phone", "value": f"+55{where.municipality.area}{number}", "use": "mobile"}] if number else []


def _address(where: Address) -> Json:
    return {
        "extension": [extension("municipio-ibge", valueCode=where.municipality.code)],
        "use": "home",
        "line": [f"{where.street} {where.number}", where.quarter],
        "city": where.municipality.name,
        "state": "SP",
        "postalCode": where.postal,
        "country": "BR",
    }


def _waiting(name: str, one: Json) -> Json:
    return extension(
        name,
        extension=[
            {"url": "descricao", "valueString": one["ds_carencia"]},
            {"url": "fim", "valueDate": one["dt_fim"]},
            {"url": "cpt", "valueBoolean": one["ie_cpt"] == "S"},
        ],
    )


def _class(kind: str, value: object, name: str) -> Json:
    return {"type": concept(HL7 + "coverage-class", kind), "value": str(value), "name": name}
