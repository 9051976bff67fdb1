"""`hub serve --simulate`: a telephone beside the hub; who writes there is answered, also after a new start."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

import httpx2

from tests.hub.running import Hub

Json = Any
SECONDS = 60


def telephone(hub: Hub) -> str:
    [url] = re.findall(r"would at (http://127\.0\.0\.1:\d+)/", hub.output())
    return f"{url}/_simulador/conversas/5517988880001"


def answered(url: str, text: str) -> str:
    """What comes to a text."""
    before = len(lines(url))
    content = {"type": "text", "text": {"body": text}}
    sent = {"nome": "Pessoa de exemplo", "conteudo": content}
    assert httpx2.post(url, json=sent, timeout=SECONDS).status_code == 202
    limit = time.monotonic() + SECONDS
    while len(came := lines(url)) == before:
        assert time.monotonic() < limit
        time.sleep(0.1)
    content = came[before]
    said: str = content["interactive"]["body"]["text"] if content["type"] == "interactive" else content["text"]["body"]
    return said


def lines(url: str) -> list[Json]:
    """What the business said."""
    return [one["content"] for one in httpx2.get(url, timeout=SECONDS).json()["linhas"] if not one["mine"]]


def test_who_writes_on_the_telephone_is_answered_and_on_call_is_paged(hub: Hub) -> None:
    hub.settings["access"] = "smart"
    for text, reply in (("oi", "Sou o assistente automático"), ("socorro", "Ligue agora para o 192")):
        hub.serve("--simulate")
        # The second time the simulated telephone begins anew, and the hub remembers what was said.
        assert reply in answered(telephone(hub), text)
        if text == "socorro":
            limit = time.monotonic() + SECONDS
            while "on call is paged" not in hub.output():
                assert time.monotonic() < limit
                time.sleep(0.1)
        assert hub.end(signal.SIGTERM) == 0
