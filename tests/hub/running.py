"""A hub in processes of its own, with a folder and an embedded database of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2

from hub.embedded import Embedded

ROOT = Path(__file__).parents[2]
SECONDS = 60


@dataclass
class Hub:
    """A hub with its data in a folder, started as often as a test likes."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of the hub that ends by itself."""
        return subprocess.run(
            [sys.executable, "-m", "hub.cli", *arguments], cwd=ROOT, env=self._environment(variables),
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def start(self, *arguments: str) -> float:
        """Serves; the seconds until it was ready."""
        begun = time.monotonic()
        output = (self.folder / "output").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "serve", *arguments], cwd=ROOT, env=self._environment({}),
            stdout=output, stderr=output, text=True, start_new_session=True,
        )  # fmt: skip
        while time.monotonic() < begun + SECONDS:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/health/ready").status_code == 200:
                    return time.monotonic() - begun
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(self.output())

    def stop(self, number: signal.Signals) -> int:
        """Sends a signal to the hub, and waits for its end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def database_runs(self) -> bool:
        return Embedded(self.folder / "data" / "postgres").running() is not None

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        own = {"HUB_DATA": str(self.folder / "data"), "HUB_PORT": str(self.port)} | variables
        return {name: value for name, value in os.environ.items() if not name.startswith("HUB_")} | own


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
