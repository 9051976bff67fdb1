"""Consents as effects: nested provisions, what is not understood, and where nothing comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.access.policies import PURPOSES
from fhir_server.consent.effects import Effect, category, effects, made
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.rows import BEGIN, END

PRIVACY = {"coding": [{"code": "patient-privacy"}]}
TYPES = "http://hl7.org/fhir/resource-types"


def consent(provision: dict[str, Any] | None = None, rule: str | None = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"status": "active", "scope": PRIVACY, "patient": {"reference": "Patient/1"}}
    if provision is not None:
        found["provision"] = provision
    if rule is not None:
        found["policyRule"] = {"coding": [{"code": rule}]}
    return found | more


def told(provision: dict[str, Any] | None = None, rule: str | None = None) -> list[tuple[int, bool]]:
    return [(one.depth, one.permits) for one in effects(consent(provision, rule)) if one.low < one.high]


@pytest.mark.parametrize(
    ("provision", "rule", "found"),
    [
        (None, None, []),
        (None, "OPTIN", [(0, True)]),
        (None, "OPTOUT", [(0, False)]),
        ({"type": "deny"}, "OPTIN", [(0, False)]),
        ({"type": "permit"}, None, [(0, True)]),
        ({"provision": [{"type": "deny"}]}, "OPTIN", [(0, True), (1, False)]),
        (
            {"type": "deny", "provision": [{"type": "permit", "provision": [{"type": "deny"}]}, {"type": "permit"}]},
            None,
            [(0, False), (1, True), (2, False), (1, True)],
        ),
        # What is not understood: a denial counts, a permit does not.
        ({"type": "permit", "purpose": [{"code": "TREAT"}, {"code": "X"}]}, None, []),
        ({"type": "deny", "purpose": [{"code": "TREAT"}, {"code": "X"}]}, None, [(0, False)]),
        ({"type": "permit", "class": [{"system": "urn:x", "code": "y"}]}, None, []),
        ({"type": "permit", "data": [{"meaning": "related", "reference": {"reference": "Patient/1"}}]}, None, []),
        # Of access alone a permit counts; what forbids to use or disclose forbids to show.
        ({"type": "permit", "action": [{"coding": [{"code": "access"}]}]}, None, [(0, True)]),
        ({"type": "permit", "action": [{"coding": [{"code": "use"}]}]}, None, []),
        ({"type": "deny", "action": [{"coding": [{"code": "disclose"}]}]}, None, [(0, False)]),
        ({"type": "deny", "action": [{"coding": [{"code": "correct"}]}]}, None, []),
    ],
)
def test_which_provisions_count(
    provision: dict[str, Any] | None, rule: str | None, found: list[tuple[int, bool]]
) -> None:
    assert told(provision, rule) == found


@pytest.mark.parametrize(
    "changed", [{"status": "inactive"}, {"status": "draft"}, {"scope": {"text": "x"}}, {"patient": {"display": "x"}}]
)
def test_of_which_consents_nothing_comes(changed: dict[str, Any]) -> None:
    assert effects(consent({"type": "deny"}) | changed) == []
    assert effects(None) == []


def test_one_without_provisions_takes_the_place_of_older_ones() -> None:
    [marker] = effects(consent())
    assert marker.low > marker.high


def test_nested_ones_are_within_what_is_around_them() -> None:
    outer, inner = effects(
        consent({
            "type": "permit", "period": {"start": "2024-01-01", "end": "2026-12-31"},
            "purpose": [{"code": "TREAT"}, {"code": "HPAYMT"}], "class": [{"system": TYPES, "code": "Observation"}],
            "provision": [{
                "type": "deny", "period": {"start": "2025-01-01"}, "purpose": [{"code": "TREAT"}, {"code": "HRESCH"}],
                "actor": [{"reference": {"reference": "Practitioner/1"}}], "securityLabel": [{"code": "HIV"}],
            }],
        })
    )  # fmt: skip
    bit = {name: 1 << place for place, name in enumerate(PURPOSES)}
    assert (outer.purposes, inner.purposes) == (bit["TREAT"] | bit["HPAYMT"], bit["TREAT"])
    assert (outer.high, inner.high) == (inner.high, inner.high)
    assert outer.low < inner.low
    assert (outer.actors, inner.actors) == (None, frozenset({"Practitioner/1"}))
    assert inner.types == outer.types == frozenset({TYPE_ID["Observation"]})
    assert (outer.labels, inner.labels) == (0, 4)


def test_what_is_about_nothing_says_nothing() -> None:
    inner = {"type": "deny", "class": [{"system": TYPES, "code": "Patient"}]}
    found = effects(consent({"type": "permit", "class": [{"system": TYPES, "code": "Claim"}], "provision": [inner]}))
    assert [one.permits for one in found] == [True]
    assert effects(consent({"type": "permit", "period": {"start": "2025-01-01", "end": "2024-01-01"}})) == [
        Effect(0, False, low=END, high=BEGIN)
    ]


def test_what_rules_others() -> None:
    one, two = ({"category": [{"coding": [{"code": code}]}]} for code in ("a", "b"))
    assert category(one) == category({**one, "dateTime": "2024"}) != category(two)
    assert made({}) is None
    assert (made({"dateTime": "2024-01-02"}) or 0) > (made({"dateTime": "2024-01-01"}) or 0)
