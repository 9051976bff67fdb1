"""A hub in processes of its own, with an embedded database of its own, and commands beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from hub.embedded import Embedded
from tests.hub_process import ROOT, HubProcess

SECONDS = 60


class Hub(HubProcess):
    """Started as often as a test likes, stopped by the signal it likes."""

    _seen = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, *arguments: str) -> float:
        """Starts it; the seconds until it served."""
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        self.arguments = arguments
        return self.start()

    def output(self) -> str:
        """What it printed and logged since the last start."""
        return self.log.read_bytes()[self._seen :].decode()

    def end(self, number: signal.Signals) -> int:
        """Sends a signal to the first process, and waits for its end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of the hub that ends by itself."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        environment |= {"HUB_DATA": str(self.folder), "HUB_PORT": str(self.port)} | variables
        return subprocess.run(
            [sys.executable, "-m", "hub.cli", *arguments], cwd=ROOT, env=environment,
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def database(self) -> int | None:
        """Process id of its PostgreSQL, if that runs."""
        return Embedded(self.folder / "postgres").running()
