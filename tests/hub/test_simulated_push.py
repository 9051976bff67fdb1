"""`hub simulate push`: it tells how a hub is set to it, makes browsers, and shows what comes to them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest

from adapters.partner_errors import PartnerUnavailable
from adapters.web_push import Browser, Gone, Message, WebPush
from hub.push_key import push_key
from hub.settings import read_settings
from tests.hub_process import ROOT


def test_messages_signed_with_the_hub_s_key_are_opened_and_shown(tmp_path: Path) -> None:
    environment = {"HUB_DATA": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "hub.cli", "simulate", "push", "--port", "0"]
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    assert simulator.stdout is not None
    try:
        told = ""
        while "Ctrl-C" not in told:
            told += simulator.stdout.readline()
        variables = dict(re.findall(r"(HUB_\w+)=(\S+)", told))
        [(asked, url)] = re.findall(r"curl -d '(\{.*\})' (\S+)", told)
        settings = read_settings(environment | variables)
        assert settings.push_contact is not None
        assert settings.outbound_loopback
        asyncio.run(_sent(WebPush(_post, push_key(settings), settings.push_contact), asked, url))
        assert re.fullmatch(r"\S{8}  normal  60 s  Oi\n", simulator.stdout.readline())
    finally:
        simulator.send_signal(signal.SIGINT)
        assert simulator.wait(10) == 0
    assert simulator.stdout.read() == ""


async def _post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
    async with httpx2.AsyncClient(trust_env=False) as http:
        return (await http.post(url, content=body, headers=dict(headers))).status_code


async def _sent(push: WebPush, asked: str, url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        made = (await http.post(url, content=asked)).json()
        other = (await http.post(url, content=json.dumps({"key": "B" * 87}))).json()
        browser, stranger = (
            Browser(one["endpoint"], one["keys"]["p256dh"], one["keys"]["auth"]) for one in (made, other)
        )
        await push.send(browser, Message(b"Oi", "1", 60))
        with pytest.raises(PartnerUnavailable):  # it was subscribed with another key
            await push.send(stranger, Message(b"Oi", "1", 60))
        await http.post(f"{url.rpartition('/')[0]}/problemas", json={"status": 410})
        for _ in range(2):
            with pytest.raises(Gone):
                await push.send(browser, Message(b"Oi", "2", 60))
        came = (await http.get(url.rpartition("/")[0])).json()
        assert [one["text"] for one in came["came"]] == ["Oi"]
        assert "another key" in came["refused"][0]
