"""A synthetic plan of any size: families, plans, providers. The same size and seed give the same plan.

The random process: families of one to five, the first the holder; holders are 18 to 80 years old, partners within ten
years of them, children 18 to 40 years younger; one contract in forty is suspended, one in thirty has ended, half of
those may still be used for a while; one CPF in ten is not known, and so is one CNS in three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from simulators.tasy import numbers

Json = dict[str, Any]

_FEMALE = [
    "ALICE",
    "ANA",
    "BEATRIZ",
    "CAMILA",
    "CARLA",
    "DEBORA",
    "ELISA",
    "FERNANDA",
    "GABRIELA",
    "HELENA",
    "IARA",
    "JULIA",
    "LARISSA",
    "LUIZA",
    "MARIANA",
]
_MALE = [
    "ANDRE",
    "BRUNO",
    "CAIO",
    "DANIEL",
    "EDUARDO",
    "FELIPE",
    "GUSTAVO",
    "HEITOR",
    "IGOR",
    "JORGE",
    "LUCAS",
    "MATEUS",
    "NATAN",
    "OTAVIO",
    "PEDRO",
    "RAFAEL",
]
_FAMILY = [
    "ALMEIDA",
    "ARAUJO",
    "BARBOSA",
    "CARDOSO",
    "CARVALHO",
    "COSTA",
    "DIAS",
    "FERREIRA",
    "GOMES",
    "LIMA",
    "LOPES",
    "MARTINS",
    "MENDES",
    "MOREIRA",
    "NUNES",
    "OLIVEIRA",
    "PEREIRA",
    "RAMOS",
    "RIBEIRO",
    "ROCHA",
    "SANTANA",
    "SILVA",
    "SOARES",
    "SOUZA",
    "TEIXEIRA",
    "VIEIRA",
]
_PARTICLES = ("", "", "", "DE ", "DA ", "DOS ")
_PLANS = (("EXEMPLO ENFERMARIA", "C"), ("EXEMPLO APARTAMENTO", "A"), ("EXEMPLO AMBULATORIAL", "N"))
_SPECIALTIES = (
    ("225125", "CLINICA MEDICA"), ("225124", "PEDIATRIA"), ("225250", "GINECOLOGIA E OBSTETRICIA"),
    ("225120", "CARDIOLOGIA"), ("225270", "ORTOPEDIA"),
)  # fmt: skip


@dataclass(slots=True)
class Plan:
    """Members and providers, as Tasy tells of them."""

    members: list[Json] = field(default_factory=list)
    """With `segurado`, `carteira` and `plano`, as in an eligibility answer."""
    providers: list[Json] = field(default_factory=list)


def population(size: int, seed: int = 1, today: date = date(2026, 3, 10)) -> Plan:
    """A plan of so many members. today: what ages and contracts are counted from."""
    random = Random(seed)
    plan = Plan()
    families = _families(random, today)
    while len(plan.members) < size:
        plan.members += next(families)[: size - len(plan.members)]
    plan.providers = [_provider(random, number, today) for number in range(max(20, size // 250))]
    return plan


def _families(random: Random, today: date) -> Iterator[list[Json]]:
    person = 1000
    while True:
        surname = f"{random.choice(_PARTICLES)}{random.choice(_FAMILY)} {random.choice(_FAMILY)}"
        holder_age = random.randint(18, 80)
        kinds = [("1", holder_age)]
        if random.random() < 0.5:
            kinds.append(("3", max(18, holder_age + random.randint(-10, 10))))
        oldest = min(holder_age - 18, 24)
        if oldest >= 0:
            kinds += [("4", random.randint(0, oldest)) for _ in range(random.choice((0, 0, 1, 1, 2, 3)))]
        contract = _contract(random, today)
        number, holder = random.randrange(44, 44 + len(_PLANS)), 0
        family = []
        for place, (kinship, age) in enumerate(kinds):
            person += 1
            holder = holder or person
            family.append(_member(random, person, holder, place, kinship, age, surname, contract, number, today))
        yield family


def _contract(random: Random, today: date) -> Json:
    start = today - timedelta(days=random.randint(30, 3650))
    dice = random.random()
    if dice < 1 / 40:
        return {"ie_situacao": "S", "dt_contratacao": start, "dt_rescisao": None, "dt_limite_utilizacao": None}
    if dice < 1 / 40 + 1 / 30:
        end = today - timedelta(days=random.randint(1, 25))
        limit = end + timedelta(days=180) if random.random() < 0.5 else None
        state = "A" if limit else "I"
        return {"ie_situacao": state, "dt_contratacao": start, "dt_rescisao": end, "dt_limite_utilizacao": limit}
    return {"ie_situacao": "A", "dt_contratacao": start, "dt_rescisao": None, "dt_limite_utilizacao": None}


def _member(
    random: Random, person: int, holder: int, place: int, kinship: str, age: int, surname: str, contract: Json,
    plan: int, today: date,
) -> Json:  # fmt: skip
    female = random.random() < 0.51
    given = random.choice(_FEMALE if female else _MALE)
    born = today - timedelta(days=int(age * 365.25) + random.randrange(365))
    name, room = _PLANS[plan - 44]
    return {
        "segurado": {
            "nr_seq_segurado": 800_000 + person,
            "cd_pessoa_fisica": f"{person:07d}",
            "nm_pessoa_fisica": f"{given} {surname}",
            "dt_nascimento": born.isoformat(),
            "ie_sexo": "F" if female else "M",
            "nr_cpf": None if random.random() < 0.1 else numbers.cpf(random),
            "nr_cartao_nac_sus": None if random.random() < 1 / 3 else numbers.cns(random),
            "nr_seq_titular": None if place == 0 else 800_000 + holder,
            "cd_parentesco_sib": kinship,
            **{key: one.isoformat() if isinstance(one, date) else one for key, one in contract.items()},
        },
        "carteira": {
            "cd_usuario_plano": f"009{holder:010d}{place:02d}{person % 100:02d}",
            "nr_via": 1,
            "dt_validade_carteira": (today + timedelta(days=random.randint(200, 900))).isoformat(),
        },
        "plano": {"nr_seq_plano": plan, "ds_plano": name, "ie_acomodacao": room, "ie_coparticipacao": "S"},
    }


def _provider(random: Random, number: int, today: date) -> Json:
    key, clinic = 4700 + number, number % 3 == 0
    start = (today - timedelta(days=random.randint(100, 4000))).isoformat()
    code, specialty = random.choice(_SPECIALTIES)
    name = f"{random.choice(_FEMALE + _MALE)} {random.choice(_FAMILY)} {random.choice(_FAMILY)}"
    who: Json = (
        {"ie_tipo_pessoa": "J", "cd_cgc": numbers.cnpj(random, letters=number % 2 == 1),
         "cd_cnes": f"{9_990_000 + number}", "ds_razao_social": f"CLINICA {random.choice(_FAMILY)} LTDA"}
        if clinic
        else {"ie_tipo_pessoa": "F", "nr_cpf": numbers.cpf(random), "ds_razao_social": name, "cd_conselho": "06",
              "nr_conselho": f"{100_000 + number}", "cd_uf_conselho": "35"}
    )  # fmt: skip
    return {
        "nr_seq_prestador": key,
        "cd_prestador": f"{key:06d}",
        **who,
        "ie_situacao": "A",
        "ie_guia_medico": "S",
        "ie_publica_ans": "S",
        "ie_urgencia_emergencia": "S" if clinic and number % 6 == 0 else "N",
        "ie_relacao": "C",
        "dt_inicio_contrato": start,
        "dt_atualizacao": f"{today.isoformat()}T02:{number % 60:02d}:00",
        "enderecos": [
            {"nr_seq": 1, "cd_tipo_logradouro": "081", "ds_endereco": "DAS FLORES", "nr_endereco": str(100 + number),
             "ds_bairro": "CENTRO", "cd_municipio_ibge": "3549805", "sg_uf": "SP", "cd_cep": "15015000", "nr_ddd": "17",
             "nr_telefone": f"3{number:07d}"}
        ],
        "especialidades": [{"cd_cbo": code, "ds_especialidade": specialty, "nr_seq_endereco": 1, "dt_inicio": start}],
        "planos": [{"nr_seq_plano": 44 + n, "dt_inicio": start} for n in range(len(_PLANS))] if clinic else [],
        "corpo_clinico": [{"nr_seq_prestador": key + 1, "dt_inicio": start}] if clinic else [],
    }  # fmt: skip
