"""What is answered while the ERP is away, as a table: never better than what is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care_services.eligibility import covers, provisional
from mappings.tasy.site import Site

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SITE = Site()
LIMIT = SITE.systems.extension("limite-utilizacao")
FOCAL = {"reference": "Coverage/seg-1"}
ASKED: dict[str, Any] = {
    "resourceType": "CoverageEligibilityRequest", "purpose": ["validation"], "patient": {"reference": "Patient/1"},
    "servicedDate": "2026-03-10", "insurance": [{"coverage": FOCAL}],
    "item": [{"productOrService": {"text": "x"}}],
}  # fmt: skip


def coverage(hours: float, **more: Any) -> dict[str, Any]:
    changed = (NOW - timedelta(hours=hours)).isoformat()
    return {"resourceType": "Coverage", "status": "active", "meta": {"lastUpdated": changed}, **more}


def last(hours: float, inforce: bool) -> dict[str, Any]:
    return {"created": (NOW - timedelta(hours=hours)).isoformat(), "insurance": [{"inforce": inforce}]}


@pytest.mark.parametrize(
    ("known", "answered", "roster", "inforce", "says"),
    [
        (coverage(2), None, None, True, "há 2 h 00 min"),
        (coverage(23.9), None, None, True, "há 23 h 54 min"),
        (coverage(24.1), None, None, False, "não elegível até que seja verificada"),
        (coverage(100), last(1, True), None, True, "há 1 h 00 min"),
        (coverage(100), None, 3, True, "há 3 h 00 min"),
        (coverage(100), last(1, False), None, False, "há 1 h 00 min"),
        (coverage(1), last(2, False), None, True, "há 1 h 00 min"),  # it changed since Tasy said no
        (coverage(1, status="cancelled"), last(2, True), None, False, "há 1 h 00 min"),
        (None, None, 1, False, "nada se sabe"),
    ],
)
def test_provisional(known: Any, answered: Any, roster: float | None, inforce: bool, says: str) -> None:
    confirmed = None if roster is None else NOW - timedelta(hours=roster)
    answer = provisional(ASKED, "CoverageEligibilityRequest/1", known, answered, SITE, NOW, confirmed)
    assert answer["insurance"][0]["inforce"] is inforce
    assert says in answer["disposition"]
    assert answer["insurance"][0]["item"] == [{"productOrService": {"text": "x"}, "authorizationRequired": True}]
    assert answer["outcome"] == "partial"


@pytest.mark.parametrize(
    ("period", "limit", "good"),
    [
        ({}, None, True),
        ({"start": "2026-03-10"}, None, True),
        ({"start": "2026-03-11"}, None, False),
        ({"end": "2026-03-11"}, None, True),
        ({"end": "2026-03-10"}, None, False),
        ({"end": "2026-03-01"}, "2026-03-10", True),
        ({"end": "2026-03-01"}, "2026-03-09", False),
    ],
)
def test_covers(period: dict[str, str], limit: str | None, good: bool) -> None:
    extension = [{"url": LIMIT, "valueDate": limit}] if limit else []
    found = {"status": "active", "period": period, "extension": extension}
    assert covers(found, NOW.date(), SITE) is good
