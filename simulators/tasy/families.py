"""The random process by which families are made, as docs/simulators.md tells it: who is in them, and their contract."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from random import Random
from typing import Any

from simulators.tasy import health, names, numbers, places
from simulators.tasy.products import PRODUCTS, SHARES, TEMPORARY, WAITING

Json = dict[str, Any]

PLACES = 10
"""Keys of a family; the last ones are for those born later."""

_HOLDER_AGES = (
    (18, 24, 6),
    (25, 29, 12),
    (30, 39, 29),
    (40, 49, 22),
    (50, 59, 14),
    (60, 69, 10),
    (70, 79, 5),
    (80, 95, 2),
)
"""First and last year of a band, holders of that age in a hundred."""
_HOLDER_WEIGHTS = [weight for *_, weight in _HOLDER_AGES]
_PARTNER = ((18, 0.15), (25, 0.45), (35, 0.6), (60, 0.5), (80, 0.25))
"""From which age of the holder on how many have a partner in the plan."""
_CHILDREN = (
    (18, (0.85, 0.13, 0.02)),
    (25, (0.5, 0.33, 0.15, 0.02)),
    (35, (0.28, 0.34, 0.28, 0.1)),
    (50, (0.6, 0.27, 0.13)),
    (60, (0.95, 0.05)),
)
"""From which age of the holder on how often 0, 1, 2, ... children."""
_RACES = (("01", 52), ("03", 32), ("02", 9), ("04", 2), ("05", 0.3), ("99", 4.7))
_RACE_CODES, _RACE_WEIGHTS = [code for code, _ in _RACES], [weight for _, weight in _RACES]


def family(seed: int, number: int, today: date) -> list[Json]:
    """The members of a family: the holder, then the others. Another number, another family; the same, the same.

    Each as an eligibility answer tells of them (`segurado`, `carteira`, `plano`, `carencias`), and in `cadastro` what
    only the roster tells.
    """
    random = Random(seed * 1_000_003 + number)
    first, last, _ = random.choices(_HOLDER_AGES, _HOLDER_WEIGHTS)[0]
    holder_age = random.randint(first, last)
    kinds = [("1", holder_age)]
    if random.random() < _of(_PARTNER, holder_age):
        kinds.append(("3", max(18, holder_age + round(random.gauss(0, 4)))))
    shares = _of(_CHILDREN, holder_age)
    youngest, oldest = max(0, holder_age - 42), min(holder_age - 18, 24)
    children = random.choices(range(len(shares)), shares)[0] if youngest <= oldest else 0
    kinds += [("6" if random.random() < 0.06 else "4", random.randint(youngest, oldest)) for _ in range(children)]
    if random.random() < 0.03 and holder_age < 65:
        kinds.append(("8", holder_age + random.randint(20, 32)))
    if random.random() < 0.015:
        kinds.append(("10", random.randint(18, 70)))
    surname, home = names.family(random), places.address(random)
    contract, product = _contract(random, number, today), random.choices(PRODUCTS, SHARES)[0]
    race = random.choices(_RACE_CODES, _RACE_WEIGHTS)[0]
    return [
        member(random, number, place, kinship, age, surname, contract, product, home, race, today)
        for place, (kinship, age) in enumerate(kinds[: PLACES - 2])
    ]


def _of(table: tuple[tuple[int, Any], ...], age: int) -> Any:
    return table[bisect_right(table, age, key=lambda row: row[0]) - 1][1]


def _contract(random: Random, number: int, today: date) -> Json:
    start = today - timedelta(days=min(30 + int(random.expovariate(1 / 1400)), 7300))
    kind = random.choices(("individual", "adesao", "empresarial"), (22, 13, 65))[0]
    # Companies have about twenty families each, individual contracts one.
    key = 700_000 + (number if kind == "individual" else number // 20 + (3_000_000 if kind == "adesao" else 6_000_000))
    contract: Json = {
        "ie_situacao": "A",
        "dt_contratacao": start,
        "dt_rescisao": None,
        "dt_limite_utilizacao": None,
        "nr_contrato": key,
        "ie_tipo_contratacao": kind,
    }
    dice = random.random()
    if dice < 1 / 40:
        contract["ie_situacao"] = "S"
    elif dice < 1 / 40 + 1 / 30:
        contract["dt_rescisao"] = today - timedelta(days=random.randint(1, 25))
        if random.random() < 0.5:
            contract["dt_limite_utilizacao"] = contract["dt_rescisao"] + timedelta(days=180)
        else:
            contract["ie_situacao"] = "I"
    elif dice < 1 / 40 + 1 / 30 + 1 / 150:
        contract["ie_situacao"] = "R"
    return contract


def member(
    random: Random, family: int, place: int, kinship: str, age: int, surname: str, contract: Json, product: Json,
    home: places.Address, race: str, today: date,
) -> Json:  # fmt: skip
    """One member. place: in the family, 0 is the holder."""
    person = 10_000 + family * PLACES + place
    sex = "F" if random.random() < 0.51 else "M"
    born = today - timedelta(days=int(age * 365.25) + random.randrange(365))
    if contract["dt_rescisao"]:  # nobody is born into a contract that has ended
        born = min(born, contract["dt_rescisao"])
    given = names.given(random, sex, born.year)
    start = max(contract["dt_contratacao"], born)
    conditions = [one.code for one in health.chronic(random, age, sex)]
    had_before = bool(conditions) and random.random() < 0.3
    waiting = [
        {"ds_carencia": name, "dt_fim": (start + timedelta(days=days)).isoformat(), "ie_cpt": "N"}
        for name, days in WAITING
        if start + timedelta(days=days) > today
    ]
    if had_before and start + timedelta(days=TEMPORARY) > today:
        end = (start + timedelta(days=TEMPORARY)).isoformat()
        waiting.append({"ds_carencia": "COBERTURA PARCIAL TEMPORARIA", "dt_fim": end, "ie_cpt": "S"})
    return {
        "segurado": {
            "nr_seq_segurado": 800_000 + family * PLACES + place,
            "cd_pessoa_fisica": f"{person:07d}",
            "nm_pessoa_fisica": f"{given} {surname}",
            "nm_social": f"{names.given(random, 'M' if sex == 'F' else 'F', born.year)} {surname}"
            if random.random() < 1 / 400
            else None,
            "dt_nascimento": born.isoformat(),
            "ie_sexo": sex,
            "nr_cpf": None if random.random() < (0.25 if age < 12 else 0.03) else numbers.cpf(person),
            "nr_cartao_nac_sus": None if random.random() < 1 / 3 else numbers.cns(random),
            "nr_seq_titular": None if place == 0 else 800_000 + family * PLACES,
            "cd_parentesco_sib": kinship,
            "ie_situacao": contract["ie_situacao"],
            "dt_contratacao": start.isoformat(),
            "dt_rescisao": _day(contract["dt_rescisao"]),
            "dt_limite_utilizacao": _day(contract["dt_limite_utilizacao"]),
        },
        "carteira": {
            "cd_usuario_plano": f"009{family:010d}{place:02d}{person % 97:02d}",
            "nr_via": 1,
            "dt_validade_carteira": (today + timedelta(days=random.randint(200, 900))).isoformat(),
        },
        "plano": product,
        "carencias": waiting,
        "cadastro": {
            "nr_contrato": contract["nr_contrato"],
            "ie_tipo_contratacao": contract["ie_tipo_contratacao"],
            "endereco": home,
            "nr_telefone": f"9{random.randrange(10**8):08d}" if age >= 14 else None,
            "cd_raca": race,
            "cids": conditions,
            "ie_movimento": "3" if contract["ie_situacao"] == "I" else "1",
        },
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
