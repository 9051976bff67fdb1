"""`hub simulate whatsapp`, and `hub serve` set to it as it prints."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.settings import Settings, read_settings
from smart_auth.seal import new_key
from tests.hub_process import ROOT, HubProcess


@dataclass
class Joined:
    phone: str
    """URL of the simulator."""
    settings: Settings
    hub: HubProcess

    @property
    def webhook(self) -> str:
        return self.settings.whatsapp_webhook


@contextmanager
def joined_hub(folder: Path, database: str, **more: str) -> Iterator[Joined]:
    """As long as the block. folder: of what both remember; more: settings besides, by variable."""
    hub = HubProcess(folder)
    webhook = f"http://127.0.0.1:{hub.port}/whatsapp/webhook"
    command = [sys.executable, "-m", "hub.cli", "simulate", "whatsapp", "--port", "0", "--webhook", webhook]
    command += ["--folder", str(folder / "whatsapp")]
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert simulator.stdout is not None
        told = ""
        for line in simulator.stdout:
            told += line
            if line.startswith("Ctrl-C"):
                break
        variables = dict(re.findall(r"^  (HUB_WHATSAPP_[A-Z]+)=(\S+)$", told, re.M))
        variables |= {"HUB_DATABASE_URL": database, "HUB_ACCESS": "smart", "HUB_KEY": new_key(), **more}
        hub.settings = {name.removeprefix("HUB_").lower(): value for name, value in variables.items()}
        with hub:
            settings = read_settings({**variables, "HUB_PORT": str(hub.port), "HUB_DATA": str(folder)})
            [page] = re.findall(r"(http://\S+)/$", told, re.M)
            yield Joined(page, settings, hub)
    finally:
        simulator.send_signal(signal.SIGINT)
        assert simulator.wait(10) == 0
