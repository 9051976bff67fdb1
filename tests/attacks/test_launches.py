"""Apps are launched, standalone and from inside: each capability of the SMART configuration does what it says."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from smart_auth import people
from smart_auth.clients import PRIVATE_KEY, PUBLIC
from smart_auth.discovery import CAPABILITIES
from tests.attacks.browser import App, Browser, form, launch, person, shown, told
from tests.attacks.caller import Caller
from tests.attacks.record import Record

SCOPE = "launch launch/patient openid fhirUser offline_access online_access patient/*.rs user/*.rs"


@pytest.mark.parametrize("method", [PUBLIC, PRIVATE_KEY, "client_secret_basic", "client_secret_post"])
def test_standalone(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str, method: str):
    """launch-standalone, context-standalone-patient, permission-patient, client-public, -symmetric, -asymmetric."""
    app = App(caller, mark, SCOPE, auth_method=method)
    asked = "launch/patient patient/Observation.rs patient/Patient.r"
    found = app.tokens(browser, member.login, scope=asked)
    assert found["scope"] == "launch/patient patient/Observation.rs patient/Patient.r"
    assert (found["token_type"], found["expires_in"], found["patient"]) == ("bearer", 900, record.a)
    assert found["need_patient_banner"] is True
    assert "refresh_token" not in found
    assert "id_token" not in found
    token = found["access_token"]
    assert caller.get(f"Patient/{record.a}", token).status == 200
    assert caller.get(f"Observation/lab-a-{record.mark}", token).status == 200
    assert caller.get(f"Observation/lab-b-{record.mark}", token).status == 404
    assert caller.get(f"Condition/condition-{record.a}", token).status == 403
    assert caller.hub.client.request("GET", found["smart_style_url"][len(caller.hub.client.base) - 5 :]).status == 200


def test_identity(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str) -> None:
    """sso-openid-connect."""
    app = App(caller, mark, SCOPE)
    found = app.tokens(browser, member.login, scope="openid fhirUser launch/patient patient/Patient.r", nonce="n-1")
    keys = KeySet.import_key_set(caller.hub.client.request("GET", "/auth/jwks").json())
    token = jwt.decode(found["id_token"], keys, algorithms=["RS256"])
    assert token.header["kid"]
    claims = token.claims
    assert claims["iss"] == caller.site.issuer
    assert claims["aud"] == mark
    assert claims["sub"] == member.subject
    assert claims["nonce"] == "n-1"
    assert claims["fhirUser"] == f"{caller.site.fhir_base}/Patient/{record.a}"
    assert (claims["acr"], claims["amr"]) == ("1", ["pwd"])
    assert claims["auth_time"] <= claims["iat"] < claims["exp"]
    answer = caller.get("/auth/userinfo", found["access_token"])
    assert answer.json() == {"sub": member.subject, "fhirUser": claims["fhirUser"]}
    assert caller.hub.client.request("GET", "/auth/userinfo").status == 401
    assert caller.get("/auth/userinfo", caller.token("patient/*.rs", patient=record.a)).status == 403


def test_fhir_user_only_with_its_scope(caller: Caller, member: people.Person, browser: Browser, mark: str) -> None:
    found = App(caller, mark, SCOPE).tokens(browser, member.login, scope="openid")
    assert found["scope"] == "openid"
    assert "patient" not in found
    assert caller.get("/auth/userinfo", found["access_token"]).json() == {"sub": member.subject}


def test_from_inside(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str) -> None:
    """launch-ehr, context-ehr-patient, context-ehr-encounter, context-banner."""
    app = App(caller, mark, f"{SCOPE} launch/encounter")
    encounter = f"encounter-{record.a}"
    value = launch(
        caller, app, member, patient=record.a, encounter=encounter, need_patient_banner=False, intent="reconcile",
        fhir_context=({"reference": "ImagingStudy/1"},),
    )  # fmt: skip
    found = app.tokens(browser, member.login, scope="launch launch/encounter patient/Patient.r", launch=value)
    assert (found["patient"], found["encounter"], found["intent"]) == (record.a, encounter, "reconcile")
    assert found["need_patient_banner"] is False
    assert found["fhirContext"] == [{"reference": "ImagingStudy/1"}]


def test_an_encounter_is_chosen(
    caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str
) -> None:
    """context-standalone-encounter: the latest of the patient's are offered, and nobody else's can be sent."""
    app = App(caller, mark, f"{SCOPE} launch/encounter")
    own, asked = f"encounter-{record.a}", "launch/encounter launch/patient patient/Patient.r"

    def offered() -> httpx2.Response:
        page = app.start(browser, scope=asked)
        if 'name="password"' in page.text:
            page = browser.sign_in(member.login, page=page)
        assert 'name="encounter"' not in page.text
        return browser.consent(page)

    page = offered()
    assert f'value="{own}"' in page.text
    assert f"encounter-{record.b}" not in page.text
    found = app.redeem(told(browser.consent(page, encounter=own))["code"]).json()
    assert (found["patient"], found["encounter"], found["scope"]) == (record.a, own, asked)

    without = app.redeem(told(browser.consent(offered(), encounter=""))["code"]).json()
    assert (without["patient"], without["scope"]) == (record.a, "launch/patient patient/Patient.r")
    assert "encounter" not in without
    for other in (f"encounter-{record.b}", "nothing", "x y"):
        assert browser.consent(offered(), encounter=other).status_code == 403
    # Chosen each time; without a person who could choose, not at all.
    assert told(app.start(browser, scope=asked, prompt="none"))["error"] == "consent_required"
    assert told(browser.consent(offered(), "deny"))["error"] == "access_denied"


def test_context_by_role(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str) -> None:
    role = "https://example.org/roles/home"
    items = ({"reference": "List/1", "role": role}, {"reference": "List/2"}, {"reference": "ImagingStudy/1"})
    asked = f"launch launch/list?role={role} patient/Patient.r"
    app = App(caller, mark, f"{SCOPE} launch/list?role={role} launch/task")
    value = launch(caller, app, member, patient=record.a, fhir_context=items)
    found = app.tokens(browser, member.login, scope=f"{asked} launch/task", launch=value)
    assert found["scope"] == asked, "there is no Task"
    assert found["fhirContext"] == [items[0], items[2]]


def test_a_page_asks_for_a_launch(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str):
    app = App(caller, mark, SCOPE)
    page = browser.sign_in(member.login)
    token = dict(form(page, "/sign-out"))["form"]
    context = {"client_id": mark, "patient": record.a, "encounter": f"encounter-{record.a}"}
    made = browser.post("/launches", context | {"form": token})
    assert made.status_code == 201, made.text
    assert made.json()["iss"] == caller.site.fhir_base
    found = app.tokens(browser, member.login, scope="launch patient/Patient.r", launch=made.json()["launch"])
    assert (found["patient"], found["encounter"]) == (record.a, f"encounter-{record.a}")
    for changed, status in (
        ({"form": "x"}, 403), ({"patient": record.b}, 403), ({"encounter": f"encounter-{record.b}"}, 403),
        ({"client_id": "nobody"}, 400), ({"patient": ""}, 400), ({"fhirContext": "{}"}, 400),
        ({"fhirContext": '[{"reference": "Patient/1"}]'}, 400),
    ):  # fmt: skip
        assert browser.post("/launches", context | {"form": token} | changed).status_code == status, changed
    assert Browser(caller).post("/launches", context | {"form": token}).status_code == 401


def test_by_post(caller: Caller, member: people.Person, browser: Browser, mark: str) -> None:
    """authorize-post: stored, then fetched, so that cookies of SameSite=Lax arrive."""
    app = App(caller, mark, SCOPE)
    browser.sign_in(member.login)
    answer = browser.post("/authorize", app.asks(scope="openid"))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{caller.site.issuer}/authorize?continue=")
    page = browser.follow(answer)
    assert told(browser.consent(page))["state"] == "the-state"


def test_refresh_while_signed_in(caller: Caller, member: people.Person, browser: Browser, mark: str) -> None:
    """permission-online: ends with the session."""
    app = App(caller, mark, SCOPE)
    found = app.tokens(browser, member.login, scope="online_access launch/patient patient/Patient.rs")
    again = app.refresh(found["refresh_token"]).json()
    assert (again["scope"], again["patient"]) == (found["scope"], found["patient"])
    page = browser.get("/account")
    assert browser.post("/sign-out", form(page, "/sign-out")).status_code == 303
    assert browser.get("/account").status_code == 303
    assert app.refresh(again["refresh_token"]).json()["error"] == "invalid_grant"


def test_refresh_afterwards(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str) -> None:
    """permission-offline: goes on when the person has left."""
    app = App(caller, mark, SCOPE)
    found = app.tokens(browser, member.login, scope="offline_access openid launch/patient patient/*.rs")
    browser.post("/sign-out", form(browser.get("/account"), "/sign-out"))
    again = app.refresh(found["refresh_token"], scope="patient/Observation.r")
    assert again.json()["scope"] == "patient/Observation.r"
    token = again.json()["access_token"]
    assert caller.get(f"Observation/lab-a-{record.mark}", token).status == 200
    assert caller.get("Observation", token).status == 403
    whole = app.refresh(again.json()["refresh_token"]).json()
    assert whole["scope"] == found["scope"]
    assert "id_token" in whole


def test_a_guardian_chooses(caller: Caller, record: Record, browser: Browser, mark: str) -> None:
    children = [f"c{mark}", f"d{mark}"]
    for id in children:
        record.put({"resourceType": "Patient", "id": id, "name": [{"family": id}], "birthDate": "2020-01-31"})
    # Of whom is grown up a guardian sees nothing any more.
    who = person(caller, mark, "guardian", patients=[*children, record.a])
    app = App(caller, mark, SCOPE)
    page = browser.sign_in(mark, page=app.start(browser, scope="launch/patient patient/Patient.rs"))
    assert all(id in page.text for id in children)
    assert f"a{record.mark}" not in page.text
    assert who.name in page.text
    answer = app.redeem(told(browser.consent(page, patient=children[1]))["code"])
    assert answer.json()["patient"] == children[1]
    # Asked again, since nobody but the person knows which child.
    page = app.start(browser, scope="launch/patient patient/Patient.rs")
    assert page.status_code == 200


def test_roles_reach_the_token(caller: Caller, browser: Browser, mark: str) -> None:
    """permission-user."""
    person(caller, mark, "physician", "nurse", fhir_user=f"Practitioner/{mark}", organization=f"Organization/{mark}")
    found = App(caller, mark, SCOPE).tokens(browser, mark, scope="openid fhirUser user/Observation.rs")
    payload = json.loads(base64.urlsafe_b64decode(found["access_token"].split(".")[1] + "=="))
    assert payload["roles"] == ["nurse", "physician"]
    assert payload["organization"] == f"Organization/{mark}"
    assert payload["fhirUser"] == f"{caller.site.fhir_base}/Practitioner/{mark}"
    assert found["scope"] == "fhirUser openid user/Observation.rs"


def test_28_staff_who_are_members_too(caller: Caller, record: Record, browser: Browser, mark: str) -> None:
    """Chosen as staff, another's record is opened as far as staff may see it, and not as one's own."""
    own = f"o{mark}"
    record.put({"resourceType": "Patient", "id": own})
    record.put(record.observation("a", "mine", subject={"reference": f"Patient/{own}"}))
    person(caller, mark, "claims-analyst", "guardian", "member", fhir_user=f"Practitioner/{mark}", patients=[own])
    app = App(caller, mark, SCOPE)
    scope = "launch/patient patient/*.rs user/*.rs"
    for patient, roles, status in (
        (record.a, ["claims-analyst"], 403),
        (own, ["claims-analyst", "guardian", "member"], 200),
    ):
        page = app.start(browser, scope=scope)
        page = browser.sign_in(mark, page=page) if 'name="password"' in page.text else page
        found = app.redeem(told(browser.consent(page, patient=patient))["code"]).json()
        assert found["patient"] == patient
        payload = json.loads(base64.urlsafe_b64decode(found["access_token"].split(".")[1] + "=="))
        assert payload["roles"] == roles
        assert caller.get(f"Patient/{patient}", found["access_token"]).status == 200
        assert caller.get(f"Observation?patient={patient}", found["access_token"]).status == status


def test_a_member_grants_their_own_record_only(caller: Caller, member: people.Person, browser: Browser, mark: str):
    app = App(caller, mark, SCOPE)
    page = browser.sign_in(member.login, page=app.start(browser, scope=SCOPE.removeprefix("launch ")))
    assert "user/*.rs" not in shown(page)
    scope = app.redeem(told(browser.consent(page))["code"]).json()["scope"]
    assert "user/" not in scope
    other = Browser(caller)
    refused = other.sign_in(member.login, page=app.start(other, scope="user/*.rs"))
    assert told(refused)["error"] == "invalid_scope"


def test_unticked_is_not_granted(caller: Caller, member: people.Person, browser: Browser, mark: str) -> None:
    app = App(caller, mark, SCOPE)
    asked = "launch/patient patient/Condition.rs patient/Observation.rs patient/Patient.rs"
    page = browser.sign_in(member.login, page=app.start(browser, scope=asked))
    assert shown(page) == ["patient/Condition.rs", "patient/Observation.rs", "patient/Patient.rs"]
    answer = app.redeem(told(browser.consent(page, scope=["1"]))["code"])
    assert answer.json()["scope"] == "launch/patient patient/Observation.rs"
    refused = browser.consent(app.start(browser, scope=asked), "deny")
    assert told(refused) == {
        "error": "access_denied", "error_description": "the person did not allow it", "state": "the-state",
        "iss": caller.site.issuer,
    }  # fmt: skip


def test_pages_are_in_the_language_asked_for(caller: Caller) -> None:
    for language, word in (("pt-BR", "Senha"), ("en-US,pt;q=0.5", "Password"), ("de", "Senha"), ("", "Senha")):
        page = Browser(caller).get("/sign-in", **{"Accept-Language": language})
        assert word in page.text, language


def test_earlier_consent(caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str) -> None:
    """Counts for the same or fewer scopes, and never for offline access or a public app on the device."""
    app = App(caller, mark, f"{SCOPE} patient/*.cruds", auth_method="client_secret_post")
    app.tokens(browser, member.login, scope="launch/patient patient/*.rs")
    assert "code" in told(app.start(browser, scope="launch/patient patient/Observation.rs"))
    assert "code" in told(app.start(browser, scope="launch/patient patient/Observation.rs", prompt="none"))
    for scope in (
        "patient/*.cruds",
        "openid launch/patient patient/*.rs",
        "offline_access launch/patient patient/*.rs",
    ):
        assert app.start(browser, scope=scope).status_code == 200, scope
        assert told(app.start(browser, scope=scope, prompt="none"))["error"] == "consent_required"
    assert app.start(browser, scope="launch/patient patient/*.rs", prompt="consent").status_code == 200
    assert told(app.start(Browser(caller), scope="patient/*.rs", prompt="none"))["error"] == "login_required"
    public = App(caller, f"{mark}-p", SCOPE)
    public.tokens(browser, member.login, scope="patient/*.rs")
    assert public.start(browser, scope="patient/*.rs").status_code == 200


def test_prompt_and_max_age_ask_anew(caller: Caller, member: people.Person, browser: Browser, mark: str) -> None:
    app = App(caller, mark, SCOPE)
    browser.sign_in(member.login)
    before = dict(browser.http.cookies)
    page = app.start(browser, scope="openid", prompt="login")
    assert 'name="password"' in page.text
    page = browser.sign_in(member.login, page=page)
    assert 'name="decision"' in page.text
    assert dict(browser.http.cookies)["development-session"] != before["development-session"]
    assert 'name="password"' in app.start(browser, scope="openid", max_age="0").text
    assert 'name="decision"' in app.start(browser, scope="openid", max_age="600").text


def test_capabilities(caller: Caller) -> None:
    found = caller.hub.client.get(".well-known/smart-configuration")
    assert found["capabilities"] == list(CAPABILITIES)
    assert found["authorization_endpoint"] == f"{caller.site.issuer}/authorize"
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_public_app_need_not_say_who_it_is(
    caller: Caller, member: people.Person, browser: Browser, mark: str
) -> None:
    """Its refresh token says so; of a confidential app's it is not enough."""
    found = App(caller, mark, SCOPE).tokens(browser, member.login, scope="offline_access launch/patient patient/*.rs")
    form = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
    again = caller.post("/token", form)
    assert again.json()["scope"] == found["scope"]
    assert caller.post("/token", form | {"refresh_token": "x"}).json()["error"] == "invalid_client"
    kept = App(caller, f"{mark}-secret", SCOPE, auth_method="client_secret_basic")
    found = kept.tokens(browser, member.login, scope="offline_access launch/patient patient/*.rs")
    form = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
    assert caller.post("/token", form).json()["error"] == "invalid_client"
    assert kept.refresh(found["refresh_token"]).status == 200


