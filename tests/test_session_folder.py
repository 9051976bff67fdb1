"""What a killed session leaves is removed by the next one; what a living one has stays."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from hub.embedded import Embedded
from tests.conftest import QUICK
from tests.session_folder import FOLDER, begin, sweep


def test_only_what_the_dead_left_is_removed() -> None:
    where = Path(os.environ[FOLDER]) / "sessions"
    where.mkdir()
    left, lock = begin(where)
    server = Embedded(left / "postgres", QUICK)
    server.start()
    number = server.running()
    assert number is not None
    assert sweep(where) == []
    assert psutil.pid_exists(number)
    lock.close()  # as a death does
    assert sweep(where) == [left]
    assert not left.exists()
    psutil.wait_procs([psutil.Process(number)] if psutil.pid_exists(number) else [], 10)
    assert not psutil.pid_exists(number)
