"""How much of the time for an answer has passed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from hub.operations.deadlines import clock, days_of_work
from mappings.tasy.site import Site

SITE = Site()
LIMIT = SITE.systems.extension("limite-resposta")
STATUS = SITE.systems.extension("tasy-status")


@pytest.mark.parametrize(
    ("day", "number", "last"),
    [("2026-03-10", 5, "2026-03-17"), ("2026-03-13", 1, "2026-03-16"), ("2026-03-14", 1, "2026-03-16"),
     ("2026-03-10", 0, "2026-03-10")],
)  # fmt: skip
def test_days_of_work(day: str, number: int, last: str) -> None:
    assert days_of_work(date.fromisoformat(day), number) == date.fromisoformat(last)


def response(*extensions: dict[str, Any]) -> dict[str, Any]:
    return {"id": "77", "created": "2026-03-10T00:00:00-03:00", "extension": list(extensions),
            "request": {"reference": "Claim/1"},
            "identifier": [{"system": SITE.systems.sid("protocolo"), "value": "99999720260310000124"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("now", "percent", "alarm"),
    [("2026-03-10T12:00:00-03:00", 6, None), ("2026-03-14T00:00:00-03:00", 50, 50),
     ("2026-03-16T12:00:00-03:00", 81, 80), ("2026-03-18T00:00:00-03:00", 100, 100), ("2026-03-09T00:00:00Z", 0, None)],
)  # fmt: skip
def test_of_an_ordinary_one(now: str, percent: int, alarm: int | None) -> None:
    for given in (response({"url": LIMIT, "valueDate": "2026-03-17"}), response()):
        found = clock(given, False, SITE, datetime.fromisoformat(now))
        assert (found["percent"], found["alarm"], found["protocol"]) == (percent, alarm, "99999720260310000124")
        assert found["estimated"] is (not given["extension"])
        assert found["deadline"].isoformat() == "2026-03-17T23:59:59-03:00"


def test_urgent_ones_are_late_at_once_and_waiting_for_a_document_stops_the_clock() -> None:
    now = datetime.fromisoformat("2026-03-10T00:00:01-03:00")
    assert clock(response(), True, SITE, now)["alarm"] == 100
    waits = clock(response({"url": STATUS, "valueCode": "5"}), True, SITE, now)
    assert (waits["alarm"], waits["paused"]) == (None, True)
