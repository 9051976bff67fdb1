"""A hub for a run: a record of its own in a folder that is gone afterwards, served by a process beside this one.

Nothing of the machine's own hub is touched: database, port, key and settings are the run's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

import httpx2

from hub import own_clients
from hub.embedded import Embedded
from hub.settings import Settings, read_settings

READY_SECONDS = 90.0
_PASSING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Of PostgreSQL: what is lost with the machine was to be thrown away anyhow."""


class NotServed(RuntimeError):
    """The hub of the run did not start; the text says how far it came."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run's record is."""

    settings: Settings
    url: str
    """Of the database."""


def with_model_of(settings: Settings, others: Settings) -> Settings:
    """Settings that name the language model that others name."""
    theirs = {one.name: getattr(others, one.name) for one in fields(Settings) if one.name.startswith("llm_")}
    return replace(settings, **theirs)


@contextmanager
def place() -> Iterator[Place]:
    """Served as long as the block. Raises EmbeddedError, NotServed."""
    with tempfile.TemporaryDirectory(prefix="hub-evaluate-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        database = Embedded(folder / "postgres", extra=_PASSING)
        url = database.start()
        try:
            variables = {
                "HUB_DATA": name, "HUB_DATABASE_URL": url, "HUB_PORT": str(_free_port()), "HUB_ACCESS": "smart",
                "HUB_LOG_LEVEL": "error", "HUB_CLIENT_RATE": "0",
            }  # fmt: skip
            with _served(variables, folder / "hub.log") as settings:
                own_clients.make_sure(settings, url)
                yield Place(settings, url)
        finally:
            database.release()


@contextmanager
def _served(variables: dict[str, str], log: Path) -> Iterator[Settings]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "serve"], env={**others, **variables}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        _ready(process, f"http://127.0.0.1:{variables['HUB_PORT']}/health/ready", log)
        yield read_settings(variables)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Waits until it serves."""
    began = time.monotonic()
    with httpx2.Client(trust_env=False) as http:
        while process.poll() is None and time.monotonic() - began < READY_SECONDS:
            with suppress(httpx2.TransportError):
                if http.get(url).status_code == 200:
                    return
            time.sleep(0.1)
    raise NotServed(f"the hub of this run does not serve:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
