"""Scopes: what is granted, what never, and how they combine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authorization import known
from smart_auth.scopes import ADMINISTERED, Access, Scope, Scopes, access_of, access_text, merged, parse


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("user/*.cruds", "user/*.cruds"),
        ("system/Patient.r system/Patient.s", "system/Patient.rs"),
        ("system/Patient.read", "system/Patient.read"),
        ("system/Patient.read system/Patient.write", "system/Patient.*"),
        ("patient/*.*", "patient/*.*"),
        ("patient/Observation.rs patient/*.rs", "patient/*.rs"),
        ("patient/Observation.cruds patient/*.rs", "patient/*.rs patient/Observation.cruds"),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=laboratory"),
        ("patient/Observation.rs?category=laboratory patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.rs?category=http://x|a,http://x|b", "patient/Observation.rs?category=http://x|a,http://x|b"),
        ("patient/Observation.rs?category=a%26b", "patient/Observation.rs?category=a%26b"),
        ("patient/Observation.rs?status=final&category=x", "patient/Observation.rs?category=x&status=final"),
        ("patient/*.rs?_security=N", "patient/*.rs?_security=N"),
        ("openid fhirUser launch/patient offline_access", "fhirUser launch/patient offline_access openid"),
        ("system/Client.cruds user/User.read", "system/Client.cruds user/User.read"),
        ("system/*.cruds system/AccessPolicy.rs", "system/*.cruds system/AccessPolicy.rs"),
        ("launch launch/encounter?role=http://example.org/x", "launch launch/encounter?role=http://example.org/x"),
    ],
)  # fmt: skip
def test_granted(text: str, written: str) -> None:
    scopes = parse(text, known)
    assert str(scopes) == written
    assert parse(written, known) == scopes


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.rd.", "patient/Observation.sr", "patient/Observation.dus", "patient/Observation.",
        "patient/Observation", "patient/observation.rs", "patient/Observations.rs", "Patient/Observation.rs",
        "patient/Observation.rs?", "patient/Observation.rs?category", "patient/Observation.rs?category=",
        "patient/Observation.rs?category:not=x", "patient/Observation.rs?subject.name=x",
        "patient/Observation.rs?_has:Provenance:target:agent=x", "patient/Observation.rs?_filter=x",
        "patient/Observation.rs?_count=1", "patient/Observation.rs?_sort=date", "patient/Observation.rs?nonsense=1",
        "patient/Observation.rs?code-value-quantity=x", "patient/*.rs?category=x",
        "patient/Observation.rs?category=%ff",
        "patient/Observation.rs?category=%00", "patient/Observation.rs&category=x", "patient/Observation.read.rs",
        "patient/Observation.rr", "patient/Observation.readwrite", "admin/*.rs", "*/*.rs", "*", "",
        "patient/Observation\0.rs", "patient/\tObservation.rs", "patient/Observation.rs\t",
        "patient/Client.rs", "system/Client.rs?_id=x", "system/Clients.rs",
        "launch/Patient", "launch/patient?role=", "offline", "OpenID", "patient/Observation.rs\u00a0", 'patient/"x".rs',
    ],
)  # fmt: skip
def test_not_granted(text: str) -> None:
    granted = parse(text, known)
    assert not granted, str(granted)


def test_one_bad_scope_does_not_spoil_the_others() -> None:
    assert str(parse("patient/Observation.sr  patient/Patient.r nonsense", known)) == "patient/Patient.r"


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        ("patient/*.rs", "patient/Observation.r", True),
        ("patient/*.read", "patient/Observation.rs", True),
        ("patient/*.rs", "patient/Observation.rs?category=x", True),
        ("patient/Observation.rs?category=x,y", "patient/Observation.rs?category=x", True),
        ("patient/Observation.rs?category=x", "patient/Observation.rs?category=x,y", False),
        ("patient/Observation.rs?category=x", "patient/Observation.rs", False),
        ("patient/Observation.rs", "patient/*.rs", False),
        ("patient/*.rs", "user/Observation.r", False),
        ("patient/*.r patient/Observation.s", "patient/Observation.rs", True),
        ("patient/*.rs", "patient/Observation.cruds", False),
        ("patient/*.rs openid", "openid patient/Condition.r", True),
        ("patient/*.rs", "openid", False),
    ],
)
def test_subset_in_meaning(granted: str, asked: str, covered: bool) -> None:
    assert parse(granted, known).covers(parse(asked, known)) is covered


@pytest.mark.parametrize(
    ("asked", "allowed", "met"),
    [
        ("system/*.cruds", "system/*.rs", "system/*.rs"),
        ("system/*.read", "system/*.cruds", "system/*.read"),
        ("system/*.*", "system/*.rs", "system/*.read"),
        ("system/*.rs", "system/Patient.r system/Observation.rs", "system/Observation.rs system/Patient.r"),
        ("system/Observation.rs", "system/*.rs?_security=N", "system/Observation.rs?_security=N"),
        ("system/Observation.rs", "user/*.rs", ""),
        ("system/Observation.c", "system/*.rs", ""),
        ("openid launch", "openid", "openid"),
    ],
)
def test_meet(asked: str, allowed: str, met: str) -> None:
    assert str(parse(asked, known).meet(parse(allowed, known))) == met


SCOPE = st.builds(
    Scope,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Observation", "Patient", "Client"]),
    st.sets(st.sampled_from("cruds"), min_size=1).map(lambda found: "".join(sorted(found, key="cruds".index))),
    st.sampled_from([(), (("_tag", "a"),), (("_tag", "a,b"),), (("_id", "1"), ("_tag", "a"))]),
    st.booleans(),
).filter(lambda one: one.type not in ADMINISTERED or (one.level != "patient" and not one.condition))
MANY = st.lists(SCOPE, max_size=6).map(merged)


@given(MANY, MANY)
def test_what_is_met_is_covered_by_both(one: Scopes, two: Scopes) -> None:
    met = one.meet(two)
    assert one.covers(met)
    assert two.covers(met)
    assert two.meet(one).covers(met)


@given(st.lists(SCOPE, max_size=6))
def test_merging_changes_words_not_meaning(listed: list[Scope]) -> None:
    found = merged(listed)
    assert found.covers(Scopes(tuple(listed)))
    assert Scopes(tuple(listed)).covers(found)
    assert merged(reversed(listed)) == found == merged(found.resources)
    assert parse(str(found), known).covers(found)


@given(st.text(max_size=40))
def test_no_text_is_granted_more_than_it_says(text: str) -> None:
    granted = parse(text, known)
    assert parse(str(granted), known) == granted


def test_access_outlives_its_request() -> None:
    scopes = parse("patient/Observation.rs?category=laboratory&status=final patient/*.r", known).resources
    access = Access("p", unrestricted=False, client="c", grant="g", scopes=scopes, patient="1")
    assert access_of(access_text(access)) == access
    staff = replace(access, roles=("nurse", "physician"), organization="Organization/1")
    assert access_of(access_text(staff)) == staff != access


@pytest.mark.parametrize("kind", ADMINISTERED)
def test_no_wildcard_means_what_is_administered(kind: str) -> None:
    every, one = parse("system/*.cruds", known), parse(f"system/{kind}.rs", known)
    assert not every.covers(one)
    assert not one.covers(every)
    assert not every.meet(one)
    assert not one.meet(every)
    assert one.meet(parse(f"system/{kind}.cruds", known)) == one


def test_work_that_outlives_its_request_administers_nothing() -> None:
    own = Access("s", unrestricted=False, administers=(Scope("system", "Client", "cruds"),))
    assert access_of(access_text(own)).administers == ()
