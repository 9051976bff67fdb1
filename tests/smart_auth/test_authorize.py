"""Whatever an authorization request says: it is in order, or its fault goes to a registered URI, or nowhere."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from hub.authorization import known
from smart_auth.authorize import (
    Asked,
    NoRedirect,
    Refused,
    grantable,
    needs_encounter,
    needs_patient,
    read,
    refusal_url,
    with_encounter,
    with_patient,
)
from smart_auth.clients import Client
from smart_auth.codes import challenge_of
from smart_auth.launches import Context
from smart_auth.people import Person
from smart_auth.scopes import parse
from tests.smart_auth.conftest import SITE

BACK = "https://app.example.org/back?own=1"
SCOPE = "launch launch/patient launch/encounter openid fhirUser patient/*.rs user/*.rs system/*.rs"
CLIENT = Client(
    "app", "App", True, "none", None, None, None, SCOPE, ("authorization_code",), (BACK,), False
)  # fmt: skip
GOOD = {
    "response_type": "code", "client_id": "app", "redirect_uri": BACK, "scope": "openid patient/*.rs", "state": "s",
    "aud": SITE.fhir_base, "code_challenge": challenge_of("x" * 43), "code_challenge_method": "S256",
}  # fmt: skip
NAMES = st.sampled_from([*GOOD, "nonce", "launch", "prompt", "max_age", "request", "resource", "acr_values"])
VALUES = st.one_of(st.sampled_from([*GOOD.values(), "none", "login", "0", SCOPE]), st.text(max_size=20))


def client_of(client_id: str) -> Client | None:
    return CLIENT if client_id == "app" else None


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.sets(st.sampled_from(sorted(GOOD)), max_size=3))
def test_any_request(more: list[tuple[str, str]], without: set[str]) -> None:
    parameters = [(name, value) for name, value in GOOD.items() if name not in without] + more
    try:
        asked = read(parameters, client_of, SITE, known)
    except NoRedirect:
        return
    except Refused as refused:
        url = refusal_url(SITE, refused)
        assert url.startswith(f"{BACK}&error=")
        assert parse_qs(urlsplit(url).query)["iss"] == [SITE.issuer]
        assert "\n" not in url
        return
    assert asked.redirect_uri == BACK
    assert parse(SCOPE, known).covers(asked.scopes)
    assert all(scope.level != "system" for scope in asked.scopes.resources)
    assert len({name for name, _ in parameters}) == len(parameters)


def somebody(*roles: str, fhir_user: str | None = None) -> Person:
    return Person("s", "login", "Name", None, roles, fhir_user, None, (), True)


def test_what_a_person_may_grant() -> None:
    parameters = list(
        (GOOD | {"scope": "openid fhirUser launch/patient launch/encounter patient/*.rs user/*.rs"}).items()
    )
    asked = read(parameters, client_of, SITE, known)
    assert isinstance(asked, Asked)
    for person, context, granted in (
        (somebody("member"), Context(), "launch/encounter launch/patient openid patient/*.rs"),
        (somebody("guardian", fhir_user="Person/1"), Context(),
         "fhirUser launch/encounter launch/patient openid patient/*.rs"),
        (somebody("nurse"), Context(), "launch/encounter launch/patient openid patient/*.rs user/*.rs"),
    ):  # fmt: skip
        found = grantable(asked, person, context)
        assert str(found) == granted
        assert needs_patient(found)
        assert "patient" not in str(with_patient(found, None))
        assert with_patient(found, "1") == found
        assert needs_encounter(asked, found)
        assert "encounter" not in str(with_encounter(found, context))
        assert with_encounter(found, Context("1", "2")) == found


def test_context_that_was_not_launched_with_is_not_granted() -> None:
    scope = "launch launch/encounter launch/list?role=https://x.example/home launch/task openid"
    asked = read(
        list((GOOD | {"scope": scope, "launch": "x"}).items()), lambda id: replace(CLIENT, scope=scope), SITE, known
    )
    home = {"reference": "List/1", "role": "https://x.example/home"}
    assert str(grantable(asked, somebody("member"), Context("1"))) == "launch openid"
    found = grantable(asked, somebody("member"), Context("1", None, (home,)))
    assert str(found) == "launch launch/list?role=https://x.example/home openid"
    assert not needs_encounter(asked, found)


def test_officers_alone_grant_what_is_administered() -> None:
    scope = "openid user/*.rs user/Client.cruds user/SigningKey.u"
    asked = read(list((GOOD | {"scope": scope}).items()), lambda id: replace(CLIENT, scope=scope), SITE, known)
    assert str(grantable(asked, somebody("physician", "operator"), Context())) == "openid user/*.rs"
    assert str(grantable(asked, somebody("member"), Context())) == "openid"
    assert str(grantable(asked, somebody("security-officer"), Context())) == scope
