"""What happens to a plan in a day: births, new families, changes, exclusions, reactivations. Tasy contract, B-1.

A random process of its own for each member and day: the same seed and day, the same changes, whatever the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from simulators.tasy import families, names, places
from simulators.tasy.families import PLACES

Json = dict[str, Any]

SHARE = 0.004
"""Of the members to whom something happens in a day."""
INCLUDED, CHANGED, EXCLUDED, REACTIVATED, REMOVED = "1", "2", "3", "4", "-"
"""Movements, as the extension `movimento` has them; the last is in no Coverage: the member never should have been."""
_NEWBORN = PLACES - 2
"""Place of who is born into a family; once."""


@dataclass(slots=True)
class Moved:
    """A member at the end of the day."""

    member: Json
    holder: Json
    movement: str = ""
    """Empty: nothing happened."""


def day(members: Iterable[Json], seed: int, today: date, share: float = SHARE) -> Iterator[Moved]:
    """All members at the end of a day, in their order, who joined last. share: to how many something happens.

    What comes in stays as it is; a member to whom something happens is another object.
    """
    holder: Json = {}
    leaving, last, count, born = False, -1, 0, False
    for member in members:
        who, count = member["segurado"], count + 1
        number = (who["nr_seq_segurado"] - 800_000) // PLACES
        if who["nr_seq_titular"] is None:
            if born:
                yield _birth(holder, last, seed, today)
            holder, last, leaving = member, number, False
            born = who["ie_situacao"] == "A" and _random(seed, today, who["nr_seq_segurado"] + 9).random() < share / 10
        if (who["nr_seq_segurado"] - 800_000) % PLACES >= _NEWBORN:
            born = False
        random = _random(seed, today, who["nr_seq_segurado"])
        moved = _excluded(member, holder, today) if leaving else _happens(random, member, holder, today, share)
        if moved.movement == EXCLUDED and moved.member["segurado"]["nr_seq_titular"] is None:
            leaving, born = True, False  # who depends on a holder leaves with them
        if moved.member["segurado"]["nr_seq_titular"] is None:
            holder = moved.member
        yield moved
    if born:
        yield _birth(holder, last, seed, today)
    for more in range(1, round(count * share / 20) + 1):
        family = families.family(seed, last + more, today)
        for member in family:
            who = member["segurado"]
            who.update(ie_situacao="A", dt_contratacao=today.isoformat(), dt_rescisao=None, dt_limite_utilizacao=None)
            member["cadastro"]["ie_movimento"] = INCLUDED
            yield Moved(member, family[0], INCLUDED)


def _random(seed: int, today: date, key: int) -> Random:
    return Random((seed * 1_000_003 + today.toordinal()) * 10_000_019 + key)


def _happens(random: Random, member: Json, holder: Json, today: date, share: float) -> Moved:
    dice = random.random()
    if member["segurado"]["ie_situacao"] == "I":
        if dice < share * 2 and member["segurado"]["dt_rescisao"]:
            return _moved(member, holder, REACTIVATED, ie_situacao="A", dt_rescisao=None)
        return Moved(member, holder)
    if dice >= share:
        return Moved(member, holder)
    kind = random.choices((CHANGED, EXCLUDED, REMOVED), (85, 13, 2))[0]
    if kind == EXCLUDED:
        return _excluded(member, holder, today)
    if kind == REMOVED and member["segurado"]["nr_seq_titular"] is not None:
        return Moved(member, holder, REMOVED)
    return _changed(random, member, holder, today)


def _excluded(member: Json, holder: Json, today: date) -> Moved:
    if member["segurado"]["ie_situacao"] == "I":
        return Moved(member, holder)
    return _moved(
        member, holder, EXCLUDED, ie_situacao="I", dt_rescisao=today.isoformat(), dt_limite_utilizacao=None
    )  # fmt: skip


def _changed(random: Random, member: Json, holder: Json, today: date) -> Moved:
    """Another telephone, address, card or family name: one of them."""
    what = random.choices(("telephone", "address", "card", "name"), (40, 35, 18, 7))[0]
    found = _moved(member, holder, CHANGED)
    if what == "card":
        until = (today + timedelta(days=730)).isoformat()
        card = found.member["carteira"]
        found.member["carteira"] = {**card, "nr_via": card["nr_via"] + 1, "dt_validade_carteira": until}
    elif what == "name":
        given = found.member["segurado"]["nm_pessoa_fisica"].partition(" ")[0]
        found.member["segurado"]["nm_pessoa_fisica"] = f"{given} {names.family(random)}"
    elif what == "address":
        found.member["cadastro"]["endereco"] = places.address(random)
    else:
        found.member["cadastro"]["nr_telefone"] = f"9{random.randrange(10**8):08d}"
    return found


def _moved(member: Json, holder: Json, movement: str, **changes: Any) -> Moved:
    """A copy of the member, and of those of its parts that may change."""
    copy = {
        **member,
        "segurado": {**member["segurado"], **changes},
        "cadastro": {**member["cadastro"], "ie_movimento": movement},
    }
    return Moved(copy, copy if member["segurado"]["nr_seq_titular"] is None else holder, movement)


def _birth(holder: Json, number: int, seed: int, today: date) -> Moved:
    random = _random(seed, today, number)
    record, who = holder["cadastro"], holder["segurado"]
    contract: Json = {
        "ie_situacao": "A", "dt_contratacao": today, "dt_rescisao": None, "dt_limite_utilizacao": None,
        "nr_contrato": record["nr_contrato"], "ie_tipo_contratacao": record["ie_tipo_contratacao"],
    }  # fmt: skip
    surname = who["nm_pessoa_fisica"].partition(" ")[2] or who["nm_pessoa_fisica"]
    found = families.member(
        random, number, _NEWBORN, "4", 0, surname, contract, holder["plano"], record["endereco"], record["cd_raca"],
        today,
    )  # fmt: skip
    born = today.isoformat()
    found["segurado"].update(dt_nascimento=born, dt_contratacao=born)
    return Moved(found, holder, INCLUDED)
