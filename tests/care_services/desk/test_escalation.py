"""What happens to a Task that nobody has taken: a table, and the way up to its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care_services.desk import page, tasks
from care_services.desk.escalation import due, stepped
from mappings.identifiers import Systems

Json = Any
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TAKE = timedelta(minutes=2)
SYSTEMS = Systems()


def task(code: str, priority: str, minutes: int, end: int | None = None, **more: Any) -> Json:
    """Written so many minutes ago; end: minutes from now until which it was promised."""
    until = {"restriction": {"period": {"end": page.instant(NOW + timedelta(minutes=end))}}} if end is not None else {}
    return {
        "resourceType": "Task", "id": "t", "status": "requested", "priority": priority,
        "code": {"coding": [{"code": code}]}, "authoredOn": page.instant(NOW - timedelta(minutes=minutes)), **until,
        **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "desk", "text", "paged"),
    [
        (task("nurse-callback", "stat", 2, 0), "physician", "not_taken", True),
        (task("nurse-callback", "stat", 1, 1), None, None, False),
        (task("phone-contact", "stat", 3), "physician", "not_taken", True),  # nothing promised, and urgent all the same
        (task("nurse-callback", "asap", 11, -1), "physician", "late", True),
        (task("nurse-callback", "urgent", 61, -1), "physician", "late", True),
        (task("nurse-callback", "routine", 500, -1), "physician", "late", False),
        (task("pharmacist", "routine", 61, -1), "nurse", "late", False),
        (task("service-desk", "routine", 61, -1), "coordinator", "late", False),
        (task("phone-contact", "routine", 500), None, None, False),  # without promise
        (task("data-subject-request", "routine", 99999, -1), None, None, False),
        (task("service-desk", "routine", 30, 30), None, None, False),
        (task("nurse-callback", "stat", 9, -7, owner={"display": "Rosa"}), None, None, False),
        (task("nurse-callback", "stat", 9, -7, status="completed"), None, None, False),
        (task("conversation", "stat", 9, -7), None, None, False),
    ],
)
def test_what_is_due(found: Json, desk: str | None, text: str | None, paged: bool) -> None:
    step = due(found, NOW, TAKE, SYSTEMS)
    assert (step and step.desk, step and step.text, bool(step and step.page)) == (desk, text, paged)


def way(found: Json, most: int) -> list[tuple[str, str | None, bool]]:
    """The steps while nobody takes it, each as soon as it is due."""
    now, steps = NOW, []
    for _ in range(most):
        step = due(found, now, TAKE, SYSTEMS)
        if step is None:
            break
        steps.append((step.desk, step.text, step.page))
        found = stepped(found, step, SYSTEMS, page.instant(now))
        assert due(found, now, TAKE, SYSTEMS) is None  # once for its time
        assert tasks.promise(found) == step.promise > now
        now = step.promise
    return steps


def test_an_emergency_is_called_again_and_again_until_somebody_takes_it() -> None:
    assert way(task("nurse-callback", "stat", 2), 5) == [
        ("physician", "not_taken", True), ("line", "not_taken", True), *[("line", None, True)] * 3,
    ]  # fmt: skip


def test_what_is_no_emergency_ends_at_the_last_desk() -> None:
    assert way(task("service-desk", "routine", 61, -1), 9) == [("coordinator", "late", False)]
    assert way(task("nurse-callback", "urgent", 61, -1), 9) == [("physician", "late", True), ("line", None, True)]


def test_the_desks_before_keep_it() -> None:
    found = task("nurse-callback", "stat", 2)
    step = due(found, NOW, TAKE, SYSTEMS)
    assert step is not None
    assert tasks.desks(stepped(found, step, SYSTEMS, page.instant(NOW))) == ("nurse", "physician")


def test_a_page_says_nothing_of_anybodys_health() -> None:
    found = task(
        "nurse-callback", "stat", 2, 0, description="boca torta", input=[{"valueString": "RF05: AVC"}],
        **{"for": {"identifier": {"value": "BR.1"}, "display": "Ana"}},
    )  # fmt: skip
    asked = page.request(page.of_task(found, 0, page.STAT), SYSTEMS, NOW)
    told = page.told(asked, SYSTEMS, "https://apps.example/desk/go")
    assert told == {
        "key": "Task/t", "page": 0, "reason": "stat", "task": "t", "desk": "nurse", "priority": "stat",
        "promise": "2026-11-28T12:00:00.000Z", "at": "2026-11-28T12:00:00.000Z",
        "link": "https://apps.example/desk/go/t",
    }  # fmt: skip
    assert not any(word in str((asked, told)) for word in ("boca", "AVC", "BR.1", "Ana"))


def test_pages_about_one_thing_have_one_key() -> None:
    found = task("nurse-callback", "stat", 2, 0)
    pages = [page.told(page.request(page.of_task(found, number, why), SYSTEMS, NOW), SYSTEMS, "x")
             for number, why in ((0, page.STAT), (1, page.ESCALATED))]  # fmt: skip
    assert [one["key"] for one in pages] == ["Task/t", "Task/t"]
    assert [one["page"] for one in pages] == [0, 1]
    off = page.told(page.request(page.number_off("1000", NOW), SYSTEMS, NOW), SYSTEMS, "x")
    assert (off["key"], off["task"], off["link"]) == ("number/1000/20261128T120000", None, None)
