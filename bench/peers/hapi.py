"""HAPI FHIR's JPA server: built from Maven Central, started and stopped on a PostgreSQL of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hub.embedded import Embedded
from tests.hub_process import Client, Unreachable, free_port

SOURCE = Path(__file__).parent / "hapi"
JAVA = 17
HEAP = "4g"
CONNECTIONS = 30
PAGE = 1000
"""Resources on a page that asks for no _count: as many as a whole record has, which the hub sends at once too."""
PREFETCH = "13,503,2003,-1"
"""As the starter project has it."""
READY_SECONDS = 180.0


class Missing(Exception):
    """What the comparison needs and this machine has not; the text says what."""


def check() -> None:
    """Raises Missing without a JDK of 17 or newer, Maven or wrk."""
    for program, words in (("java", f"a JDK, {JAVA} or newer"), ("javac", f"a JDK, {JAVA} or newer"),
                           ("mvn", "Maven"), ("wrk", "wrk, the load generator")):  # fmt: skip
        if shutil.which(program) is None:
            raise Missing(f"{words}; {program} is not installed")
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=False)
    version = re.search(r"\d+", said.stdout + said.stderr)
    if version is None or int(version[0]) < JAVA:
        raise Missing(f"a JDK, {JAVA} or newer: javac says {(said.stdout + said.stderr).strip()}")


def build() -> str:
    """Compiles the server; its class path. The first time Maven downloads some 250 archives. Raises Missing."""
    listed = SOURCE / "target" / "classpath"
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={listed}"]
    done = subprocess.run(["mvn", "-B", "-ntp", "-q", *goals], cwd=SOURCE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"what Maven should bring: it ended with\n{(done.stdout + done.stderr)[-2000:]}")
    return f"{SOURCE / 'target' / 'classes'}:{listed.read_text().strip()}"


def version() -> str:
    """HAPI's version as the POM names it."""
    found = ET.parse(SOURCE / "pom.xml").getroot().findtext(".//{*}properties/{*}hapi")
    assert found is not None
    return found


def java_version() -> str:
    """Name and version of the virtual machine."""
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
    return "Java " + said.stderr.split('"')[1]


def _free_address() -> str:
    """A loopback address on whose PostgreSQL port nobody listens."""
    for last in range(1, 255):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((f"127.0.0.{last}", 5432))
            return f"127.0.0.{last}"
    raise RuntimeError("port 5432 is taken on every loopback address")


@dataclass
class Hapi:
    """The server in `folder`: `postgres/` holds its database, `hapi.log` what it says."""

    folder: Path
    classpath: str
    ingesting: bool = False
    """Mass ingestion mode and the cache of conditional references."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = Embedded(self.folder / "postgres")
        self.client = Client("127.0.0.1", free_port())

    def start(self) -> float:
        """Starts database and server; the seconds until /metadata is answered. Raises RuntimeError with its log."""
        began = time.monotonic()
        url = self.database.start()
        # The embedded server listens on a Unix socket only, which Java's driver cannot use.
        address = _free_address()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"alter system set listen_addresses = '{address}'")
        self.database.release()
        self.database.start()
        options = {"pool": CONNECTIONS, "page": PAGE, "prefetch": PREFETCH,
                   "massIngestion": str(self.ingesting).lower()}  # fmt: skip
        scratch = tempfile.mkdtemp(dir=self.folder)
        environment = os.environ | {
            "PEER_JDBC_URL": f"jdbc:postgresql://{address}:5432/hub?reWriteBatchedInserts=true",
            "PEER_USER": "hub",
            "PEER_PASSWORD": (self.folder / "postgres" / "password").read_text(),
        }
        with (self.folder / "hapi.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["java", f"-Xms{HEAP}", f"-Xmx{HEAP}", f"-Djava.io.tmpdir={scratch}",
                 *(f"-Dpeer.{name}={value}" for name, value in options.items()),
                 "-cp", self.classpath, "peer.Server", str(self.client.port)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        while True:
            with contextlib.suppress(Unreachable):
                if Client("127.0.0.1", self.client.port, timeout=60).request("GET", "metadata").status == 200:
                    return time.monotonic() - began
            if self.process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                self.stop()
                end = (self.folder / "hapi.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"HAPI does not serve:\n{end}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops server and database; nothing happens where they do not run."""
        self.client.close()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        self.database.release()
