"""A hub of its own for each module of tests that asks for one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.running import Hub
from tests.session_folder import FOLDER


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """Not started; killed at the end with its database."""
    folder = Path(tempfile.mkdtemp(prefix="hub-serve-", dir=os.environ[FOLDER]))
    folder.chmod(0o755)  # PostgreSQL's system user walks through it
    hub = Hub(folder)
    yield hub
    hub.kill()
    number = hub.database()
    if number is not None:
        os.kill(number, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
