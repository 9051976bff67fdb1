"""The embedded PostgreSQL: started, reused, stopped. One machine, one person; see docs/operations.md.

Everything stands in one folder that only its owner can enter: `data/`, `socket/`, `server.log`. It listens on no
network address, and asks every local user for a password.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil

from hub.embedded.place import EmbeddedError, Place, make_folder, place_of
from hub.embedded.tuning import FIXED, tuning

USER = "hub"
"""Name of the database role and of the database."""
START_SECONDS = 60


@dataclass
class Embedded:
    """A server in `folder`, shared by all processes of ours that hold it; the last one to let go stops it."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    """Settings beyond, or instead of, `tuning`."""
    _hold: IO[str] | None = None

    def start(self) -> str:
        """URL of the hub's database, the server running; keeps a hold on it until `release`.

        Raises EmbeddedError with the end of the server's log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            place = place_of(self.folder)
            password = self._password()
            if not (place.data / "PG_VERSION").exists():
                _initialize(place, password)
            if not _running(place):
                self._configure(place)
                _start(place)
            url = _url(place, password)
            _ensure_database(url)
            self._hold = (self.folder / "holders").open("w")
            fcntl.flock(self._hold, fcntl.LOCK_SH)
        return url

    def release(self) -> None:
        """Lets go of the server; stops it when nobody else holds it."""
        if self._hold is None:
            return
        with self._alone():
            try:
                fcntl.flock(self._hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # somebody else still works with it
            else:
                _stop(place_of(self.folder))
            finally:
                self._hold.close()
                self._hold = None

    def running(self) -> int | None:
        """Process id of the running server, or None; changes nothing."""
        return _running(place_of(self.folder)) if self.folder.exists() else None

    @property
    def data(self) -> Path:
        """The data folder, wherever it had to go."""
        return place_of(self.folder).data

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _password(self) -> str:
        path = self.folder / "password"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text()

    def _configure(self, place: Place) -> None:
        settings = {**tuning(psutil.virtual_memory().total), **self.extra, **FIXED}
        settings["unix_socket_directories"] = f"'{place.socket}'"
        text = "# Written at every start by the hub.\n" + "".join(f"{k} = {v}\n" for k, v in settings.items())
        file = place.data / "hub.conf"
        file.write_text(text)
        file.chmod(0o600)
        if place.owner is not None:
            shutil.chown(file, place.owner, place.owner)
        make_folder(place.socket, place.owner)


def _run(place: Place, program: str, *arguments: str, seconds: float = START_SECONDS) -> str:
    """Output of one of the server's programs; raises EmbeddedError with it when the program fails."""
    # A file, not a pipe: the server inherits it from pg_ctl and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(
                [str(place.programs / "bin" / program), "-D", str(place.data), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, user=place.owner, group=place.owner,
                extra_groups=[] if place.owner else None, cwd="/", timeout=seconds, check=False,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EmbeddedError(f"embedded PostgreSQL: {program} failed: {error}") from None
        output.seek(0)
        text = output.read()
    if done.returncode:
        raise EmbeddedError(f"embedded PostgreSQL: {program} failed:\n{text[-2000:]}{_log_end(place)}")
    return text


def _log_end(place: Place) -> str:
    return "\n" + place.log.read_text(errors="replace")[-2000:] if place.log.exists() else ""


def _initialize(place: Place, password: str) -> None:
    # A folder without PG_VERSION is the remains of an initialisation that was killed.
    shutil.rmtree(place.data, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=place.folder) as file:
        file.write(password)
        file.flush()
        if place.owner is not None:
            shutil.chown(file.name, place.owner)
        _run(
            place, "initdb", "--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8", "--locale=C",
            f"--username={USER}", "--no-sync", "--data-checksums",
        )  # fmt: skip
    with (place.data / "postgresql.conf").open("a") as configuration:
        configuration.write("\ninclude 'hub.conf'\n")


def _running(place: Place) -> int | None:
    """Process id of the server on this data folder. A stale pid file is removed: its number may be another's by now."""
    file = place.data / "postmaster.pid"
    try:
        number = int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    try:
        process = psutil.Process(number)
        alive = "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE
        if alive and Path(process.cwd()) == place.data:
            return number
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        return number
    file.unlink(missing_ok=True)
    return None


def _start(place: Place) -> None:
    # Sessions of a server that was killed hold its shared memory until they notice, so a start may fail once or twice.
    for attempt in range(3):
        try:
            _run(place, "pg_ctl", "-w", "-t", str(START_SECONDS), "-l", str(place.log), "start")
        except EmbeddedError:
            if attempt == 2:
                raise
            time.sleep(1)
        else:
            return


def _stop(place: Place) -> None:
    number = _running(place)
    if number is None:
        return
    try:
        _run(place, "pg_ctl", "-w", "-m", "fast", "stop")
    except EmbeddedError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGQUIT)


def _url(place: Place, password: str, database: str = USER) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@/{database}?host={quote(str(place.socket), safe='/')}"


def _ensure_database(url: str) -> None:
    import psycopg

    with psycopg.connect(url.replace(f"@/{USER}?", "@/postgres?"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [USER]).fetchone() is None:
            connection.execute(f"create database {USER}")
