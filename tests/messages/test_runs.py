"""Runs, what people decide about them, and what they leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from messages import runs
from messages.bodies import Sealing
from messages.runs import Guard, NoSuchRun, NotNow, Report
from messages.store import Rows

NOW = datetime(2026, 3, 10, 3, 4, tzinfo=UTC)
SET = "999997_MEMBROS_20260310_0001"


def test_a_set_has_one_run_until_it_comes_again(connection: Rows) -> None:
    first, new = runs.begin(connection, "B-1", SET, b"hash", NOW, sequence=412)
    assert new
    assert (first.state, first.sequence, first.mode) == (runs.RUNNING, 412, "DELTA")
    resumed, new = runs.begin(connection, "B-1", SET, b"hash", NOW, sequence=412)
    assert (resumed, new) == (first, False)
    runs.count(connection, first.id, received=312, accepted=309)
    runs.count(connection, first.id, rejected=2, in_review=1)
    runs.finish(connection, first.id, runs.APPLIED, NOW, receipt=b"{}")
    done = runs.run(connection, first.id)
    assert (done.received, done.accepted, done.rejected, done.in_review) == (312, 309, 2, 1)
    assert runs.receipt(connection, first.id) == b"{}"
    assert runs.answered(connection, "B-1") == {412: b"hash".hex()}
    again = runs.again(connection, done, SET, NOW)
    assert [one.id for one in runs.listed(connection)] == [again, first.id]
    assert [one.id for one in runs.listed(connection, states=[runs.DUPLICATE])] == [again]
    assert runs.listed(connection, after=first.id) == []
    with pytest.raises(ValueError, match="counts"):
        runs.count(connection, first.id, lost=1)


def test_people_decide_about_held_runs_alone(connection: Rows) -> None:
    one, _ = runs.begin(connection, "B-1", SET, b"hash", NOW)
    with pytest.raises(NotNow):
        runs.release(connection, one.id, "p1", "why", NOW)
    runs.hold(connection, one.id, [Guard("exclusions", "3000 de 10000")])
    held = runs.run(connection, one.id)
    assert (held.state, held.guards) == (runs.HELD, (Guard("exclusions", "3000 de 10000"),))
    runs.release(connection, one.id, "p1", "confirmed by telephone", NOW)
    released = runs.run(connection, one.id)
    assert (released.state, released.decided_by, released.decision_reason) == (
        runs.RUNNING, "p1", "confirmed by telephone",
    )  # fmt: skip
    with pytest.raises(NotNow):
        runs.refuse(connection, one.id, "p2", "too late", NOW)
    two, _ = runs.begin(connection, "B-1", SET, b"other", NOW)
    runs.hold(connection, two.id, [])
    runs.refuse(connection, two.id, "p1", "an error of theirs", NOW)
    refused = runs.run(connection, two.id)
    assert (refused.state, refused.finished) == (runs.REFUSED, NOW)


@pytest.mark.parametrize("ask", [runs.run, runs.receipt, runs.wait, runs.resume])
def test_there_is_no_such_run(connection: Rows, ask: Callable[[Rows, int], object]) -> None:
    with pytest.raises(NoSuchRun):
        ask(connection, 1)


def test_reports_are_sealed(connection: Rows, sealing: Sealing) -> None:
    one, _ = runs.begin(connection, "B-4", SET, b"hash", NOW)
    for body in (b"<p>first", b"<p>MARIA EXEMPLO"):
        runs.keep(connection, sealing, one.id, Report("report.html", "text/html", body))
    assert runs.reports(connection, one.id) == [("report.html", "text/html")]
    assert runs.report(connection, sealing, one.id, "report.html") == Report(
        "report.html", "text/html", b"<p>MARIA EXEMPLO"
    )
    assert runs.report(connection, sealing, one.id, "other") is None
    row = connection.execute("select body from messages.run_file").fetchone()
    assert row is not None
    assert b"MARIA" not in row[0]
