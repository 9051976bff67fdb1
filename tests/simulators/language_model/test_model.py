"""A simulated language model over a real socket: sensible answers, and everything it does on command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from simulators.language_model.hostile import KINDS, hostile
from simulators.language_model.reading import extraction, folded
from simulators.language_model.rest import Model
from simulators.language_model.serve import serving
from simulators.language_model.troubles import TROUBLES, Trouble, due

Json = dict[str, Any]
CODES = ["chest_pain", "sweating", "fever", "headache"]
TURNS = [{"turn": 1, "who": "member", "text": "Tô com uma DOR forte no peito, sem febre, e suando frio"}]


def asked(turns: list[Json]) -> Json:
    code = {"properties": {"code": {"enum": CODES}}}
    schema = {"properties": {"findings": {"items": code}}}
    return {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": json.dumps({"turns": turns})}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}},
    }


@pytest.fixture
def model() -> Model:
    return Model("key")


@pytest.fixture
async def http(model: Model) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(model) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": "Bearer key"}, trust_env=False, timeout=20) as http,
    ):
        yield http


async def test_it_reads_what_was_written(http: httpx2.AsyncClient) -> None:
    answer = (await http.post("/chat/completions", json=asked(TURNS))).json()
    found = json.loads(answer["choices"][0]["message"]["content"])
    assert [(one["code"], one["present"]) for one in found["findings"]] == [
        ("chest_pain", "yes"), ("fever", "no"), ("sweating", "yes"),
    ]  # fmt: skip
    assert all(one["quote"] in TURNS[0]["text"] for one in found["findings"])
    assert found["intents"] == ["symptom_report"]
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


async def test_it_wants_a_key_a_strict_schema_and_tells_its_models(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/models", headers={"Authorization": "Bearer x"})).status_code == 401
    assert (await http.get("/models")).json()["data"][0]["id"] == "simulated-1"
    loose = asked(TURNS)
    loose["response_format"]["json_schema"]["strict"] = False
    assert (await http.post("/chat/completions", json=loose)).status_code == 400


@pytest.mark.parametrize("name", sorted(TROUBLES))
async def test_every_trouble_happens_once(http: httpx2.AsyncClient, model: Model, name: str) -> None:
    model.troubles.append(Trouble(name))
    plain = json.dumps(extraction(TURNS, CODES))
    try:
        patience = 0.3 if name in ("silence", "drip") else 20
        answer = await http.post("/chat/completions", json=asked(TURNS), timeout=patience)
        same = answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"] == plain
        assert not same or name == "filtered" or answer.json()["choices"][0]["finish_reason"] != "stop"
    except (httpx2.HTTPError, ValueError, IndexError):
        assert name in {"silence", "drip", "hang-up", "broken-envelope", "empty"}
    assert model.troubles[0].times == 0
    assert (await http.post("/chat/completions", json=asked(TURNS))).status_code == 200


async def test_a_recording_says_something(http: httpx2.AsyncClient, model: Model) -> None:
    file = {"file": ("voice.ogg", b"OggS....", "audio/ogg")}
    answer = await http.post("/audio/transcriptions", data={"model": "m"}, files=file)
    assert answer.json() == {"text": model.heard}
    assert model.received == [{"file": "voice.ogg", "type": "audio/ogg", "size": 8}]


@pytest.mark.parametrize("kind", [*KINDS, "any"])
def test_hostile_contents_come_from_a_seed(kind: str) -> None:
    assert hostile(kind, 7, TURNS, CODES) == hostile(kind, 7, TURNS, CODES)
    assert len({hostile(kind, seed, TURNS, CODES) for seed in range(50)}) > 1


def test_folding_keeps_every_letter_in_its_place() -> None:
    assert folded("AÇÃO é 🚨ﬁm") == "acao e 🚨fim"[:8] + "ﬁm"


def test_troubles_are_counted_off() -> None:
    troubles = [Trouble("silence", 2), Trouble("drip")]
    assert [due(troubles) for _ in range(4)] == ["silence", "silence", "drip", None]
    with pytest.raises(ValueError, match="no such trouble"):
        Trouble("nothing")


async def test_troubles_and_requests_are_told(http: httpx2.AsyncClient) -> None:
    control = str(http.base_url).replace("/v1/", "/_simulador")
    assert (await http.post(f"{control}/problemas", json={"name": "drip"})).status_code == 201
    assert (await http.post(f"{control}/problemas", json={"name": "nothing"})).status_code == 400
    assert (await http.get(control)).json()["problemas"] == [{"name": "drip", "times": 1}]
    assert (await http.delete(control)).status_code == 204
    assert (await asyncio.wait_for(http.get(control), 2)).json() == {"recebido": [], "problemas": []}
