"""hub doctor: what it finds and what it advises."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest

from hub.doctor import FAULT, OK, WARNING, Finding, doctor, examine
from hub.migrate import upgrade


def found(environment: dict[str, str]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(environment)}


def test_a_good_database(database: str, tmp_path: Path) -> None:
    findings = found({"HUB_DATABASE_URL": database, "HUB_DATA": str(tmp_path)})
    levels = {subject: findings[subject].level for subject in ("configuration", "database", "clock", "schema", "size")}
    assert set(levels.values()) == {OK}


def test_a_database_without_tables(bare_database: str, tmp_path: Path) -> None:
    environment = {"HUB_DATABASE_URL": bare_database, "HUB_DATA": str(tmp_path)}
    assert found(environment)["schema"].level == WARNING
    assert "hub migrate" in found(environment)["schema"].advice
    upgrade(bare_database)
    upgrade(bare_database)
    assert found(environment)["schema"].level == OK


def test_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://hub:secret@127.0.0.1:1/hub"
    assert doctor({"HUB_DATABASE_URL": url, "HUB_DATA": str(tmp_path)}) == 1
    told = capsys.readouterr().out
    assert "FAULT    database" in told
    assert "HUB_DATABASE_URL" in told
    assert "secret" not in told


def test_an_unusable_setting_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor({"HUB_PORT": "x"}) == 1
    assert "HUB_PORT" in capsys.readouterr().out


def test_a_port_in_use(database: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environment = {"HUB_DATABASE_URL": database, "HUB_DATA": str(tmp_path), "HUB_PORT": str(port)}
        assert found(environment)[f"127.0.0.1:{port}"].level == WARNING


def test_fsync_off_is_a_fault(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute("show fsync").fetchone()
    findings = [
        f for f in examine({"HUB_DATABASE_URL": database, "HUB_DATA": str(tmp_path)}) if f.subject == "durability"
    ]
    assert any(f.level == FAULT for f in findings) == (row == ("off",))
