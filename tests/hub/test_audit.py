"""`hub audit`: one event changed, one removed, one inserted: each is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest
import zstandard

from fhir_server.audit.chain import START, TAG, sealed
from fhir_server.audit.event import Event, line_of
from hub.cli import main

NOW = 1_764_000_000_000_000
DAY = 86_400_000_000


@pytest.fixture
def trail(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A database with 3 batches of 4 events; the first one is six years old."""
    monkeypatch.setenv("HUB_DATABASE_URL", database)
    monkeypatch.setenv("HUB_DATA", str(tmp_path))
    before = START
    with psycopg.connect(database) as connection:
        for number in range(3):
            at = NOW + (number - 1) * DAY if number else 1_000_000
            batch = sealed(number, number * 4 + 1, before, [line_of(Event(at, "read", 200)) for _ in range(4)])
            connection.execute(
                "insert into audit_batch values (%s, %s, 4, %s, %s, %s, %s, %s, %s)",
                (number, batch.first, at, at, before, batch.tags[-1], b"".join(batch.tags),
                 zstandard.compress(b"\n".join(batch.lines))),
            )  # fmt: skip
            before = batch.tags[-1]
    return database


def tampered(database: str, change: Callable[[list[bytes]], Sequence[bytes]], *, tags: bool = False) -> None:
    """Changes the lines (or tags) of the second batch, as somebody with all rights to the database could."""
    with psycopg.connect(database) as connection:
        connection.execute("set local hub.audit_expire = 'on'")
        connection.execute("alter table audit_batch disable trigger all")
        lines, stored = connection.execute("select lines, tags from audit_batch where number = 1").fetchone() or (
            b"",
            b"",
        )
        changed = list(change(zstandard.decompress(lines).split(b"\n")))
        if tags:
            made = change([stored[at : at + TAG] for at in range(0, len(stored), TAG)])
            connection.execute("update audit_batch set tags = %s where number = 1", (b"".join(made),))
        connection.execute(
            "update audit_batch set lines = %s, events = %s where number = 1",
            (zstandard.compress(b"\n".join(changed)), len(changed)),
        )
        connection.execute("alter table audit_batch enable trigger all")


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["audit", "verify", *arguments])
    return code, capsys.readouterr().out


def test_whole(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = verified(capsys)
    assert code == 0
    assert out.startswith("12 events, up to event 12:")


def test_changed(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    tampered(trail, lambda lines: [lines[0], b'[1,"read",404]', *lines[2:]])
    code, out = verified(capsys)
    assert code == 1
    assert "event 6: changed" in out


def test_removed(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    tampered(trail, lambda lines: [*lines[:1], *lines[2:]], tags=True)
    code, out = verified(capsys)
    assert code == 1
    assert "event 6: changed, or one before it removed" in out
    assert "event 8: 1 removed" in out


def test_inserted(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    tampered(trail, lambda lines: [lines[0], lines[0], *lines[1:]], tags=True)
    code, out = verified(capsys)
    assert code == 1
    assert "event 6: changed, or one before it removed or inserted" in out
    assert "event 9: 1 inserted before it" in out


def test_made_anew_as_a_whole(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out = verified(capsys)
    noted = out.split("up to event ")[1].split(";")[0]
    assert verified(capsys, "--expect", noted)[0] == 0
    with psycopg.connect(trail) as connection:
        connection.execute("set local hub.audit_expire = 'on'")
        connection.execute("delete from audit_batch where number = 2")
    code, out = verified(capsys, "--expect", noted)
    assert code == 1
    assert "event 12: is not there any more" in out


def test_expired(trail: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "expire", "--years", "5"]) == 0
    assert "Removed: 4 events" in capsys.readouterr().out
    code, out = verified(capsys)
    assert (code, out.startswith("8 events")) == (0, True)


@pytest.mark.parametrize("text", ["x", "1:zz", "0:" + "00" * TAG, "1:00"])
def test_no_tag(trail: str, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["audit", "verify", "--expect", text]) == 2
    assert "--expect" in capsys.readouterr().err
