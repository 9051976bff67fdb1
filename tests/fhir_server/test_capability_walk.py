"""The CapabilityStatement is walked: all it lists is used once and answers as it should.

Each test goes through all types and names whatever failed. The data are two instances of every type, see `instances`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from fhir_server.definitions import compartment
from fhir_server.interactions.capabilities import SYSTEM_INTERACTIONS, TYPE_INTERACTIONS
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.routes import ROUTES
from fhir_server.search.parameters import search_parameter
from mappings.r4 import parse, serialize
from tests.attacks.test_own_data import BROWSER
from tests.conformance.search import Search, probes
from tests.fhir_server.brought import references
from tests.fhir_server.conftest import BASE, serving
from tests.fhir_server.instances import FIRST, SECOND, instance

FHIR = "application/fhir+json"
PER_REQUEST = 20
"""Includes put into one search."""


async def _load(url: str) -> dict[str, Any]:
    """Stores the instances in one transaction; the CapabilityStatement."""
    entries = [
        {"resource": instance(name, id), "request": {"method": "PUT", "url": f"{name}/{id}"}}
        for name in RESOURCE_TYPES
        for id in (FIRST, SECOND)
    ]
    async with serving(url) as client:
        bundle = serialize({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        response = await client.post("", content=bundle, headers={"content-type": FHIR})
        assert response.status_code == 200, response.text[:2000]
        found: dict[str, Any] = (await client.get("metadata")).json()
        return found


@pytest.fixture(scope="module")
def stated(module_database: str) -> dict[str, Any]:
    """`rest` of the CapabilityStatement of a server with the instances in it."""
    found: dict[str, Any] = asyncio.run(_load(module_database))["rest"][0]
    return found


@pytest.fixture
async def client(stated: dict[str, Any], module_database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(module_database) as client:
        yield client


def ids(bundle: dict[str, Any], mode: str = "match") -> set[str]:
    """Type/id of the entries of a searchset."""
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", ())
        if entry["search"]["mode"] == mode
    }


async def search(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """The searchset of a search, {"failed": why} if it is none."""
    response = await client.get(url)
    bundle: dict[str, Any] = response.json()
    if response.status_code != 200 or bundle.get("type") != "searchset":
        return {"failed": f"{url}: {response.status_code} {response.text[:200]}"}
    return bundle


async def stored(client: httpx2.AsyncClient, name: str, id: str) -> dict[str, Any]:
    """An instance as the server has it."""
    found: dict[str, Any] = parse((await client.get(f"{name}/{id}", headers={"accept": FHIR})).content)
    return found


def batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), PER_REQUEST):
        yield values[start : start + PER_REQUEST]


def test_everything_routed_is_stated(stated: dict[str, Any]) -> None:
    ours = {"capabilities", "search-compartment", "job-status", "job-cancel", "job-file"}
    conditional = {"conditional-update", "conditional-patch", "conditional-delete"}
    assert {route.interaction for route in ROUTES} - ours - conditional == (
        {*TYPE_INTERACTIONS, *SYSTEM_INTERACTIONS} - {"batch"}
    )
    for resource in stated["resource"]:
        assert {one["code"] for one in resource["interaction"]} == set(TYPE_INTERACTIONS)
        assert resource["conditionalUpdate"]
        assert resource["conditionalCreate"]
    assert {one["code"] for one in stated["interaction"]} == set(SYSTEM_INTERACTIONS)


async def _life(client: httpx2.AsyncClient, name: str) -> dict[str, bool]:
    """Uses each interaction on a resource of the type, conditional ones too; which answered as they should."""
    resource = {**instance(name), "id": "life"}
    json_headers = {"content-type": FHIR}
    body = serialize(resource)
    done: dict[str, bool] = {}
    created = await client.post(name, content=body, headers=json_headers)
    new = created.headers.get("location", "").removeprefix(f"{BASE}/").split("/_history")[0]
    done["create"] = created.status_code == 201
    done["updateCreate"] = (await client.put(f"{name}/life", content=body, headers=json_headers)).status_code == 201
    condition = json_headers | {"if-none-exist": "_id=life"}
    done["conditionalCreate"] = (await client.post(name, content=body, headers=condition)).status_code == 200
    read = await client.get(f"{name}/life", headers={"accept": FHIR})
    done["read"] = read.json()["id"] == "life"
    unchanged = [
        await client.get(f"{name}/life", headers={"if-none-match": 'W/"1"'}),
        await client.get(f"{name}/life", headers={"if-modified-since": read.headers["last-modified"]}),
    ]
    done["conditionalRead"] = {one.status_code for one in unchanged} == {304}
    changed = serialize({**resource, "language": "pt"})
    updated = await client.put(f"{name}/life", content=changed, headers=json_headers | {"if-match": 'W/"1"'})
    done["update"] = (updated.status_code, updated.headers.get("etag")) == (200, 'W/"2"')
    again = await client.put(f"{name}?_id=life", content=body, headers=json_headers)
    done["conditionalUpdate"] = (again.status_code, again.headers.get("etag")) == (200, 'W/"3"')
    patch = json.dumps([{"op": "add", "path": "/language", "value": "en"}]).encode()
    patched = await client.patch(f"{name}/life", content=patch, headers={"content-type": "application/json-patch+json"})
    done["patch"] = patched.status_code == 200 and patched.json()["language"] == "en"
    version = await client.get(f"{name}/life/_history/2", headers={"accept": FHIR})
    done["vread"] = version.json()["language"] == "pt"
    done["search-type"] = ids(await search(client, f"{name}?_id=life")) == {f"{name}/life"}
    history = (await client.get(f"{name}/life/_history")).json()
    done["history-instance"] = [entry["response"]["etag"] for entry in history["entry"]] == [
        'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"'
    ]  # fmt: skip
    done["delete"] = [(await client.delete(new)).status_code, (await client.get(new)).status_code] == [204, 410]
    gone = [await client.delete(f"{name}?_id=life"), await client.get(f"{name}/life")]
    done["conditionalDelete"] = [one.status_code for one in gone] == [204, 410]
    history = (await client.get(f"{name}/_history")).json()
    done["history-type"] = history["entry"][0]["request"] == {"method": "DELETE", "url": f"{name}/life"}
    return done


async def test_each_interaction_of_each_type(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    failed = []
    for resource in stated["resource"]:
        done = await _life(client, resource["type"])
        stated_codes = {one["code"] for one in resource["interaction"]}
        stated_codes |= {code for code in resource if code.startswith("conditional") or code == "updateCreate"}
        failed += [f"{resource['type']} {code}" for code in stated_codes if not done[code]]
    assert failed == []


async def test_interactions_of_the_system(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    entry = {"request": {"method": "GET", "url": f"Patient/{FIRST}"}}
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        answer = (await client.post("", json=bundle, headers={"content-type": FHIR})).json()
        assert answer["type"] == f"{kind}-response"
        assert answer["entry"][0]["resource"]["id"] == FIRST
    found = await search(client, f"?_type=Patient,Group&_id={FIRST}")
    assert ids(found) == {f"Patient/{FIRST}", f"Group/{FIRST}"}
    assert (await client.get("_history?_count=1")).json()["type"] == "history"
    posted = await client.post("_search", data={"_type": "Patient", "_id": FIRST})
    assert ids(posted.json()) == {f"Patient/{FIRST}"}
    for path in (f"_search?_type=Patient&_id={FIRST}", f"Patient/_search?_id={FIRST}"):  # R4 has only POST
        assert ids(await search(client, path)) == {f"Patient/{FIRST}"}


async def test_each_search_parameter(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    """A value taken from an instance finds it; where none can be taken, `:missing` tells the instances apart."""
    failed, found_by_value, listed = [], 0, 0
    for resource in stated["resource"]:
        name = resource["type"]
        wanted = {}
        for id in (FIRST, SECOND):
            for probe in probes(await stored(client, name, id), Search()):
                if probe.expected:
                    wanted.setdefault(probe.key[1], probe)
        for parameter in resource["searchParam"]:
            listed += 1
            known = search_parameter(name, parameter["name"])
            assert known is not None
            assert (known.url, known.type) == (parameter["definition"], parameter["type"])
            probe = wanted.get(parameter["name"])
            found_by_value += probe is not None
            if probe is None:
                missing, there = [
                    await search(client, f"{name}?{quote(parameter['name'])}:missing={value}&_elements=id")
                    for value in ("true", "false")
                ]
                if ids(missing) ^ ids(there) != {f"{name}/{FIRST}", f"{name}/{SECOND}"} or "failed" in missing:
                    failed.append(f"{name}?{parameter['name']}:missing {missing.get('failed', '')}")
                continue
            bundle = await search(client, f"{name}?{probe.query}&_elements=id&_count=100")
            if f"{name}/{probe.id}" not in ids(bundle):
                failed.append(f"{name}?{probe.query} {bundle.get('failed', '')}")
    assert failed == []
    assert found_by_value > 0.95 * listed


async def test_search_parameters_of_the_system(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    found = [probe for probe in probes(await stored(client, "Basic", FIRST), Search()) if probe.expected]
    wanted = {probe.key[1]: probe for probe in reversed(found)}
    [entry] = (await stored(client, "List", FIRST))["entry"]
    special = {"_filter": (f"_filter=_id eq {FIRST}", f"Basic/{FIRST}")}
    special["_list"] = (f"_list={FIRST}", entry["item"]["reference"])
    assert stated["searchParam"]
    for parameter in stated["searchParam"]:
        name = parameter["name"]
        query, found_id = special[name] if name in special else (wanted[name].query, f"Basic/{FIRST}")
        assert found_id in ids(await search(client, f"?_type=Basic,Patient&{query}")), parameter


async def _brought(client: httpx2.AsyncClient, name: str, how: str, values: Iterable[str]) -> set[str] | str:
    includes = "".join(f"&{how}={quote(value)}" for value in values)
    bundle = await search(client, f"{name}?_id={FIRST}{includes}&_elements=id")
    return bundle.get("failed") or ids(bundle, "include")


async def test_each_include(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    forth, _ = references()
    failed = []
    for resource in stated["resource"]:
        name = resource["type"]
        itself = f"{name}/{FIRST}"
        every = {target for (source, _), found in forth.items() if source == itself for target in found}
        for values in batches(resource["searchInclude"]):
            expected = every if "*" in values else set().union(*(forth.get((itself, value), ()) for value in values))
            found = await _brought(client, name, "_include", values)
            if found != expected - {itself}:
                failed.append(f"{name} {values}: {found} and not {expected}")
    assert failed == []


async def test_each_revinclude(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    _, back = references()
    failed = []
    for resource in stated["resource"]:
        name = resource["type"]
        itself = f"{name}/{FIRST}"
        for values in batches(resource["searchRevInclude"]):
            expected = set().union(*(back.get((itself, value), ()) for value in values))
            found = await _brought(client, name, "_revinclude", values)
            if found != expected - {itself}:
                failed.append(f"{name} {values}: {found} and not {expected}")
    assert failed == []


_OF_ALL = ("meta", "meta-add", "meta-delete", "reindex", "validate")
_OF_TYPES = {
    "AuditEvent": ("trail",),
    "Patient": (
        "access-report",
        "break-glass",
        "browser-off",
        "browser-on",
        "consent",
        "consents",
        "data-requests",
        "erasure",
        "erasure-plan",
        "everything",
        "export",
        "portability",
        "rectification",
    ),
    "Task": ("decide",),
    "Group": ("export",),
    "Encounter": ("everything",),
    "Observation": ("lastn",),
    "Subscription": ("events", "get-ws-binding-token", "status"),
}
"""Type -> operations that not all types have."""


async def test_everything(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    for name, operations in _OF_TYPES.items():
        if "everything" in operations:
            bundle = await search(client, f"{name}/{FIRST}/$everything")
            assert f"{name}/{FIRST}" in ids(bundle), bundle
    assert f"Patient/{SECOND}" in ids(await search(client, "Patient/$everything"))


async def test_lastn(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    found = await search(client, f"Observation/$lastn?patient={FIRST}&status:missing=false")
    assert ids(found) <= {f"Observation/{FIRST}", f"Observation/{SECOND}"}


async def _labelled(client: httpx2.AsyncClient, name: str) -> bool:
    """Whether a tag can be added, is seen on the instance and of the type, and can be taken away."""
    tag = {"system": "urn:example:walk", "code": "walked"}
    body = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [tag]}}]}
    seen = []
    for path in (f"{name}/{FIRST}/$meta-add", f"{name}/{FIRST}/$meta", f"{name}/$meta", f"{name}/{FIRST}/$meta-delete"):
        changes = path.endswith(("add", "delete"))
        answer = await (client.post(path, json=body, headers={"content-type": FHIR}) if changes else client.get(path))
        [returned] = answer.json().get("parameter", [{}])
        seen.append(tag in returned.get("valueMeta", {}).get("tag", ()))
    return seen == [True, True, True, False]


async def test_each_operation(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    def judged(response: httpx2.Response) -> bool:
        outcome = response.json()
        return response.status_code == 200 and not [i for i in outcome["issue"] if i["severity"] == "error"]

    failed = []
    for resource in stated["resource"]:
        name = resource["type"]
        assert {operation["name"] for operation in resource["operation"]} == {*_OF_ALL, *_OF_TYPES.get(name, ())}
        exported = {"Patient": "Patient/$export", "Group": f"Group/{FIRST}/$export"}.get(name)
        if exported and (await client.get(exported)).status_code != 202:
            failed.append(exported)
        posted = await client.post(
            f"{name}/$validate", content=serialize(instance(name)), headers={"content-type": FHIR}
        )
        of_instance = await client.get(f"{name}/{FIRST}/$validate")
        if not judged(posted) or not judged(of_instance) or not await _labelled(client, name):
            failed.append(name)
    assert failed == []
    of_all = [operation["name"] for operation in stated["operation"]]
    assert of_all == ["export", "import", "meta", "reindex", "versions"]
    assert (await client.get("$meta")).json()["resourceType"] == "Parameters"
    assert (await client.get("$export")).status_code == 202
    assert (await client.post("$import", json={"resourceType": "Parameters"})).status_code == 400
    assert (await client.post("Basic/$reindex")).status_code == 202
    assert (await client.get("$versions")).json()["resourceType"] == "Parameters"
    [announced] = [one["valueUri"] for one in stated["extension"] if one["url"].endswith("-websocket")]
    asked = {"resourceType": "Subscription", "status": "requested", "reason": "walk", "criteria": "Patient?",
             "channel": {"type": "websocket"}}  # fmt: skip
    id = (await client.post("Subscription", json=asked, headers={"content-type": FHIR})).json()["id"]
    given = (await client.get(f"Subscription/{id}/$get-ws-binding-token")).json()
    assert {"name": "websocket-url", "valueUrl": announced} in given["parameter"]
    assert (await client.get(f"Subscription/{FIRST}/$status")).json()["type"] == "searchset"
    assert (await client.get("AuditEvent/$trail")).json()["type"] == "searchset"
    assert (await client.get(f"Patient/{FIRST}/$access-report")).json()["type"] == "searchset"
    assert (await client.post(f"Patient/{FIRST}/$break-glass")).status_code == 403  # of nobody's roles here
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "purpose", "valueCode": "reminders"}, {"name": "granted", "valueBoolean": True}]}  # fmt: skip
    told = (await client.post(f"Patient/{FIRST}/$consent", json=said, headers={"content-type": FHIR})).json()
    assert told["resourceType"] == "Parameters"
    assert (await client.get(f"Patient/{FIRST}/$consents")).json() == told
    there = {"resourceType": "Parameters", "parameter": [
        {"name": name, "valueString": value} for name, value in BROWSER.items()]}  # fmt: skip
    on = (await client.post(f"Patient/{FIRST}/$browser-on", json=there, headers={"content-type": FHIR})).json()
    off = await client.post(f"Patient/{FIRST}/$browser-off?browser={on['id']}")
    assert (off.status_code, off.json()["id"]) == (200, on["id"])
    wrong = {"resourceType": "Parameters", "parameter": [
        {"name": "resource", "valueString": f"Patient/{FIRST}"},
        {"name": "statement", "valueString": "not so"}]}  # fmt: skip
    asked = await client.post(f"Patient/{FIRST}/$rectification", json=wrong, headers={"content-type": FHIR})
    assert (asked.status_code, asked.json()["resourceType"]) == (201, "Task")
    assert (await client.post(f"Patient/{FIRST}/$portability")).status_code == 202
    assert (await client.get(f"Patient/{FIRST}/$erasure-plan")).json()["resourceType"] == "Parameters"
    erased = await client.post(f"Patient/{SECOND}/$erasure")
    assert (erased.status_code, erased.json()["resourceType"]) == (201, "Task")
    assert ids((await client.get(f"Patient/{FIRST}/$data-requests")).json()) == {f"Task/{asked.json()['id']}"}
    assert (await client.post(f"Task/{asked.json()['id']}/$decide")).status_code == 403  # of nobody's roles here
    assert (await client.get(f"Subscription/{FIRST}/$events")).json()["type"] == "history"


async def test_each_compartment(client: httpx2.AsyncClient, stated: dict[str, Any]) -> None:
    names = {name.lower(): name for name in RESOURCE_TYPES}
    assert len(stated["compartment"]) == 5
    for url in stated["compartment"]:
        name = names[url.rpartition("/")[2].lower()]
        bundle = await search(client, f"{name}/{FIRST}/*?_elements=id&_count=1000")
        assert "failed" not in bundle
        for member in compartment(name):
            found = await search(client, f"{name}/{FIRST}/{member}?_elements=id&_count=1000")
            assert ids(found) == {one for one in ids(bundle) if one.startswith(f"{member}/")}, (name, member, found)


async def test_each_format_and_patch_format(client: httpx2.AsyncClient, module_database: str) -> None:
    body = (await client.get("metadata")).json()
    for format in body["format"]:
        assert (await client.get(f"Patient/{FIRST}?_format={quote(format)}")).json()["id"] == FIRST
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.active"},
        {"name": "value", "valueBoolean": False},
    ]
    patches: dict[str, Any] = {
        "application/json-patch+json": [{"op": "replace", "path": "/active", "value": True}],
        FHIR: {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]},
        "application/merge-patch+json": {"active": None},
    }
    for format in body["patchFormat"]:
        content = json.dumps(patches.pop(format)).encode()
        patched = await client.patch(f"Patient/{FIRST}", content=content, headers={"content-type": format})
        assert patched.status_code == 200, patched.text
    assert patches == {}
