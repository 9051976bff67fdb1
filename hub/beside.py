"""A process beside `hub serve`: one that dies is replaced, and all end with the hub.

They are forked from a process that does nothing else and has imported what they are made of: that is done once, and is
in memory once. https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import connection as waiting
from typing import Any

from hub.garbage import collect_seldom

AGAIN_SECONDS = 1.0
"""Before another try after the process died."""
STOP_SECONDS = 5.0
GIVES_WAY = 15
"""Niceness of what nobody waits for at the other end of a connection: where there is too little CPU for all, whoever
asks is answered first. https://man7.org/linux/man-pages/man7/sched.7.html"""

_context = multiprocessing.get_context("forkserver")


def made_of(modules: Iterable[str]) -> None:
    """What the processes beside this one import, before the first of them is started."""
    _context.set_forkserver_preload(["hub.forked", *modules])


@contextmanager
def beside(name: str, module: str, *arguments: Any, serves: bool = False) -> Iterator[None]:
    """Keeps `run(*arguments)` of a module going, in a process of its own, as long as the block; SIGTERM ends it.

    module: its name, for this process need not import what that one does; serves: people wait for its answers. However
    this process ends, that one ends as well.
    """
    stopping = threading.Event()

    def started() -> multiprocessing.process.BaseProcess:
        process = _context.Process(target=_run, args=(0 if serves else GIVES_WAY, module, *arguments), name=name)
        process.start()
        return process

    process = started()

    def watch() -> None:
        nonlocal process
        while not stopping.is_set():
            process.join()
            if not stopping.wait(AGAIN_SECONDS):
                process = started()

    watcher = threading.Thread(target=watch, name=f"{name}-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        process.terminate()
        watcher.join(STOP_SECONDS)
        process.kill()


def _run(niceness: int, module: str, *arguments: Any) -> None:
    collect_seldom()  # what was imported stays as it is, so that it stays in memory once
    os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a terminal it reaches everybody; the parent decides
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), name="parent", daemon=True).start()
    import_module(module).run(*arguments)


def _end_with(parent: int) -> None:
    waiting.wait([parent])
    os._exit(1)
