"""`hub user`, and apps registered with `hub client add`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.authorization import tables
from hub.cli import main
from smart_auth import clients, factors, passwords, people
from smart_auth.people import Person

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("HUB_DATABASE_URL", database)
    monkeypatch.setenv("HUB_DATA", str(tmp_path))

    def call(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def found(database: str, login: str) -> Person:
    with tables(database) as connection:
        person = people.by_login(connection, login)
        assert person is not None
        return person


def test_a_member(run: Run, database: str) -> None:
    assert run("user", "add", "Ana", "--name", "Ana Souza", "--role", "member", "--patient", "1")[0] == 0
    assert "ana  Ana Souza  member  -  -  1  (no password)" in run("user", "list")[1]
    assert run("user", "add", "ana", "--name", "Another", "--role", "member")[0] == 2
    code, _, told = run("user", "password", "ana", typed="senhasenha12\n")
    assert (code, "senhasenha12" in told) == (2, False)
    assert run("user", "password", "ana", typed="paçoca-girassol-trem\n")[0] == 0
    assert passwords.verified(found(database, "ana").password_hash, "paçoca-girassol-trem")
    made = run("user", "password", "ana", "--generate")[1].split()[-1]
    assert passwords.verified(found(database, "ana").password_hash, made)
    assert run("user", "off", "ana")[0] == 0
    assert found(database, "ana").active is False
    assert run("user", "on", "ana")[0] == 0
    assert run("user", "off", "nobody")[0] == 2


def test_staff(run: Run, database: str) -> None:
    assert run("user", "add", "dr.lima", "--name", "Dr. Lima", "--role", "nurse", "--fhir-user", "x")[0] == 2
    assert run("user", "add", "dr.lima", "--name", "Dr. Lima", "--role", "nurse")[0] == 0
    changed = ("--role", "physician", "--fhir-user", "Practitioner/1", "--organization", "Organization/1")
    assert run("user", "change", "dr.lima", *changed)[0] == 0
    person = found(database, "dr.lima")
    assert (person.roles, person.fhir_user, person.organization) == (
        ("physician",), "Practitioner/1", "Organization/1",
    )  # fmt: skip
    printed = run("user", "totp", "dr.lima")[1]
    assert re.search(r"Key for an authenticator app: [A-Z2-7]{32}\n", printed)
    assert "otpauth://totp/" in printed
    assert len(printed.split("Recovery codes: ")[1].splitlines()[0].split()) == 10
    with tables(database) as connection:
        assert factors.has(connection, person)
    assert run("user", "no-factor", "dr.lima")[0] == 0
    with tables(database) as connection:
        assert not factors.has(connection, person)


def test_apps(run: Run, database: str) -> None:
    app = ("client", "add", "chart", "--scope", "launch openid patient/*.rs")
    assert run(*app)[0] == 2
    for uri in (
        "http://x.example.org/back",
        "https://x/#a",
        "https://*.example.org/",
        "javascript:alert(1)",
        "https://a@x/",
    ):
        assert run(*app, "--redirect-uri", uri)[0] == 2, uri
    assert run("client", "add", "chart", "--scope", "system/*.rs", "--redirect-uri", "https://x.example.org/")[0] == 2
    assert run("client", "add", "chart", "--scope", "patient/x.rs", "--redirect-uri", "https://x.example.org/")[0] == 2
    uris = ("--redirect-uri", "https://x.example.org/back", "--redirect-uri", "http://127.0.0.1:9/back")
    code, printed, _ = run(*app, *uris, "--secret", "basic")
    assert code == 0
    secret = printed.split("shown this once: ")[1].strip()
    with tables(database) as connection:
        client = clients.find(connection, "chart")
        assert client is not None
        assert client.redirect_uris == ("https://x.example.org/back", "http://127.0.0.1:9/back")
        assert client.check_client_secret(secret)
        assert client.grant_types == ("authorization_code", "refresh_token")
