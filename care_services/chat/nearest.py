"""Where somebody is whom a level sends to an emergency department: people learn it at once, and the nearest one of the
network is told. Pure. The care services' contract, section 7: the location is asked, and nothing further.

What to do was told before anybody asked: nothing here delays it, and in an emergency 192 comes first again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import asin, cos, radians, sin, sqrt

from care_services.chat import wording
from care_services.chat.conversation import CONCLUDED, EMERGENCY, HUMAN, Located, Say
from care_services.chat.known import NEAR, Department, Look, Near, Where
from care_services.chat.levels_told import LEVELS_TOLD
from care_services.chat.talk import Talk
from care_services.chat.whom import OTHERS
from care_services.entities.reading import named
from care_services.triage.levels import LEVELS
from care_services.triage.normal import words_of
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import LONGEST

ADDRESS = "M-05"
"""The text that asks for it whoever cannot call: what is written then is an address."""
GENTLY = "where_suicide"
"""The text that asks for it beside M-06."""
WITHIN = 50.0
"""Kilometres: what is farther away is not told."""
IN_A_CITY = 2
"""Departments that are told where nobody knows which is nearest."""
EARTH = 6371.0
"""Its radius in kilometres."""
_NAME, _ADDRESS, SAID = 80, 140, 300
"""Characters at most of a department, so that the whole fits one message, and of what somebody says of a place."""


def ask(talk: Talk, name: str) -> None:
    """Where they are is asked, and it is no question that anything waits for."""
    talk.says.append(Say(name, wording.text(talk.rules, name), place=True))


def located(talk: Talk) -> bool:
    """Whether the message says where somebody is who was asked. Raises Look."""
    now = talk.now
    if now.told is None or LEVELS_TOLD[now.told].where is None or now.state not in (CONCLUDED, EMERGENCY, HUMAN):
        return False
    where = talk.message.where or _written(talk)
    if where is None:
        return False
    near = talk.message.found.near
    if near is None:
        raise Look(NEAR, _whose(talk), where)
    talk.change(where=where, question=None)
    if near.task is None:
        talk.do(replace(LEVELS_TOLD[now.told].desk, reason="where somebody is"))
    else:
        talk.do(Located(near.task, where))
    professional = now.state == HUMAN and now.taken  # who has the talk, and says where to go
    if (where.position or where.city) and not professional:
        _tell(talk, nearest(near, where))
    return True


def nearest(near: Near, where: Where) -> list[tuple[Department, float | None]]:
    """The department to go to, and its distance in kilometres as the crow flies; of a city some, without one."""
    open_to = [one for one in near.departments if not (near.plans and one.plans) or near.plans & one.plans]
    if where.position is None:
        return [(one, None) for one in sorted(open_to, key=lambda one: one.name)[:IN_A_CITY]]
    here = where.position
    away = [(kilometres(here, one.position), one) for one in open_to if one.position is not None]
    inside = [each for each in away if each[0] <= WITHIN]
    return [(one, distance) for distance, one in sorted(inside, key=lambda each: (each[0], each[1].name))[:1]]


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Between two positions on a sphere: half a percent off at most."""
    (south, west), (north, east) = (tuple(map(radians, each)) for each in (one, other))
    square = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(square)))


def _written(talk: Talk) -> Where | None:
    """A city that is named in words, or the address that was asked for."""
    said, question = talk.message.text, talk.now.question
    words = words_of(said[:LONGEST], talk.rules.spellings)
    city = next((one.value for one in named(words) if one.kind == "city"), "")
    address = said and question is not None and question.name == ADDRESS
    return Where(city=city, said=said[:SAID]) if city or address else None


def _whose(talk: Talk) -> str | None:
    """Reference of the Patient whose plan it is, if that was proved."""
    now = talk.now
    return (now.whom or None) if now.proof.proved and now.interview.about in OTHERS else now.proof.proved


def _tell(talk: Talk, found: Sequence[tuple[Department, float | None]]) -> None:
    suffix = "_emergency" if talk.now.told == LEVELS[-1] else ""
    if not found:
        talk.say(f"nearest_none{suffix}")
        return
    lines = [_line(talk.rules, one, distance) for one, distance in found]
    talk.say(f"nearest{suffix}", place=lines[0] if len(lines) == 1 else "".join(f"\n• {one}" for one in lines))


def _line(rules: RuleSet, one: Department, distance: float | None) -> str:
    parts = [f"*{one.name[:_NAME]}*"]
    if one.address:
        parts.append(wording.text(rules, "nearest_address", address=one.address[:_ADDRESS]))
    if one.phone:
        parts.append(wording.text(rules, "nearest_phone", phone=one.phone))
    if distance is not None:
        far = f"{distance:.1f}".replace(".", ",") if distance < 10 else f"{distance:.0f}"
        parts.append(wording.text(rules, "nearest_distance", km=far))
    return f"{''.join(parts)}."
