"""The folder of a test session: in memory where there is room, for a thousand databases are made in it and dropped.

A session that is killed leaves its folder and its servers; the next one removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import psutil

FOLDER = "HUB_TEST_FOLDER"
"""Environment variable by which the workers of pytest-xdist find it."""
_PREFIX = "hub-test-"
_MEMORY, _ROOM = Path("/dev/shm"), 4 * 2**30


def place() -> Path:
    """Where session folders are made."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    return Path(tempfile.gettempdir())


def begin(place: Path) -> tuple[Path, IO[str]]:
    """A new folder and the lock that says that somebody works in it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    folder.chmod(0o755)  # the server's system user walks through it
    lock = (folder / "session.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def sweep(place: Path) -> list[Path]:
    """Ends and removes what sessions in `place` left that are no more; their folders."""
    swept = []
    for path in place.glob(f"{_PREFIX}*/session.lock"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for postmaster in path.parent.rglob("postmaster.pid"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    server = psutil.Process(int(postmaster.read_text().splitlines()[0]))
                    if str(postmaster.parent) in server.cmdline():
                        server.kill()
            shutil.rmtree(path.parent, ignore_errors=True)
            swept.append(path.parent)
    return swept
