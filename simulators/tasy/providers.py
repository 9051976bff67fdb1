"""The plan's network: hospitals, clinics, physicians; where they are, in which products. Tasy contract, section 7."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from simulators.tasy import names, numbers, places
from simulators.tasy.products import PRODUCTS

Json = dict[str, Any]

FIRST = 4700
MEMBERS = 250
"""To a provider."""
LEAST = 20

SPECIALTIES = (
    ("225125", "MEDICO CLINICO", 20), ("225124", "MEDICO PEDIATRA", 13),
    ("225250", "MEDICO GINECOLOGISTA E OBSTETRA", 12), ("225120", "MEDICO CARDIOLOGISTA", 9),
    ("225270", "MEDICO ORTOPEDISTA E TRAUMATOLOGISTA", 9), ("225265", "MEDICO OFTALMOLOGISTA", 7),
    ("225133", "MEDICO PSIQUIATRA", 6), ("225155", "MEDICO ENDOCRINOLOGISTA E METABOLOGISTA", 5),
    ("225135", "MEDICO DERMATOLOGISTA", 5), ("225112", "MEDICO NEUROLOGISTA", 4),
    ("225285", "MEDICO UROLOGISTA", 4), ("225110", "MEDICO ALERGISTA E IMUNOLOGISTA", 3),
    ("225109", "MEDICO NEFROLOGISTA", 3),
)  # fmt: skip
"""CBO, name, share."""
_SHARES = [share for *_, share in SPECIALTIES]


def providers(size: int, seed: int, today: date) -> Iterator[Json]:
    """The providers of a plan of so many members: one in three an organization, each third of those a hospital."""
    count = max(LEAST, size // MEMBERS)
    return (_provider(Random(-1 - seed * 1_000_003 - number), number, count, today) for number in range(count))


def _provider(random: Random, number: int, count: int, today: date) -> Json:
    key, clinic, hospital = FIRST + number, number % 3 == 0, number % 9 == 0
    start = (today - timedelta(days=random.randint(100, 4000))).isoformat()
    where = places.address(random)
    sex = random.choice("FM")
    family = names.family(random)
    latitude, longitude = where.municipality.position_of(number)
    # The first ones are of each specialty in turn, so that none is missing in a small network.
    chosen = [
        SPECIALTIES[number // 3 % len(SPECIALTIES)] if number % 3 == 1 else random.choices(SPECIALTIES, _SHARES)[0]
    ]
    if clinic:
        chosen = sorted({*chosen, *random.choices(SPECIALTIES, _SHARES, k=6 if hospital else 2)})
    who: Json = (
        {"ie_tipo_pessoa": "J", "cd_cgc": numbers.cnpj(random, letters=number % 2 == 1),
         "cd_cnes": f"{9_990_000 + number}",
         "ds_razao_social": f"{'HOSPITAL' if hospital else 'CLINICA'} {family} LTDA"}
        if clinic
        else {"ie_tipo_pessoa": "F", "nr_cpf": numbers.cpf(900_000_000 + number),
              "ds_razao_social": f"{names.given(random, sex, random.randint(1955, 1995))} {family}",
              "cd_conselho": "06", "nr_conselho": f"{100_000 + number}", "cd_uf_conselho": "35"}
    )  # fmt: skip
    products = [one for one in PRODUCTS if hospital or random.random() < 0.8] or [PRODUCTS[0]]
    staff = [key + next for next in (1, 2) if number + next < count]
    return {
        "nr_seq_prestador": key,
        "cd_prestador": f"{key:06d}",
        **who,
        "ie_situacao": "A",
        "ie_guia_medico": "S",
        "ie_publica_ans": "S",
        "ie_urgencia_emergencia": "S" if hospital else "N",
        "ie_relacao": random.choices("PCI", (10, 82, 8))[0],
        "dt_inicio_contrato": start,
        "dt_atualizacao": f"{today.isoformat()}T02:{number % 60:02d}:00",
        "enderecos": [
            {"nr_seq": 1, "cd_tipo_logradouro": "081", "ds_endereco": where.street, "nr_endereco": where.number,
             "ds_bairro": where.quarter, "ds_municipio": where.municipality.name,
             "cd_municipio_ibge": where.municipality.code, "sg_uf": "SP", "cd_cep": where.postal,
             "nr_ddd": where.municipality.area, "nr_telefone": f"3{number:07d}",
             "nr_latitude": latitude, "nr_longitude": longitude}
        ],
        "especialidades": [
            {"cd_cbo": code, "ds_especialidade": name, "nr_seq_endereco": 1, "dt_inicio": start}
            for code, name, _ in chosen
        ],
        "planos": [{"nr_seq_plano": one["nr_seq_plano"], "dt_inicio": start} for one in products] if clinic else [],
        "corpo_clinico": [{"nr_seq_prestador": one, "dt_inicio": start} for one in staff] if clinic else [],
    }  # fmt: skip
