"""Where the hub's own requests may go, and what becomes of answers and silence."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fhir_server.subscriptions.courier import Undelivered
from hub.outbound import Allowed, Door, reachable
from tests.fhir_server.subscriptions.endpoint import listening

CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzHk7x2J2w91x3ylA
OnGe82+vLggWg15M6yBksJTIvWehRANCAAQhZQwO93TivELIVdS3vwe4pQ2GptDH
3yI5zZTjdHEb9klKSyGV9A/acsStDePLZCuWNTadrPBEfj3TZlx66xZ3
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUAgcXDd8z8FOxhhiYZuVL5ApsWyAwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLb25lLmV4YW1wbGUwIBcNMjYxMTI1MDAyODQ0WhgPMjEyNjEx
MDEwMDI4NDRaMBYxFDASBgNVBAMMC29uZS5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEIWUMDvd04rxCyFXUt78HuKUNhqbQx98iOc2U43RxG/ZJSksh
lfQP2nLErQ3jy2QrljU2nazwRH4902ZceusWd6NrMGkwHQYDVR0OBBYEFPRTUHq+
5aE+XhHZqy4FpH3LVP28MB8GA1UdIwQYMBaAFPRTUHq+5aE+XhHZqy4FpH3LVP28
MA8GA1UdEwEB/wQFMAMBAf8wFgYDVR0RBA8wDYILb25lLmV4YW1wbGUwCgYIKoZI
zj0EAwIDRwAwRAIgAR13dJMCGYWgwsLQOsAmlXgApYOqHGOXVSnI1298J+gCIAqm
RL9msBXITuu9nOJGK5FqEbWqEbdSTJA029+MQUGa
-----END CERTIFICATE-----
"""
"""Of one.example, signed by itself; nobody trusts it but the test below."""

LOCAL = Allowed(frozenset({"http"}), loopback=True)


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("93.184.216.34", True), ("10.1.2.3", True), ("2606:2800::1", True), ("fd00::1", True),
        ("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("::ffff:127.0.0.1", False),
        ("169.254.169.254", False), ("::ffff:169.254.169.254", False), ("fe80::1%eth0", False), ("0.0.0.0", False),
        ("::", False), ("224.0.0.1", False), ("255.255.255.255", False),
    ],
)  # fmt: skip
def test_addresses(address: str, reached: bool) -> None:
    assert reachable(address, Allowed()) is reached
    if "127." in address or address == "::1":
        assert reachable(address, LOCAL)


@pytest.mark.parametrize(
    ("url", "allowed", "reason"),
    [
        ("http://127.0.0.1:{port}/", Allowed(), "scheme"),
        ("ftp://127.0.0.1:{port}/", LOCAL, "scheme"),
        ("http://127.0.0.1:{port}/", Allowed(frozenset({"http"})), "address"),
        ("http://localhost:{port}/", Allowed(frozenset({"http"})), "address"),
        ("http://user:pw@127.0.0.1:{port}/", LOCAL, "password"),
        ("http:///path", LOCAL, "host"),
        ("http://name.invalid/", LOCAL, "not known"),
        ("http://127.0.0.1:1/", LOCAL, "connected"),
    ],
)
async def test_what_is_not_sent(url: str, allowed: Allowed, reason: str) -> None:
    door = Door(allowed)
    async with listening() as endpoint:
        with pytest.raises(Undelivered) as caught:
            await door.send("POST", url.format(port=endpoint.port), [], b"{}", 2)
        assert reason in str(caught.value)
        assert endpoint.told == []
    await door.close()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(500, "answered 500"), (301, "answered 301"), ("hang", "did not answer within 0.3 s"), ("close", "failed")],
)
async def test_answers(behaviour: int | str, reason: str) -> None:
    door = Door(LOCAL)
    async with listening() as endpoint:
        endpoint.behaviours.append(behaviour)
        with pytest.raises(Undelivered) as caught:
            await door.send("POST", endpoint.url, [("X-Secret", "value")], b"{}", 0.3)
        assert reason in str(caught.value)
        assert "value" not in str(caught.value)
        await door.send("PUT", f"{endpoint.url}/Patient/1", [("X-Secret", "value")], b"{}", 5)
        assert endpoint.told[-1].headers["x-secret"] == "value"
        assert endpoint.told[-1].body == b"{}"
    await door.close()


async def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was judged is the one connected to: a second answer for the name is not asked for."""
    loop = asyncio.get_running_loop()
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **more: Any) -> Sequence[tuple[Any, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    door = Door(LOCAL)
    async with listening() as endpoint:
        await door.send("POST", f"http://rebinding.example:{endpoint.port}/x", [], None, 2)
        assert endpoint.told[0].headers["host"] == f"rebinding.example:{endpoint.port}"
    assert asked[0] == "rebinding.example"
    assert "rebinding.example" not in asked[1:]
    await door.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The file of a certificate of its own, and of its key."""
    file = tmp_path / "certificate.pem"
    file.write_text(CERTIFICATE)
    return file


def showing(certificate: Path) -> ssl.SSLContext:
    """Of a server that shows it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_that_no_authority_signed_is_refused(certificate: Path) -> None:
    """Whoever is given no others trusts the machine's authorities alone."""
    door = Door(Allowed(loopback=True))
    async with listening(tls=showing(certificate)) as endpoint:
        with pytest.raises(Undelivered):
            await door.send("POST", f"https://localhost:{endpoint.port}/x", [], b"{}", 5)
        assert not endpoint.told
    await door.close()


async def test_each_host_shows_its_own_certificate(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """A connection that one host has opened is not used for another at the same address."""

    async def getaddrinfo(host: str, port: int, **more: Any) -> Sequence[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    door = Door(Allowed(loopback=True), tls=ssl.create_default_context(cafile=str(certificate)))
    async with listening(tls=showing(certificate)) as endpoint:
        await door.send("POST", f"https://one.example:{endpoint.port}/x", [], b"{}", 5)
        with pytest.raises(Undelivered):
            await door.send("POST", f"https://two.example:{endpoint.port}/x", [], b"{}", 5)
        await door.send("POST", f"https://one.example:{endpoint.port}/x", [], b"{}", 5)
        assert [one.headers["host"] for one in endpoint.told] == [f"one.example:{endpoint.port}"] * 2
    await door.close()
