"""A model that misbehaves over a real socket lowers no level: each of its troubles, through the door and the engine."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from adapters.language_model.client import OK, LanguageModel, Where
from adapters.language_model.prompts import MEMBER, Turn
from care_services.assistance.extraction import accepted
from care_services.assistance.vocabulary import vocabulary
from care_services.chat.conversation import Extracted
from care_services.triage.rule_set import rules
from simulators.language_model.rest import Model
from simulators.language_model.serve import serving
from simulators.language_model.troubles import ALWAYS, TROUBLES, Trouble
from tests.care_services.assistance.hostility import lower, talked_with

EACH = 3
"""Conversations with each trouble: some sixty in all, of some hundred calls."""


@pytest.mark.parametrize("trouble", sorted(TROUBLES))
async def test_no_level_is_lower_with_a_model_that_misbehaves(trouble: str) -> None:
    model, codes, asked = Model("key"), vocabulary(rules()), 0
    loop = asyncio.get_running_loop()
    async with serving(model) as url, httpx2.AsyncClient(trust_env=False) as http:
        for seed in range(EACH):
            door = LanguageModel(http, Where(url, "key", "simulated-1"), rules().spelling.usual, seconds=0.4)
            model.troubles[:] = [Trouble(trouble, ALWAYS)]

            def sees(texts: list[str], door: LanguageModel = door) -> Extracted | None:
                nonlocal asked
                asked += 1
                turns = [Turn(MEMBER, one) for one in texts]
                answer = asyncio.run_coroutine_threadsafe(door.extract(turns, codes, "hashed"), loop).result(30)
                found = accepted(answer.content, answer.turns, codes, "m") if answer.call.outcome == OK else None
                return found.extracted if found else None

            number = 9000 + 10 * sorted(TROUBLES).index(trouble) + seed
            with_model = await asyncio.to_thread(talked_with, number, sees)
            without = await asyncio.to_thread(talked_with, number, None)
            assert not lower(with_model, without)
    assert asked
    assert model.received
