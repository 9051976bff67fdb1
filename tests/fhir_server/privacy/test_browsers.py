"""Browsers in which somebody is told: who turns one on and off, what stays of it, and that it goes by erasure."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fhir_server.privacy.browsers import ON, SYSTEM, browser_of
from fhir_server.validation import validate
from tests.fhir_server.privacy.conftest import Hub, parts

ENDPOINT = "https://push.example.org/send/dGhlIGJyb3dzZXI"
POINT = (
    ec.derive_private_key(5, ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
KEY = urlsafe_b64encode(POINT).decode().rstrip("=")
SECRET = urlsafe_b64encode(b"s" * 16).decode().rstrip("=")
GIVEN = {"endpoint": ENDPOINT, "key": KEY, "secret": SECRET, "name": "Firefox no Linux"}


async def on(hub: Hub, who: str = "ana", patient: str = "ana", **more: str) -> tuple[int, dict[str, Any]]:
    status, told, _ = await hub.ask(who, f"Patient/{patient}/$browser-on", **GIVEN | more)
    return status, told


async def those_on(hub: Hub, patient: str = "ana", who: str = "ana") -> list[dict[str, Any]]:
    _, told, _ = await hub.ask(who, f"Basic?subject=Patient/{patient}&code={SYSTEM}|{ON}")
    return [one["resource"] for one in told.get("entry", ())]


async def test_on_again_off_and_on(hub: Hub) -> None:
    status, told = await on(hub)
    assert status == 200
    assert "extension" not in told  # how it is told is nothing for an answer
    [found] = await those_on(hub)
    assert found["id"] == told["id"]
    assert found["author"] == found["subject"] == {"reference": "Patient/ana"}
    assert not [one for one in validate(found) if one.severity != "warning"]
    browser = browser_of(found)
    assert browser is not None
    assert (browser.endpoint, browser.key, browser.secret, browser.name) == tuple(GIVEN.values())
    status, again = await on(hub, name="o de casa")
    assert (status, again["id"]) == (200, told["id"])
    assert len(await those_on(hub)) == 1
    status, ended, _ = await hub.ask("ana", "Patient/ana/$browser-off", browser=told["id"])
    assert (status, ended["code"]["coding"][0]["code"]) == (200, "off")
    assert await those_on(hub) == []
    _, left, _ = await hub.ask("ana", f"Basic/{told['id']}")
    assert not [word for word in (ENDPOINT, KEY, SECRET) if word in str(left)]
    status, _, _ = await hub.ask("ana", "Patient/ana/$browser-off", browser=told["id"])
    assert status == 404
    assert (await on(hub))[0] == 200
    assert len(await those_on(hub)) == 1


@pytest.mark.parametrize(
    ("who", "patient", "expected"),
    [
        ("ana", "ana", 200), ("guardian", "kid", 200), ("service", "ana", 200), ("rui", "ana", 404),
        ("ana's reader", "ana", 403), ("nurse", "ana", 403), ("officer", "ana", 403), ("research", "ana", 403),
        ("guardian of a grown-up", "ana", 404),
    ],
)  # fmt: skip
async def test_whose_word_counts(hub: Hub, who: str, patient: str, expected: int) -> None:
    status, _ = await on(hub, who, patient)
    assert status == expected
    found = await those_on(hub, patient, "operator")
    assert len(found) == (expected == 200)
    assert [one["author"] for one in found if "author" in one] == (
        [{"reference": "Patient/ana"}] if (who, expected) == ("ana", 200) else []
    )


async def test_one_turns_off_one_s_own_alone_and_nothing_else_that_is_basic(hub: Hub) -> None:
    _, told = await on(hub)
    assert (await on(hub, "rui", "rui"))[1]["id"] != told["id"]  # two people may share a browser
    status, _, _ = await hub.ask("rui", "Patient/rui/$browser-off", browser=told["id"])
    assert status == 404
    points = {"resourceType": "Basic", "id": "points", "code": {"text": "x"}, "subject": {"reference": "Patient/ana"}}
    await hub.put(points)
    for other in ("points", "nothing", told["id"][:-1]):
        status, _, _ = await hub.ask("ana", "Patient/ana/$browser-off", browser=other)
        assert status == 404, other
    assert len(await those_on(hub)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "ftp://push.example.org/x"), ("endpoint", "https://"), ("endpoint", "https://a:b@push.example.org"),
        ("endpoint", f"https://push.example.org/{'x' * 2000}"), ("endpoint", "https://push.example.org/\r\nX: y"),
        ("endpoint", "https://[::1/x"), ("key", "AAAA"), ("key", urlsafe_b64encode(b"\4" + b"\1" * 64).decode()),
        ("key", "ç"), ("secret", "AAAA"), ("name", "x" * 101), ("name", "a\nb"),
    ],
)  # fmt: skip
async def test_what_is_no_browser(hub: Hub, name: str, value: str) -> None:
    status, told = await on(hub, **{name: value})
    assert status == 400
    assert name in told["issue"][0]["diagnostics"]
    assert value not in told["issue"][0]["diagnostics"]
    assert await those_on(hub) == []


async def test_it_goes_when_erasure_is_asked_for_with_the_versions_before(hub: Hub) -> None:
    _, told = await on(hub)
    await hub.ask("ana", "Patient/ana/$browser-off", browser=told["id"])
    _, plan, _ = await hub.ask("ana", "Patient/ana/$erasure-plan")
    [own] = [one for one in map(parts, plan["parameter"][1:]) if one["code"] == "self-recorded"]
    assert own["erased"] >= 1
    status, task, _ = await hub.ask("ana", "Patient/ana/$erasure", **{"class": "self-recorded"})
    assert status == 201
    status, _, _ = await hub.ask(
        "officer, second factor shown", f"Task/{task['id']}/$decide", decision="accept", reason="nothing keeps it"
    )
    assert status == 200
    for path in (f"Basic/{told['id']}", f"Basic/{told['id']}/_history", f"Basic/{told['id']}/_history/1"):
        status, _, _ = await hub.ask("operator", path)
        assert status == 404, path
