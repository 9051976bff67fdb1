"""Tests marked `alone` run while no other worker of pytest-xdist runs a test; the others run beside each other."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path, alone: bool) -> Iterator[None]:
    """Waits until one may run. `folder`: the same for all workers.

    Two locks, so that nobody overtakes whoever waits to be alone.
    """
    with (folder / "next.lock").open("w") as next_one, (folder / "running.lock").open("w") as running:
        fcntl.flock(next_one, fcntl.LOCK_EX)
        fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(next_one, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(running, fcntl.LOCK_UN)  # whatever process may have inherited it
