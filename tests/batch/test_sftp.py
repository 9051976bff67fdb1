"""Files by SFTP with OpenSSH itself."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch.faults import SetRefused
from batch.names import SetName
from batch.sftp import CHUNK, Server, connected, download, publish, unfinished, upload, whole_sets

NAME = SetName("999997", "MEMBROS", date(2026, 3, 10), 1)
BYTES = os.urandom(CHUNK * 5 + 17)
HASH = hashlib.sha256(BYTES).hexdigest()
Place = tuple[Server, Path]


def test_a_file_comes_whole(server: Place, tmp_path: Path) -> None:
    (server[1] / "saida" / "a").write_bytes(BYTES)
    came = 0

    def told(size: int) -> None:
        nonlocal came
        came += size

    with connected(server[0]) as client:
        download(client, "saida/a", tmp_path / "a", HASH, told)
    assert (tmp_path / "a").read_bytes() == BYTES
    assert came == len(BYTES)


@pytest.mark.parametrize("already", [0, 1, CHUNK, CHUNK * 3 + 5, len(BYTES)])
def test_15_goes_on_where_it_was_broken_off(already: int, server: Place, tmp_path: Path) -> None:
    (server[1] / "saida" / "a").write_bytes(BYTES)
    (tmp_path / "a.part").write_bytes(BYTES[:already])
    came: list[int] = []
    with connected(server[0]) as client:
        download(client, "saida/a", tmp_path / "a", HASH, came.append)
    assert (tmp_path / "a").read_bytes() == BYTES
    assert sum(came) == len(BYTES) - already


def test_15_what_is_left_of_another_file_is_noticed(server: Place, tmp_path: Path) -> None:
    (server[1] / "saida" / "a").write_bytes(BYTES)
    (tmp_path / "a.part").write_bytes(b"x" * CHUNK)
    with connected(server[0]) as client:
        with pytest.raises(SetRefused):
            download(client, "saida/a", tmp_path / "a", HASH)
        download(client, "saida/a", tmp_path / "a", HASH)
    assert (tmp_path / "a").read_bytes() == BYTES


@pytest.mark.parametrize("content", [BYTES[:-1], BYTES[1:], b""])
def test_15_truncated(content: bytes, server: Place, tmp_path: Path) -> None:
    (server[1] / "saida" / "a").write_bytes(content)
    with connected(server[0]) as client, pytest.raises(SetRefused) as told:
        download(client, "saida/a", tmp_path / "a", HASH)
    assert told.value.code == "HUB-B103"
    assert list(tmp_path.iterdir()) == []


def test_15_a_file_that_is_not_there(server: Place, tmp_path: Path) -> None:
    with connected(server[0]) as client, pytest.raises(SetRefused) as told:
        download(client, "saida/a", tmp_path / "a", HASH)
    assert told.value.code == "HUB-B103"


def test_a_refusal_leaves_a_connection_as_it_is(server: Place, tmp_path: Path) -> None:
    with pytest.raises(SetRefused) as told, connected(server[0]) as client:
        download(client, "saida/a", tmp_path / "a", HASH)
    assert told.value.code == "HUB-B103"


def test_15_another_host_key(server: Place) -> None:
    with pytest.raises(PartnerRefused) as refused, connected(replace(server[0], pinned=("SHA256:" + "x" * 43,))):
        pass
    assert refused.value.code == "HOST-KEY"


def test_two_host_keys_while_one_is_replaced(server: Place) -> None:
    with connected(replace(server[0], pinned=("SHA256:" + "x" * 43, *server[0].pinned))) as client:
        assert "saida" in client.listdir()


def test_a_key_it_does_not_take(server: Place, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    with pytest.raises(PartnerRefused) as refused, connected(replace(server[0], key=tmp_path / "other")):
        pass
    assert refused.value.issue == "login"


def test_a_short_rsa_key_is_not_used(server: Place, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "rsa")], check=True)
    with pytest.raises(PartnerRefused) as refused, connected(replace(server[0], key=tmp_path / "rsa")):
        pass
    assert refused.value.code == "KEY"


def test_nobody_there(server: Place) -> None:
    with pytest.raises(PartnerUnavailable), connected(replace(server[0], port=9)):
        pass


def test_a_set_is_there_when_it_is_done(server: Place, tmp_path: Path) -> None:
    file, manifest = tmp_path / NAME.file("Coverage"), tmp_path / NAME.manifest
    file.write_bytes(BYTES)
    manifest.write_bytes(b"{}")
    with connected(server[0]) as client:
        upload(client, file, f"entrada/{file.name}")
        assert whole_sets(client, "entrada") == []
        publish(client, [file], NAME, [manifest], "entrada")
        assert whole_sets(client, "entrada") == [NAME]
    there = server[1] / "entrada"
    assert sorted(one.name for one in there.iterdir()) == sorted([file.name, manifest.name, NAME.done])
    assert (there / file.name).read_bytes() == BYTES


def test_15_a_set_that_is_not_done_alarms_after_two_hours(server: Place) -> None:
    file = server[1] / "saida" / NAME.file("Coverage")
    file.write_bytes(b"x")
    now = file.stat().st_mtime
    with connected(server[0]) as client:
        assert unfinished(client, now + 3600) == []
        assert unfinished(client, now + 7300) == [NAME]
        (server[1] / "saida" / NAME.done).touch()
        assert unfinished(client, now + 7300) == []
