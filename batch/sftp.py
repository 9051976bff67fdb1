"""Files by SFTP from a server whose host key is pinned. Tasy contract, section 10.1.

What was broken off goes on where it stopped, in `.part`; whether that is the file its hash says. What is sent is there
under its name only when it is whole.
"""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch.faults import SetRefused
from batch.names import SetName, set_name

CHUNK = 1 << 18
SECONDS = 30.0
"""Of silence, after which the server is taken to be gone."""
_HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512", "rsa-sha2-256")
OUT, IN, RECEIPTS, ARCHIVE = "saida", "entrada", "retorno", "arquivo"
SMALL = 4 << 20
"""Bytes of a manifest or a signature at most."""

Told = Callable[[int], None]
"""Is told the bytes that came or went."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where files are."""

    host: str
    port: int
    user: str
    key: Path
    """Private key: ed25519, ECDSA, or RSA of 3072 bits."""
    pinned: Sequence[str]
    """SHA-256 fingerprints of its host key as ssh-keygen prints them; two while a key is replaced."""


@contextmanager
def connected(server: Server) -> Iterator[paramiko.SFTPClient]:
    """A connection. Raises PartnerUnavailable, PartnerRefused (another host key, or it does not take ours)."""
    try:
        with socket.create_connection((server.host, server.port), SECONDS) as wire:
            transport = paramiko.Transport(wire)
            try:
                transport.banner_timeout = transport.auth_timeout = SECONDS
                options = transport.get_security_options()
                options.key_types = [one for one in _HOST_KEYS if one in options.key_types]
                transport.start_client(timeout=SECONDS)
                if fingerprint(transport.get_remote_server_key()) not in server.pinned:
                    raise PartnerRefused("HOST-KEY", "security")
                transport.auth_publickey(server.user, _key(server.key))
                channel = transport.open_session(timeout=SECONDS)
                channel.settimeout(SECONDS)
                channel.invoke_subsystem("sftp")
                client = paramiko.SFTPClient(channel)
                yield client
            finally:
                transport.close()
    except paramiko.AuthenticationException as error:
        raise PartnerRefused("AUTH", "login") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise PartnerUnavailable(f"SFTP: {type(error).__name__}") from error


def fingerprint(key: paramiko.PKey) -> str:
    """As ssh-keygen -l prints it: "SHA256:..."."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def _key(path: Path) -> paramiko.PKey:
    """Raises PartnerRefused: not a key that may be used."""
    found = paramiko.PKey.from_path(path)
    if found.get_name() == "ssh-rsa" and found.get_bits() < 3072:
        raise PartnerRefused("KEY", "security")
    return found


def whole_sets(client: paramiko.SFTPClient, folder: str = OUT) -> list[SetName]:
    """Sets whose `.done` is there, in their order."""
    found = {set_name(name) for name in client.listdir(folder) if name.endswith(".done")}
    return sorted(one for one in found if one is not None)


def content(client: paramiko.SFTPClient, remote: str) -> bytes | None:
    """A small file; None: it is not there, or larger than `SMALL`. Raises OSError, SSHException."""
    try:
        with client.open(remote, "rb") as source:
            found = source.read(SMALL + 1)
    except FileNotFoundError:
        return None
    return found if len(found) <= SMALL else None


def archive(client: paramiko.SFTPClient, name: SetName) -> None:
    """Moves the files of a set to the archive, `.done` first, so that nobody takes what is left for a set.

    Raises OSError, SSHException.
    """
    names = [one for one in client.listdir(OUT) if set_name(one) == name]
    for one in sorted(names, key=lambda each: (each != name.done, each)):
        client.posix_rename(f"{OUT}/{one}", f"{ARCHIVE}/{one}")


def unfinished(client: paramiko.SFTPClient, now: float, hours: float = 2, folder: str = OUT) -> list[SetName]:
    """Sets without `.done` whose files are older: somebody should be told. now: seconds since 1970."""
    done, old = set(), set()
    for entry in client.listdir_attr(folder):
        name = set_name(entry.filename)
        if name is None:
            continue
        if entry.filename.endswith(".done"):
            done.add(name)
        elif (entry.st_mtime or 0) < now - hours * 3600:
            old.add(name)
    return sorted(old - done)


def download(client: paramiko.SFTPClient, remote: str, local: Path, sha256: str, told: Told = lambda _: None) -> None:
    """Fetches a file whose hash is known, going on where an earlier call was broken off.

    Raises SetRefused (HUB-B103): not there, or not of this hash; what came of it is removed. Lets OSError, SSHException
    through: what came stays, for the next call.
    """
    part = local.with_name(local.name + ".part")
    hashing = hashlib.sha256()
    with part.open("a+b") as file:
        file.seek(0)
        while block := file.read(CHUNK):
            hashing.update(block)
        try:
            source = client.open(remote, "rb")
        except FileNotFoundError as error:
            raise SetRefused("HUB-B103", "a file of the manifest is not there") from error
        with source:
            size = source.stat().st_size or 0
            source.seek(file.tell())
            source.prefetch(size)
            while block := source.read(CHUNK):
                file.write(block)
                hashing.update(block)
                told(len(block))
    if hashing.hexdigest() != sha256:
        part.unlink()
        raise SetRefused("HUB-B103", "a file has another hash than the manifest says")
    part.replace(local)


def upload(client: paramiko.SFTPClient, local: Path, remote: str, told: Told = lambda _: None) -> None:
    """Sends a file: as `.tmp`, its size looked at, then renamed. Raises OSError, SSHException."""
    part = f"{remote}.tmp"
    with local.open("rb") as source, client.open(part, "wb") as target:
        target.set_pipelined(True)
        while block := source.read(CHUNK):
            target.write(block)
            told(len(block))
    if client.stat(part).st_size != local.stat().st_size:
        raise OSError("a file did not arrive whole")
    client.posix_rename(part, remote)


def publish(
    client: paramiko.SFTPClient, files: Iterable[Path], name: SetName, manifest: Sequence[Path], folder: str
) -> None:
    """Sends a whole set: files, then the manifest and its signature, then `.done`. Raises OSError, SSHException."""
    for one in (*files, *manifest):
        upload(client, one, f"{folder}/{one.name}")
    with client.open(f"{folder}/{name.done}", "wb"):
        pass
