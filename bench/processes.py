"""What processes use: CPU time and memory of one and all below it. https://psutil.readthedocs.io/"""

from __future__ import annotations

from contextlib import suppress

import psutil


def cpu(process: int, without: str = "") -> float:
    """CPU seconds so far of a process and all below it, those that have ended too.

    without: part of the names of those that do not count. Raises psutil.NoSuchProcess where the process itself is gone.
    """
    while True:
        try:
            times = [each.cpu_times() for each in _group(process) if _counts(each, without)]
            return sum(each.user + each.system + each.children_user + each.children_system for each in times)
        except psutil.NoSuchProcess as gone:
            if gone.pid == process:
                raise
            # It ended meanwhile, and its time is its parent's now.


def resident(process: int, without: str = "") -> float:
    """MB of resident memory of a process and all below it; what has ended has none. `without`: as of `cpu`."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        for each in _group(process):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss / 1e6 if _counts(each, without) else 0
    return total


def _group(process: int) -> list[psutil.Process]:
    root = psutil.Process(process)
    return [root, *root.children(recursive=True)]


def _counts(process: psutil.Process, without: str) -> bool:
    return not without or without not in process.name()
