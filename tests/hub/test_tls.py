"""TLS of the hub itself, over real sockets."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from hub.tls import Tls, TlsUnusable
from smart_auth.seal import new_key
from tests.hub_process import HubProcess


def write(folder: Path, name: str = "hub", encryption: KeySerializationEncryption | None = None) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )  # fmt: skip
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    files[1].write_bytes(pem)
    return files


def trusting(certificate: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client's view; version: the only one it speaks."""
    context = ssl.create_default_context(cafile=str(certificate))
    if version is not None:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def served(module_database: str, folder: Path) -> Iterator[HubProcess]:
    certificate, key = write(folder)
    settings = {
        "database_url": module_database, "access": "smart", "key": new_key(), "workers": "2",
        "tls_certificate": str(certificate), "tls_key": str(key),
    }  # fmt: skip
    with HubProcess(folder, settings, tls=trusting(certificate)) as hub:
        yield hub


def handshake(port: int, context: ssl.SSLContext) -> str:
    """The version spoken. Raises ssl.SSLError, OSError."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw, context.wrap_socket(
        raw, server_hostname="127.0.0.1"
    ) as secure:  # fmt: skip
        return str(secure.version())


def test_everything_is_https(served: HubProcess) -> None:
    statement = served.client.request("GET", "metadata")
    assert statement.json()["implementation"]["url"] == served.client.base
    assert statement.headers["strict-transport-security"] == "max-age=31536000"
    smart = served.client.get(".well-known/smart-configuration")
    assert smart["token_endpoint"].startswith(f"https://127.0.0.1:{served.port}/auth/")
    assert "Secure" in served.client.request("GET", "/auth/sign-in").headers["set-cookie"]
    done = served.command("token", "--demo")
    answer = served.client.request(
        "POST", "Patient", {"resourceType": "Patient", "name": [{"text": "x" * 200_000}]},
        {"Authorization": f"Bearer {done.stdout.strip()}"},
    )  # fmt: skip
    assert answer.status == 201, "larger than a record of TLS"
    assert answer.headers["location"].startswith("https://")


def test_old_versions_and_plain_http_are_refused(served: HubProcess, folder: Path) -> None:
    certificate = folder / "hub.pem"
    assert handshake(served.port, trusting(certificate)) == "TLSv1.3"
    assert handshake(served.port, trusting(certificate, ssl.TLSVersion.TLSv1_2)) == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(served.port, trusting(certificate, ssl.TLSVersion.TLSv1_1))
    with socket.create_connection(("127.0.0.1", served.port), 10) as plain:
        plain.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(1000)


def test_a_renewed_certificate_is_taken_up(served: HubProcess, folder: Path) -> None:
    """By every worker, without a restart; one that does not fit its key changes nothing."""
    before = trusting(folder / "hub.pem")
    (folder / "hub.pem").write_bytes(write(folder, "other")[0].read_bytes())
    time.sleep(6)
    assert handshake(served.port, before)
    new = write(folder)[0]
    end = time.monotonic() + 30
    good = 0
    while good < 20:
        try:
            handshake(served.port, trusting(new))
            good += 1
        except ssl.SSLError:
            good = 0
            assert time.monotonic() < end
            time.sleep(0.2)


def test_what_cannot_be_used(tmp_path: Path) -> None:
    certificate, key = write(tmp_path)
    _, other = write(tmp_path, "other")
    _, locked = write(tmp_path, "locked", BestAvailableEncryption(b"password"))
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("x")
    for files, said in (
        ((certificate, other), "HUB_TLS_KEY"), ((certificate, locked), "HUB_TLS_KEY"),
        ((rubbish, key), "HUB_TLS_CERTIFICATE"), ((certificate, rubbish), "HUB_TLS_KEY"),
        ((tmp_path / "none", key), "HUB_TLS_CERTIFICATE: cannot be read"),
        ((certificate, tmp_path / "none"), "HUB_TLS_KEY: cannot be read"),
    ):  # fmt: skip
        with pytest.raises(TlsUnusable, match=said):
            Tls(*files, "1.2")
    hub = HubProcess(tmp_path, {"tls_certificate": str(certificate), "tls_key": str(other)})
    done = hub.command("serve")
    assert (done.returncode, done.stderr.count("HUB_TLS_KEY")) == (1, 1)


def test_the_least_version(tmp_path: Path) -> None:
    assert Tls(*write(tmp_path), "1.3").context.minimum_version is ssl.TLSVersion.TLSv1_3
