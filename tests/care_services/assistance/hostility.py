"""A member whose answers depend on what is asked, and who talks to the engine with a model's answers, or without."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from care_services.assistance.asked import extracting
from care_services.assistance.extraction import accepted
from care_services.assistance.vocabulary import vocabulary
from care_services.chat.alarm import alarming
from care_services.chat.conversation import ASKING, OPEN, Conversation, Extracted, Inbound, Turn
from care_services.chat.engine import turn
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from tests.care_services.chat.talking import NOON

CASES = Path(__file__).parent.parent / "triage" / "cases"
MOST = 40
ANSWERS = ["Não"] * 12 + ["Sim", "não sei", "acho que sim", "um pouco, desde ontem", "só quando eu deito, sabe"]
AGES = ["34 anos", "8 meses", "82", "5 anos", "uns 60 anos"]

Model = Callable[[list[str]], str | None]
"""The member's last texts -> the content of the model's answer; None: there is none."""


@cache
def stories() -> list[str]:
    """What members of the authoring set say, as far as no word of it is an alarm: others never reach a model."""
    return [
        text
        for path in sorted(CASES.glob("*.jsonl"))
        for line in path.read_text().splitlines()
        for form in ("opening", "messy", "hard")
        for text in json.loads(line).get(form, ())
        if not alarming(text, rules())
    ]


def story(seed: int) -> str:
    """One or two things that somebody tells."""
    chance = random.Random(seed)
    return ". ".join(chance.sample(stories(), chance.choice([1, 1, 1, 2])))


def answer(seed: int, name: str, titles: list[str]) -> str:
    """What is said to a question: the same whenever this member is asked it."""
    chance = random.Random(f"{seed}:{name}")
    if name == "age":
        return chance.choice(AGES)
    if titles:
        return titles[-1] if name == "screen" and chance.random() < 0.95 else chance.choice(titles)
    return chance.choice(ANSWERS)


def extraction(content: str | None, texts: list[str]) -> Extracted | None:
    """What counts of an answer about these texts."""
    if content is None:
        return None
    turns = dict(enumerate(texts, 1))
    found = accepted(content, turns, vocabulary(rules()), "simulated-1 2026.1").extracted
    return found or Extracted({}, False, "simulated-1 2026.1")


def talked(seed: int, model: Model | None) -> Conversation:
    """Where a whole conversation ends, with what a model answers."""
    return talked_with(seed, None if model is None else lambda texts: extraction(model(texts), texts))


def talked_with(seed: int, sees: Callable[[list[str]], Extracted | None] | None) -> Conversation:
    """Where it ends, with what counts of the answers."""
    now = Conversation(state=OPEN, noticed=True, model_told=True)
    text, tapped, texts = story(seed), None, []
    for number in range(MOST):
        texts = [*texts, text][-6:]
        at = NOON + 30 * number
        message = Inbound(f"m{number}", "interactive" if tapped else "text", at, at, text, tapped)
        if sees is not None and extracting(now, message, rules()):
            message = replace(message, extracted=sees(texts))
        came: Turn = turn(now, message, rules(), "P1")
        now = came.conversation
        if now.state not in (*ASKING, OPEN):
            break
        asked = next((one for one in reversed(came.says) if one.options or now.state in ASKING), None)
        if asked is None:
            break
        titles = [one.title for one in asked.options]
        if now.state == OPEN:
            text = "Tenho um sintoma" if "Tenho um sintoma" in titles else titles[0]
        else:
            text = answer(seed, now.interview.asked[-1], titles)
        tapped = next((one.id for one in asked.options if one.title == text), None)
    return now


def lower(with_model: Conversation, without: Conversation) -> bool:
    """Whether the level is lower with a model than without."""
    return LEVELS.index(with_model.interview.level) < LEVELS.index(without.interview.level)
