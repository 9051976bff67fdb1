"""Attacks 71 to 75: pages of other origins, scripts in what is stored, forged hosts, methods and paths."""

from __future__ import annotations

import base64
import socket

import pytest

from tests.attacks.caller import Caller
from tests.attacks.record import EVERYTHING
from tests.hub_process import Answer

APP, OTHER = "https://app.example.org", "https://evil.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture(scope="module")
def operator(caller: Caller) -> str:
    """A token; and an app is known that runs at APP."""
    caller.client(
        "page", "patient/*.rs", auth_method="none", jwks=None, grant_types=["authorization_code"],
        redirect_uris=[f"{APP}/after?x=1", "org.example.app:/after", "http://127.0.0.1:7000/"],
    )  # fmt: skip

    def known() -> bool:
        """By both workers, as far as connections show."""
        answers = []
        for _ in range(8):
            caller.hub.client.close()
            answers.append(allowed(caller, "GET", "Patient", APP))
        return all("access-control-allow-origin" in answer.headers for answer in answers)

    caller.eventually(known)
    return caller.token(EVERYTHING, seconds=3600)


def allowed(caller: Caller, method: str, path: str, origin: str, **headers: str) -> Answer:
    """A browser's request for a page of the origin; none is ever told that cookies may go along."""
    answer = caller.hub.client.request(method, path, None, {"Origin": origin} | headers)
    assert "access-control-allow-credentials" not in answer.headers
    return answer


def test_75_public_documents_are_for_any_page(caller: Caller, operator: str) -> None:
    for path in ("metadata", ".well-known/smart-configuration", "/auth/.well-known/openid-configuration", "/auth/jwks"):
        for origin in (APP, OTHER, "null"):
            answer = allowed(caller, "GET", path, origin)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*"), path
            answer = allowed(caller, "OPTIONS", path, origin, **PREFLIGHT)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*"), path


CALLED = (
    ("GET", "Patient?_count=1", 401),
    ("GET", "$export", 401),
    ("GET", "Nothing/1", 404),
    ("POST", "/auth/token", 400),
)


@pytest.mark.parametrize(("method", "path", "status"), CALLED)
def test_75_called_by_registered_origins_only(
    caller: Caller, operator: str, method: str, path: str, status: int
) -> None:
    for origin in (APP, "http://127.0.0.1:7000"):
        answer = allowed(caller, method, path, origin)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, origin)
        assert answer.headers["vary"] == "Origin"
        assert "Content-Location" in answer.headers["access-control-expose-headers"]
        answer = allowed(caller, "OPTIONS", path, origin, **PREFLIGHT)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, origin)
        assert "Authorization" in answer.headers["access-control-allow-headers"]
        assert "x-request-id" not in answer.headers, "answered before the application hears of it"
    for origin in (
        OTHER, "null", f"{APP}.evil.example.org", f"{APP}:444", APP.replace("https", "http"), APP.upper(), f"{APP}/",
        "http://127.0.0.1:7001", "http://localhost:7000", "org.example.app:", "", f"{APP} {OTHER}", f"{APP}\tx", "*",
    ):  # fmt: skip
        for answer in (
            allowed(caller, method, path, origin),
            allowed(caller, "OPTIONS", path, origin, **PREFLIGHT),
        ):
            assert "access-control-allow-origin" not in answer.headers, origin
            assert "access-control-allow-methods" not in answer.headers, origin


