"""Where sets come from and receipts go: the partner's SFTP server, or a folder of a person's. Tasy contract, 10.1."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import paramiko

from adapters.partner_errors import PartnerUnavailable
from batch import sftp
from batch.faults import SetRefused
from batch.names import SetName, set_name

Told = sftp.Told


class Source(Protocol):
    """All raise PartnerUnavailable."""

    def sets(self) -> Sequence[SetName]:
        """Sets that are whole, in their order."""

    def small(self, name: str) -> bytes | None:
        """A manifest or its signature; None: it is not there."""

    def fetch(self, name: str, target: Path, sha256: str, told: Told) -> None:
        """Brings a file, going on where it was broken off. Raises SetRefused (HUB-B103)."""

    def answer(self, name: str, body: bytes) -> None:
        """Brings a receipt, or its signature, to the partner."""

    def archive(self, name: SetName) -> None:
        """Puts a set away that was answered for."""


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise PartnerUnavailable(f"SFTP: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class Remote:
    """The partner's server, connected."""

    client: paramiko.SFTPClient
    folder: Path
    """Of our own: what is on its way to the partner."""

    def sets(self) -> Sequence[SetName]:
        with _there():
            return sftp.whole_sets(self.client)

    def small(self, name: str) -> bytes | None:
        with _there():
            return sftp.content(self.client, f"{sftp.OUT}/{name}")

    def fetch(self, name: str, target: Path, sha256: str, told: Told) -> None:
        with _there():
            sftp.download(self.client, f"{sftp.OUT}/{name}", target, sha256, told)

    def answer(self, name: str, body: bytes) -> None:
        local = self.folder / f"{name}.out"  # the caller may have one under the name itself
        local.write_bytes(body)
        with _there():
            sftp.upload(self.client, local, f"{sftp.RECEIPTS}/{name}")
        local.unlink()

    def archive(self, name: SetName) -> None:
        with _there():
            sftp.archive(self.client, name)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on this machine, with the files of sets, such as a person was sent on another way."""

    path: Path
    only: SetName | None = None
    """The one set of it that is asked for."""

    def sets(self) -> Sequence[SetName]:
        found = {set_name(one.name) for one in self.path.iterdir() if one.name.endswith("_manifest.json")}
        return sorted(one for one in found if one is not None and self.only in (None, one))

    def small(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if path.is_file() and path.stat().st_size <= sftp.SMALL else None

    def fetch(self, name: str, target: Path, sha256: str, told: Told) -> None:
        path = self.path / name
        if not path.is_file():
            raise SetRefused("HUB-B103", "a file of the manifest is not there")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise SetRefused("HUB-B103", "a file has another hash than the manifest says")
        shutil.copyfile(path, target)
        told(path.stat().st_size)

    def answer(self, name: str, body: bytes) -> None:
        (self.path / sftp.RECEIPTS).mkdir(exist_ok=True)
        part = self.path / sftp.RECEIPTS / f"{name}.tmp"
        part.write_bytes(body)
        os.replace(part, self.path / sftp.RECEIPTS / name)

    def archive(self, name: SetName) -> None:
        """Stays where the person has it."""
