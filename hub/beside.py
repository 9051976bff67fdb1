"""A process beside `hub serve`: one that dies is replaced, and all end with the hub."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_SECONDS = 1.0
"""Before another try after the process died."""
STOP_SECONDS = 5.0


@contextmanager
def beside(name: str, run: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Keeps `run(*arguments)` going, in a process of its own, as long as the block; SIGTERM ends it."""
    context = multiprocessing.get_context("spawn")
    stopping = threading.Event()
    process = context.Process(target=run, args=arguments, name=name)
    process.start()

    def watch() -> None:
        nonlocal process
        while not stopping.is_set():
            process.join()
            if not stopping.wait(AGAIN_SECONDS):
                process = context.Process(target=run, args=arguments, name=name)
                process.start()

    watcher = threading.Thread(target=watch, name=f"{name}-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        process.terminate()
        watcher.join(STOP_SECONDS)
        process.kill()
