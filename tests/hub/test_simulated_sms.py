"""`hub simulate sms`: it tells how a hub is set to it, takes what comes with its token, and shows it."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys

import httpx2
import pytest

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.sms import Gateway, Sms
from tests.hub_process import ROOT


def test_messages_are_taken_by_its_token_and_shown() -> None:
    command = [sys.executable, "-m", "hub.cli", "simulate", "sms", "--port", "0"]
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert simulator.stdout is not None
    try:
        told = ""
        while "Ctrl-C" not in told:
            told += simulator.stdout.readline()
        [url] = re.findall(r"HUB_SMS_URL=(\S+)", told)
        [token] = re.findall(r"HUB_SMS_TOKEN=(\S+)", told)
        asyncio.run(_sent(url, token))
        assert simulator.stdout.readline() == "+5517988887777  Oi\n"
    finally:
        simulator.send_signal(signal.SIGINT)
        assert simulator.wait(10) == 0
    assert simulator.stdout.read() == ""


async def _sent(url: str, token: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        await Sms(http, Gateway(url, token)).send("1", "5517988887777", "Oi")
        await Sms(http, Gateway(url, token)).send("1", "5517988887777", "Oi")  # nobody knew of the first
        with pytest.raises(PartnerUnavailable):
            await Sms(http, Gateway(url, "another")).send("2", "5517988887777", "Oi")
        with pytest.raises(PartnerRefused):
            await Sms(http, Gateway(url, token)).send("3", "5517988887777", "")
