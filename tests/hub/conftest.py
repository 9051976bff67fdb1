"""A hub of its own for each module of tests that asks for one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded import Embedded
from tests.hub.running import Hub, free_port


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    folder = Path(tempfile.mkdtemp(prefix="hub-serve-"))
    folder.chmod(0o755)
    hub = Hub(folder, free_port())
    yield hub
    if hub.process is not None and hub.process.poll() is None:
        hub.process.kill()
        hub.process.wait()
    number = Embedded(folder / "data" / "postgres").running()
    if number is not None:
        os.kill(number, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
