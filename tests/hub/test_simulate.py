"""`hub simulate tasy`, as somebody would try it: with the calls it tells of."""

from __future__ import annotations

import os
import re
import shlex
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2

from hub.settings import read_settings


def made(words: list[str]) -> httpx2.Response:
    """What curl would do with these words."""
    given = dict(zip(words[1::2], words[2::2], strict=False))
    url = next(word for word in words if word.startswith("https:"))
    rest = words[words.index(url) + 1 :]
    given |= dict(zip(rest[::2], rest[1::2], strict=True))
    context = ssl.create_default_context(cafile=given["--cacert"])
    context.load_cert_chain(given["--cert"], given["--key"])
    name, _, value = given.get("-H", "X-None: ").partition(": ")
    user, _, secret = given.get("-u", ":").partition(":")
    form = "application/x-www-form-urlencoded"
    headers = {name: value, "Content-Type": form}
    with httpx2.Client(verify=context) as client:
        auth = httpx2.BasicAuth(user, secret) if user else httpx2.Auth()
        return client.post(url, content=given["-d"].encode(), headers=headers, auth=auth)


def test_the_calls_it_tells_of_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub.cli", "simulate", "tasy", "--members", "50", "--port", "0"]
    command += ["--sftp-port", "0", "--scenario", "2", "--folder"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([*command, str(tmp_path / "tls")], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if line.startswith("Ctrl-C"):
                break
        found = re.findall(r"^  (curl .*?)(?=\n  curl|\n\n)", told, re.S | re.M)
        calls = [shlex.split(one.replace("\\\n", " ")) for one in found]
        token = made(calls[0]).json()["access_token"]
        asking = [word.replace("$TOKEN", token) for word in calls[1]]
        assert made(asking).json()["erro"]["cd_erro"] == "PLS-4221"  # by the scenario it was started with
        answer = made(asking)
        assert answer.status_code == 200
        assert answer.json()["ie_elegivel"] in ("S", "N")
        [name] = made(calls[2]).json()["conjuntos"]
        there = tmp_path / "tls" / "sftp" / "saida"
        assert (there / f"{name}.done").exists()
        assert len(list(there.glob(f"{name}_*.pgp"))) == 3
        assert read_settings(dict(re.findall(r"^  (HUB_TASY_(?!SFTP)[A-Z_]+)=(\S+)$", told, re.M)))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (tmp_path / "tls").stat().st_mode & 0o077 == 0
