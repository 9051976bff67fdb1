"""Who is alone has nobody beside; who need not be has, and lets whoever waits to be alone go first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock

from tests.alone import turn


def test_nobody_runs_beside_who_is_alone(tmp_path: Path) -> None:
    running, guard = [False, 0], Lock()

    def run(number: int) -> bool:
        alone = number % 5 == 0
        with turn(tmp_path, alone):
            with guard:
                beside = running[0] or (alone and running[1] > 0)
                running[0], running[1] = alone, running[1] + 1
            Event().wait(0.002)
            with guard:
                running[0], running[1] = False, running[1] - 1
        return beside

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(run, range(200)))


def test_others_run_beside_each_other(tmp_path: Path) -> None:
    both = Barrier(2)

    def run(_: int) -> None:
        with turn(tmp_path, alone=False):
            both.wait(20)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))


def test_nobody_overtakes_who_waits_to_be_alone(tmp_path: Path) -> None:
    order: list[str] = []

    def wait(name: str, alone: bool, called: Event) -> None:
        called.set()
        with turn(tmp_path, alone):
            order.append(name)

    with ThreadPoolExecutor(2) as pool:
        with turn(tmp_path, alone=False):
            for name, alone in (("alone", True), ("later", False)):
                called = Event()
                pool.submit(wait, name, alone, called)
                assert called.wait(20)
                Event().wait(0.2)
            assert order == []
        pool.shutdown()
    assert order == ["alone", "later"]
