"""The comparison with other servers: what it says where it cannot run, and its ratios."""

from __future__ import annotations

from typing import Any

import pytest

from bench.peers import __main__ as command
from bench.peers import report


def test_a_machine_without_java_is_told_what_is_missing_and_gets_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["bench.peers"])
    assert command.main() == command.MISSING
    assert "needs a JDK, 17 or newer; java is not installed" in capsys.readouterr().err


def a_pass(server: str, scenario: str, rps: float, cpu: tuple[float, float]) -> dict[str, Any]:
    median = {
        "rps": rps, "p50": 1.0, "p99": 2.0, "bytes_per_answer": 100, "errors": 0,
        "cpu_ms_per_request": {"server": cpu[0], "db": cpu[1]},
    }  # fmt: skip
    return {"server": server, "load": {"results": [{"scenario": scenario, "median": median}], "probes": {}}}


def test_ratios_are_of_the_means_of_both_passes() -> None:
    figures = {
        "passes": [
            a_pass("hub", "read", 900, (0.1, 0.1)), a_pass("hapi", "read", 90, (1.5, 0.4)),
            a_pass("hapi", "read", 110, (1.7, 0.4)), a_pass("hub", "read", 1100, (0.1, 0.1)),
        ]
    }  # fmt: skip
    *_, row = report.ratios(figures)
    assert row.startswith("| read | 1000 | 100 | **10.0** | 100 + 100 | 1600 + 400 | **10.0** |")


def test_a_workload_only_one_server_answers_is_left_out() -> None:
    assert len(list(report.ratios({"passes": [a_pass("hub", "read", 900, (0.1, 0.1))]}))) == 2
