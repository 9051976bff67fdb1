"""The shell: HTTP in and out, errors, limits, negotiation, log and metrics. One database for all tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fhir_server.app import App, headers_of
from fhir_server.dispatch import Server, Settings
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Forbidden
from fhir_server.postgres import ConnectionLost, DatabaseError
from fhir_server.trouble import places
from smart_auth.scopes import Access

FHIR = "application/fhir+json"
PATIENT = {"resourceType": "Patient", "id": "app", "active": True, "name": [{"family": "Souza"}]}


async def put(client: httpx2.AsyncClient, resource: Any = PATIENT) -> httpx2.Response:
    return await client.put(f"{resource['resourceType']}/{resource['id']}", json=resource)


def issue(response: httpx2.Response) -> dict[str, Any]:
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert response.headers["content-type"].startswith((FHIR, "application/json", "text/json"))
    first: dict[str, Any] = outcome["issue"][0]
    assert {"severity", "code", "diagnostics"} <= first.keys()
    return first


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "status", "code"),
    [
        ("GET", "Nonsense", {}, None, 404, "not-supported"),
        ("GET", "Patient/nobody", {}, None, 404, "not-found"),
        ("GET", "Patient/a_b", {}, None, 400, "value"),
        ("GET", "Patient/1/2/3/4", {}, None, 404, "not-found"),
        ("GET", "Patient/$nonsense", {}, None, 404, "not-supported"),
        ("PUT", "metadata", {"content-type": FHIR}, b"{}", 405, "not-supported"),
        ("TRACE", "Patient", {}, None, 405, "not-supported"),
        ("GET", "Patient/app?nonsense=1", {}, None, 400, "not-supported"),
        ("GET", "Patient/app?_format=xml", {}, None, 406, "not-supported"),
        ("GET", "metadata", {"accept": "application/fhir+xml"}, None, 406, "not-supported"),
        ("GET", "metadata", {"accept": "text/turtle"}, None, 406, "not-supported"),
        ("GET", "Patient/app?_elements=%FF", {}, None, 400, "value"),
        ("GET", "Patient?name=" + "a" * 20_000, {}, None, 414, "too-long"),
        ("POST", "Patient", {"content-type": FHIR}, b"", 400, "required"),
        ("POST", "Patient", {"content-type": FHIR}, b'{\n"resourceType": }', 400, "structure"),
        ("POST", "Patient", {"content-type": FHIR}, b'{"a": 1, "a": 2}', 400, "structure"),
        ("POST", "Patient", {"content-type": FHIR}, b"[" * 70 + b"]" * 70, 400, "too-long"),
        ("POST", "Patient", {"content-type": FHIR}, b'{"resourceType": "Group"}', 400, "invalid"),
        ("POST", "Patient", {"content-type": "text/plain"}, b"{}", 415, "not-supported"),
        ("POST", "Patient", {"content-type": "application/fhir+xml"}, b"<a/>", 415, "not-supported"),
        ("POST", "Patient", {"content-type": FHIR, "content-encoding": "br"}, b"a", 415, "not-supported"),
        ("POST", "Patient", {"content-type": FHIR, "content-encoding": "gzip"}, b"a", 400, "structure"),
        ("POST", "Patient", {"content-type": FHIR, "prefer": "return=all"}, b"{}", 400, "value"),
        ("POST", "Patient/_search", {"content-type": FHIR}, b"{}", 415, "not-supported"),
        ("PUT", "Patient/app", {"content-type": FHIR, "if-match": "one"}, json.dumps(PATIENT).encode(), 400, "value"),
        ("GET", "Patient/app", {"if-none-match": "one"}, None, 400, "value"),
        ("GET", "Patient/app", {"if-modified-since": "today"}, None, 400, "value"),
    ],
)  # fmt: skip
async def test_each_error_has_its_outcome(
    shared_client: httpx2.AsyncClient, method: str, url: str, headers: dict[str, str], body: bytes | None, status: int,
    code: str,
) -> None:  # fmt: skip
    await put(shared_client)
    response = await shared_client.request(method, url, headers=headers, content=body)
    assert (response.status_code, issue(response)["code"]) == (status, code)
    if status == 405:
        assert "OPTIONS" in response.headers["allow"]


async def test_malformed_json_says_line_and_column(shared_client: httpx2.AsyncClient) -> None:
    response = await shared_client.post("Patient", content=b'{\n"a": }', headers={"content-type": FHIR})
    assert "line 2, column 6" in issue(response)["diagnostics"]


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        ("*/*", "", FHIR),
        ("application/json", "", "application/json"),
        (FHIR, "?_format=application/json", "application/json"),
        ("application/fhir+xml", "?_format=json", FHIR),
    ],
)
async def test_the_format_asked_for(shared_client: httpx2.AsyncClient, accept: str, query: str, expected: str) -> None:
    await put(shared_client)
    response = await shared_client.get(f"Patient/app{query}", headers={"accept": accept})
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    for url in ("Patient/nobody", "Nonsense"):
        missing = await shared_client.get(f"{url}{query}", headers={"accept": accept})
        assert missing.headers["content-type"] == f"{expected}; charset=utf-8"


async def test_pretty(shared_client: httpx2.AsyncClient) -> None:
    await put(shared_client)
    plain = await shared_client.get("Patient/app")
    pretty = await shared_client.get("Patient/app?_pretty=true")
    assert plain.json() == pretty.json()
    assert plain.text.count("\n") == 0 < pretty.text.count("\n")
    assert (await shared_client.get("Nonsense?_pretty=true")).text.count("\n") > 0


async def test_the_headers_of_every_answer(shared_client: httpx2.AsyncClient) -> None:
    await put(shared_client)
    response = await shared_client.get("Patient/app", headers={"x-request-id": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "no-cache" in response.headers["cache-control"]
    other = await shared_client.get("Patient/app", headers={"x-request-id": "bad id \t<>"})
    assert other.headers["x-request-id"] not in ("", "bad id \t<>")


async def test_head_is_get_without_the_body(shared_client: httpx2.AsyncClient) -> None:
    await put(shared_client)
    got, head = await shared_client.get("Patient/app"), await shared_client.head("Patient/app")
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "etag", "last-modified", "content-type"):
        assert head.headers[name] == got.headers[name]
    assert (await shared_client.head("Patient/nobody")).status_code == 404


async def test_options(shared_client: httpx2.AsyncClient) -> None:
    response = await shared_client.options("Patient/app")
    assert response.status_code == 204
    assert "PATCH" in response.headers["allow"]
    assert (await shared_client.options("Nonsense")).status_code == 404


async def test_packed_bodies(shared_client: httpx2.AsyncClient) -> None:
    packed = gzip.compress(json.dumps(PATIENT).encode())
    headers = {"content-type": FHIR, "content-encoding": "gzip"}
    assert (await shared_client.put("Patient/app", content=packed, headers=headers)).status_code in (200, 201)


async def test_body_limits(module_database: str, served: Any) -> None:
    async with served(module_database, Settings(max_body=2000, max_bundle_body=5000)) as client:
        headers = {"content-type": FHIR}
        blanks = b" " * 2001
        assert (await client.post("Patient", content=blanks, headers=headers)).status_code == 413
        response = await client.post("", content=blanks, headers=headers)
        assert response.status_code == 400, "a Bundle may be larger"
        bomb = gzip.compress(b" " * 3_000_000)
        response = await client.post("", content=bomb, headers=headers | {"content-encoding": "gzip"})
        assert response.status_code == 413
        assert issue(response)["code"] == "too-long"
        assert response.headers["connection"] == "close"


async def test_what_is_not_fhir_goes_elsewhere(shared_client: httpx2.AsyncClient) -> None:
    for url in ("http://fhir.example.org/", "http://fhir.example.org/fhirless", "http://fhir.example.org/health/live"):
        assert (await shared_client.get(url)).status_code == 418
    assert (await shared_client.get("http://fhir.example.org/fhir")).status_code != 418


async def test_the_log_holds_no_values(module_database: str, served: Any) -> None:
    records: list[dict[str, object]] = []
    async with served(module_database, log=records.append) as client:
        await put(client)
        await client.get("Patient/app?_elements=name", headers={"x-request-id": "r1"})
        await client.get("Nonsense/Souza")
    assert [(r["method"], r["interaction"], r["type"], r["status"]) for r in records] == [
        ("PUT", "update", "Patient", records[0]["status"]),
        ("GET", "read", "Patient", 200),
        ("GET", "none", "", 404),
    ]
    assert records[1]["request_id"] == "r1"
    text = json.dumps(records)
    assert "app" not in text
    assert "Souza" not in text


class Broken:
    """A store whose reads fail."""

    referential_integrity = True
    ignorant, again = False, True

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def read(self, access: Access, resource_type: str, id: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (KeyError("Souza"), 500, "exception"),
        (DatabaseError("57014", "canceling statement"), 503, "too-costly"),
        (DatabaseError("40P01", "deadlock"), 503, "transient"),
        (DatabaseError("42703", "column Souza"), 500, "exception"),
        (ConnectionLost("gone"), 503, "transient"),
    ],
)
async def test_faults_of_ours(served: Any, error: Exception, status: int, code: str) -> None:
    records: list[dict[str, object]] = []
    async with served("postgresql://nowhere", log=records.append) as client:
        client._transport.app._server.store = Broken(error)
        response = await client.get("Patient/1")
    assert (response.status_code, issue(response)["code"]) == (status, code)
    assert "Souza" not in response.text + json.dumps(records)
    assert records[0]["error"] == type(error).__qualname__
    assert any(f"{Path(__file__).name}" in str(place) for place in records[0]["trace"])  # type: ignore[attr-defined]


async def test_access_is_asked_before_the_body_is_read(served: Any) -> None:
    def refuse(headers: Any) -> Access:
        raise Forbidden("not you")

    async with served("postgresql://nowhere", access=refuse) as client:
        response = await client.post("Patient", content=b"{broken")
        assert (response.status_code, issue(response)["code"]) == (403, "forbidden")


async def test_an_access_that_grants_nothing_gets_nothing(served: Any, database: str) -> None:
    async def nothing(request: FhirRequest) -> Access:
        return Access("x", unrestricted=False)

    async with served(database, access=nothing) as client:
        for url in ("Patient/1", "Patient", "_history"):
            assert (await client.get(url)).status_code == 403


def test_repeated_headers_are_joined() -> None:
    assert headers_of([(b"If-Match", b"1"), (b"a", b"b"), (b"if-match", b"2")]) == {"if-match": "1, 2", "a": "b"}


def test_places_hold_no_message() -> None:
    try:
        try:
            raise ValueError("Souza")
        except ValueError as error:
            raise RuntimeError("Souza again") from error
    except RuntimeError as error:
        found = places(error)
    assert {"ValueError", "RuntimeError"} <= set(found)
    assert "Souza" not in "".join(found)


@pytest.mark.parametrize("fails", [False, True])
async def test_lifespan(fails: bool) -> None:
    done: list[str] = []

    async def start() -> None:
        if fails:
            raise OSError("no database")
        done.append("start")

    async def stop() -> None:
        done.append("stop")

    messages = ["lifespan.startup", "lifespan.shutdown"]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": messages.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    server: Any = Server(None, "", lambda: 0)  # type: ignore[arg-type]
    app = App(server, None, metrics=None, startup=start, shutdown=stop)  # type: ignore[arg-type]
    await app({"type": "lifespan"}, receive, send)
    if fails:
        assert sent == ["lifespan.startup.failed"]
    else:
        assert (done, sent) == (["start", "stop"], ["lifespan.startup.complete", "lifespan.shutdown.complete"])


def test_a_request_is_plain() -> None:
    assert FhirRequest("GET", (), [], {}, Access("x", True)).body is None
