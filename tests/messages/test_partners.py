"""What is known of partners, and when it alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messages import partners
from messages.store import Rows

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_the_last_word_holds(connection: Rows) -> None:
    partners.report(connection, "tasy", "circuit", "RT-1", {"state": "closed"}, NOW)
    partners.report(connection, "tasy", "circuit", "RT-1", {"state": "open"}, NOW + timedelta(seconds=1))
    partners.report(connection, "tasy", "circuit", "RT-1", {"state": "late"}, NOW)
    partners.report(connection, "tasy", "certificate", "client", {}, NOW, expires=NOW + timedelta(days=9))
    assert [(one.what, one.name, one.value, one.expires) for one in partners.listed(connection)] == [
        ("certificate", "client", {}, NOW + timedelta(days=9)), ("circuit", "RT-1", {"state": "open"}, None),
    ]  # fmt: skip
    partners.gone(connection, "tasy", "certificate", "client")
    assert [one.what for one in partners.listed(connection)] == ["circuit"]
    with pytest.raises(ValueError, match="what is one of"):
        partners.report(connection, "tasy", "weather", "x", {}, NOW)


@pytest.mark.parametrize(
    ("days", "level"), [(-1, 0), (0, 0), (4, 5), (5, 5), (6, 15), (15, 15), (45, 45), (46, None), (None, None)]
)
def test_alarms(days: int | None, level: int | None) -> None:
    assert partners.alarm(None if days is None else NOW + timedelta(days=days), NOW) == level
