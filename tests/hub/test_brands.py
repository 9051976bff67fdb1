"""The organizations by which people find the server; and apps that need no approval."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from hub.authorization import known
from hub.brands import bundle
from smart_auth import registration
from smart_auth.scopes import parse
from smart_auth.seal import new_key
from tests.attacks.caller import Caller
from tests.hub_process import HubProcess

PATH = ".well-known/brands"
BRAND = "http://hl7.org/fhir/StructureDefinition/organization-brand"


def organization(id: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Organization", "id": id, "name": name, "telecom": [{"system": "url", "value": f"https://{id}"}],
        "extension": [{"url": BRAND, "extension": [{"url": "brandLogo", "valueUrl": "https://x.example.org/l.svg"}]},
                      {"url": "http://x.example.org/inner", "valueString": "kept inside"}],
        "contact": [{"name": {"text": "kept inside"}}],
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def caller(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    key = new_key()
    settings = {
        "database_url": module_database, "access": "smart", "key": key, "brands": "health, clinic",
        "patient_apps": "true",
    }  # fmt: skip
    with HubProcess(tmp_path_factory.mktemp("hub"), settings) as served:
        found = Caller(served, module_database, key)
        yield found
        found.close()


def test_published(caller: Caller) -> None:
    operator = caller.token("system/*.cruds")
    client = caller.hub.client
    assert client.request("GET", PATH).status == 503, "the organizations are not there yet"
    for one in (
        organization("health", "Health"),
        organization("clinic", "Clinic", partOf={"reference": "Organization/health"}),
    ):
        assert caller.get(f"Organization/{one['id']}", operator, "PUT", one).status == 201
    answer = client.request("GET", PATH, headers={"Origin": "https://any.example.org", "Accept": "text/html"})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert b"kept inside" not in answer.body
    found = answer.json()
    health, clinic, endpoint = (entry["resource"] for entry in found["entry"])
    assert [one["name"] for one in (health, clinic)] == ["Health", "Clinic"]
    assert [one["url"] for one in health["extension"]] == [BRAND]
    assert found["timestamp"] == max(one["meta"]["lastUpdated"] for one in (health, clinic))
    assert (endpoint["address"], endpoint["status"]) == (client.base, "active")
    assert health["endpoint"][0]["reference"] == found["entry"][2]["fullUrl"]
    checked = caller.get("Bundle/$validate", operator, "POST", found)
    assert [one["severity"] for one in checked.json()["issue"] if one["severity"] in ("error", "fatal")] == []
    smart = client.get(".well-known/smart-configuration")
    assert smart["user_access_brand_bundle"] == f"{client.base}/{PATH}"
    assert smart["user_access_brand_identifier"] in health["identifier"]

    tag = answer.headers["etag"]
    assert tag.startswith('W/"')
    for known_tag in (tag, f'"x", {tag}', "*", tag.removeprefix("W/")):
        again = client.request("GET", PATH, headers={"If-None-Match": known_tag})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert client.request("GET", PATH, headers={"If-None-Match": 'W/"other"'}).status == 200
    assert client.request("HEAD", PATH).headers["content-length"] == answer.headers["content-length"]
    assert client.request("POST", PATH).status == 405
    caller.get("Organization/health", operator, "PUT", organization("health", "Health renamed"))
    assert client.request("GET", PATH, headers={"If-None-Match": tag}).status == 200
    # Nothing else is open by that.
    assert client.request("GET", "Organization/health").status == 401


def test_of_other_organizations_nothing_is_told() -> None:
    inner = organization("clinic", "Clinic", partOf={"reference": "Organization/secret"}, meta={"lastUpdated": "2024"})
    assert "secret" not in str(bundle("https://example.org/fhir", [inner]))


@pytest.mark.parametrize(
    ("scope", "waiting"), [("patient/*.rs openid launch/patient", False), ("patient/*.rs offline_access", True)]
)
def test_plain_apps_need_no_approval(caller: Caller, scope: str, waiting: bool) -> None:
    with caller.engine.begin() as connection:
        allowed = str(parse(registration.PATIENT_APP, known))
        token = registration.invite(connection, allowed, 1, int(time.time()) + 60)
    body = {"client_name": "App", "redirect_uris": ["https://app.example.org/"], "scope": scope}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = caller.hub.client.request("POST", "/auth/register", body, headers)
    assert answer.json()["waiting_for_approval"] is waiting