def test_staff_look_for_a_patient(caller: Caller, record: Record, browser: Browser, mark: str) -> None:
    """Whom their policies let them see, and nobody else."""
    person(caller, mark, "physician")
    app = App(caller, mark, SCOPE)
    asked = "launch/patient patient/Patient.rs"
    page = browser.sign_in(mark, page=app.start(browser, scope=asked))
    assert record.a not in page.text
    carried = dict(form(page, "/consent"))["continue"]
    for name, count in ((f"a{record.mark}", 1), (record.mark, 0), ("a,b", 0), ("", 0), ("x$|,\\", 0)):
        page = browser.get(f"/authorize?{urlencode({'continue': carried, 'find': name})}")
        assert page.status_code == 200
        assert page.text.count('name="patient"') == count, name
    page = browser.get(f"/authorize?{urlencode({'continue': carried, 'find': f'b{record.mark}'})}")
    answer = app.redeem(told(browser.consent(page))["code"]).json()
    assert (answer["patient"], answer["scope"]) == (record.b, asked)


def test_staff_without_a_care_relation_find_nobody(caller: Caller, record: Record, browser: Browser, mark: str) -> None:
    person(caller, mark, "provider-staff", organization="Organization/elsewhere")
    app = App(caller, mark, SCOPE)
    page = browser.sign_in(mark, page=app.start(browser, scope="openid launch/patient patient/Patient.rs"))
    carried = dict(form(page, "/consent"))["continue"]
    page = browser.get(f"/authorize?{urlencode({'continue': carried, 'find': f'a{record.mark}'})}")
    assert 'name="patient"' not in page.text
    assert browser.consent(page, patient=record.a).status_code == 403
    found = app.redeem(told(browser.consent(page))["code"]).json()
    assert found["scope"] == "openid", "no patient, nothing that is about one"
    assert "patient" not in found


def test_introspection_tells_the_context(
    caller: Caller, record: Record, member: people.Person, browser: Browser, mark: str
) -> None:
    """Whatever came beside the token: another server that gets it knows as much as the app."""
    app = App(caller, mark, f"{SCOPE} launch/encounter")
    value = launch(caller, app, member, patient=record.a, encounter=f"encounter-{record.a}", intent="reconcile")
    scope = "launch launch/encounter openid fhirUser patient/Patient.r"
    found = app.tokens(browser, member.login, scope=scope, launch=value)
    caller.client(f"{mark}-server", introspect=True)
    proof = caller.proof(caller.assertion(f"{mark}-server"))
    told = caller.post("/introspect", proof | {"token": found["access_token"]}).json()
    beside = ("scope", "patient", "encounter", "intent", "need_patient_banner", "smart_style_url")
    assert [told[name] for name in beside] == [found[name] for name in beside]
    assert (told["sub"], told["iss"], told["client_id"]) == (member.subject, caller.site.issuer, mark)
    assert told["fhirUser"] == f"{caller.site.fhir_base}/Patient/{record.a}"
