"""A hub as users run it: `hub serve` in a process of its own, over HTTP. For journeys, conformance, benchmark."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

FHIR_JSON = "application/fhir+json"
READY_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[1]
_COMMAND = "import sys; from hub.cli import main; sys.exit(main())"


def free_port() -> int:
    """A TCP port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    def json(self) -> Any:
        """The parsed body. Raises ValueError where it is not JSON."""
        return json.loads(self.body)


class Unreachable(Exception):
    """The server went away before it answered."""


@dataclass
class Client:
    """One keep-alive connection per thread to a FHIR base `http://host:port/fhir`."""

    host: str
    port: int
    timeout: float = 120.0
    tls: ssl.SSLContext | None = None
    """What an https server is trusted by."""
    _local: threading.local = field(default_factory=threading.local)

    @property
    def base(self) -> str:
        return f"http{'' if self.tls is None else 's'}://{self.host}:{self.port}/fhir"

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None and connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            self.close()  # between two requests there is nothing to read but the server's end of it
            connection = None
        if connection is None:
            if self.tls is None:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            else:
                connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.tls)
            connection.connect()
            assert connection.sock is not None
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.connection = connection
        return connection

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """`path`: below the FHIR base, or from the root when it begins with "/", or a whole URL as in a next link.

        `body`: bytes as they are, anything else as JSON. Raises Unreachable.
        """
        if path.startswith(self.base):
            path = path[len(self.base) :].lstrip("/")
        if not path.startswith("/"):
            path = f"/fhir/{path}" if path and not path.startswith("?") else f"/fhir{path}"
        sent = dict(headers or {})
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", FHIR_JSON)
        try:
            connection = self._connection()
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise Unreachable(f"{method} {path.partition('?')[0]}: {error!r}") from error
        if response.will_close:
            self.close()
        return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, content)

    def get(self, path: str) -> Any:
        """The parsed answer of a GET that must succeed. Raises AssertionError otherwise."""
        answer = self.request("GET", path)
        assert answer.status == 200, (answer.status, path, answer.body[:500])
        return answer.json()

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """The Bundles of a search, one after another."""
        following: str | None = path
        while following is not None:
            bundle = self.get(following)
            yield bundle
            following = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)

    def found(self, path: str) -> list[dict[str, Any]]:
        """Every match of a search, all pages."""
        return [
            entry["resource"]
            for bundle in self.pages(path)
            for entry in bundle.get("entry", ())
            if entry.get("search", {}).get("mode") == "match"
        ]

    def close(self) -> None:
        """Closes this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


class HubProcess:
    """`hub serve` on a free port. `settings`: HUB_ variables by field name, such as {"database_url": ...}."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, arguments: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.settings = dict(settings or {})
        self.arguments = arguments
        self.port = free_port()
        self.client = Client("127.0.0.1", self.port, tls=tls)
        self.process: subprocess.Popen[bytes] | None = None
        self.until = "/health/ready"
        """What it answers once it counts as started; `metadata` takes half a second more, for definitions are read."""

    @property
    def log(self) -> Path:
        return self.folder / "hub.log"

    def start(self) -> float:
        """Starts it and waits for an answer at `until`; the seconds that took. Raises RuntimeError with its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, "serve", *self.arguments],
                cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        while True:
            with contextlib.suppress(Unreachable):
                asking = Client("127.0.0.1", self.port, timeout=5, tls=self.client.tls)
                if asking.request("GET", self.until).status == 200:
                    return time.monotonic() - began
            code = self.process.poll()
            if code is not None or time.monotonic() - began > READY_SECONDS:
                self.kill()
                end = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"the hub does not serve (exit code {code}):\n{end}")
            time.sleep(0.02)

    def _environment(self) -> dict[str, str]:
        found = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
        found |= {"HUB_DATA": str(self.folder), "HUB_PORT": str(self.port)}
        return found | {f"HUB_{name.upper()}": value for name, value in self.settings.items()}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the hub, with the same settings."""
        return subprocess.run(
            [sys.executable, "-c", _COMMAND, *arguments], cwd=ROOT, env=self._environment(), capture_output=True,
            text=True, timeout=READY_SECONDS, check=False,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to the server and all its workers: nothing of it gets a chance to clean up."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.client.close()

    def stop(self) -> None:
        """Stops it as Ctrl-C does; kills it when it does not obey."""
        if self.process is None or self.process.poll() is not None:
            return
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> HubProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
