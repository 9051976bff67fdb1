"""A RabbitMQ of the tests' own: Debian's, as a node of its own on free ports, with its files in a folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The one in the PATH asks for the user rabbitmq, or root."""
START_SECONDS = 90
STOP_SECONDS = 20

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = hub
default_pass = {password}
log.console = false
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 512MB
"""


def found() -> bool:
    """Whether it is installed."""
    return SCRIPT.exists() and shutil.which("erl") is not None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class RabbitMQ:
    """Starts, stops and kills the node; what is durable stays in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("home", "data", "log"):
            (folder / name).mkdir(parents=True)
        self.port, distribution, self._mapper = free_port(), free_port(), free_port()
        password = secrets.token_hex(8)
        self.url = f"amqp://hub:{password}@127.0.0.1:{self.port}/%2F"
        configuration = folder / "rabbitmq.conf"
        configuration.write_text(CONFIGURATION.format(port=self.port, password=password))
        (folder / "plugins").write_text("[].\n")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),  # of the Erlang cookie
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"test{secrets.token_hex(4)}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
            " +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [SCRIPT], env=self._environment, cwd=self._folder, stdout=out, stderr=out, start_new_session=True
            )
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"RabbitMQ does not start: {(self._folder / 'out').read_text()[-2000:]}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """An orderly end, or SIGKILL."""
        if self._process is None:
            return
        os.killpg(self._process.pid, how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
        self._process = None

    def end(self) -> None:
        """For good: with the port mapper it has started."""
        self.stop()
        subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)