def test_75_nothing_else_is_called_by_pages(caller: Caller, operator: str) -> None:
    for path in ("/", "/metrics", "/health/ready", "/auth/introspect", "/auth/authorize", "/auth/register", "/fhirx"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = allowed(caller, method, path, APP, **PREFLIGHT)
            assert "access-control-allow-origin" not in answer.headers, path


def test_75_an_app_switched_off(caller: Caller, operator: str) -> None:
    with caller.engine.begin() as connection:
        connection.exec_driver_sql("update auth.client set active = false where client_id = 'page'")
    try:
        caller.eventually(lambda: "access-control-allow-origin" not in allowed(caller, "GET", "Patient", APP).headers)
    finally:
        with caller.engine.begin() as connection:
            connection.exec_driver_sql("update auth.client set active = true where client_id = 'page'")


def test_71_stored_scripts_do_not_run(caller: Caller, operator: str, mark: str) -> None:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    for kind in ("image/svg+xml", "text/html", "application/xhtml+xml", "text/html\r\nX-Evil: 1"):
        body = {"resourceType": "Binary", "id": mark, "contentType": kind, "data": base64.b64encode(script).decode()}
        stored = caller.get(f"Binary/{mark}", operator, "PUT", body)
        if stored.status == 422:
            continue
        answer = caller.get(f"Binary/{mark}", operator, Accept="*/*")
        assert answer.body == script
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["content-security-policy"] == "sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "x-evil" not in answer.headers
    narrative = {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'><script>x</script></div>"}
    patient = {"resourceType": "Patient", "text": narrative}
    assert caller.get("Patient", operator, "POST", patient).status == 422
    name = {"resourceType": "Patient", "id": mark, "name": [{"family": "<script>alert(1)</script>"}]}
    assert caller.get(f"Patient/{mark}", operator, "PUT", name).status == 201
    for accept in ("text/html", "*/*", "text/html,*/*;q=0.1"):
        answer = caller.get(f"Patient/{mark}", operator, Accept=accept)
        assert answer.status == 406 or "json" in answer.headers["content-type"], accept
    echoed = caller.hub.client.request("GET", "/%3Cscript%3Ealert(1)%3C/script%3E")
    assert b"<script" not in echoed.body
    assert echoed.headers["content-type"].startswith("text/plain")


def test_72_hosts_are_those_of_the_settings(caller: Caller, operator: str, mark: str) -> None:
    forged = {
        "Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "10.9.8.7", "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example.org;proto=https",
        "X-Original-URL": "/auth/jwks", "X-Rewrite-URL": "/auth/jwks",
    }  # fmt: skip
    patient = {"resourceType": "Patient", "id": mark}
    for method, path, body in (
        ("PUT", f"Patient/{mark}", patient), ("GET", f"Patient/{mark}", None), ("GET", "Patient?_count=1", None),
        ("GET", "metadata", None), ("GET", "$export?_type=Patient", None), ("GET", "_history?_count=1", None),
        ("GET", ".well-known/smart-configuration", None), ("GET", "/auth/.well-known/openid-configuration", None),
        ("POST", "Patient", {"resourceType": "Patient"}), ("GET", "/", None),
    ):  # fmt: skip
        more = {"Prefer": "respond-async"} if "$export" in path else {}
        answer = caller.get(path, operator, method, body, **forged, **more)
        assert answer.status in (200, 201, 202), (path, answer.body)
        told = answer.body.decode() + str(answer.headers)
        assert "evil" not in told, path
        assert "https://127" not in told, path


def test_73_methods(caller: Caller, operator: str, mark: str) -> None:
    caller.get(f"Patient/{mark}", operator, "PUT", {"resourceType": "Patient", "id": mark})
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for method in ("GET", "POST"):
            answer = caller.get(f"Patient/{mark}?_method=DELETE", operator, method, **{name: "DELETE"})
            assert answer.status in (200, 400, 405)
    assert caller.get(f"Patient/{mark}", operator).status == 200
    for method in ("TRACE", "TRACK", "PROPFIND", "get", "CONNECT"):
        for path in (f"Patient/{mark}", "/", "/auth/token"):
            answer = caller.get(path, operator, method)
            assert answer.status in (400, 404, 405), (method, path)
            assert operator.encode() not in answer.body


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 40",
        "Content-Length: +4",
        "Content-Length: 4, 40",
        "Content-Length: -1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding:\x0bchunked",
    ],
)
def test_73_no_second_request_is_hidden_in_a_first(caller: Caller, head: str) -> None:
    """What two servers may read in two ways is refused, and nothing after it on that connection is answered."""
    hidden = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = f"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n0\r\n\r\n{hidden}"
    with socket.create_connection(("127.0.0.1", caller.hub.port), timeout=10) as connection:
        connection.sendall(raw.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answered = b""
        while piece := connection.recv(65536):
            answered += piece
    assert answered.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401")), answered
    assert b'{"status":"up"}' not in answered


def test_74_paths_of_files(caller: Caller, operator: str) -> None:
    started = caller.get("Patient/$export", operator, Prefer="respond-async")
    job = started.headers["content-location"]
    caller.eventually(lambda: caller.get(job, operator).status == 200, pause=0.25)
    listed = [one["url"] for one in caller.get(job, operator).json()["output"]]
    assert listed
    assert all(caller.get(url, operator).status == 200 for url in listed)
    job = job.removeprefix(f"{caller.hub.client.base}/")
    for name in (
        "..",
        "../../key",
        "..%2f..%2fkey",
        "%2e%2e%2fkey",
        "....//key",
        "%2fetc%2fpasswd",
        "..%5ckey",
        "%00",
        ".",
    ):
        answer = caller.get(f"{job}/{name}", operator)
        assert answer.status in (400, 404), (name, answer.status)
        assert caller.get(f"{job.rpartition('/')[0]}/{name}/Patient.1.ndjson", operator).status in (400, 404), name
