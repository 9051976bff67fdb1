"""The ERP's SFTP server on a socket of this machine, by key authentication, misbehaving on demand. Contract, 10.1.

https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02
"""

from __future__ import annotations

import base64
import hashlib
import os
import posixpath
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

TROUBLES: dict[str, str] = {
    "slow": "each read of a file takes so many seconds",
    "cut-off": "the connection ends after so many bytes of files were read",
    "other-host-key": "the server shows another host key",
    "no-login": "no key is taken",
}
"""What can be wrong with the next connections."""


LEAVE_SECONDS = 30.0
"""In which a client that was cut off leaves."""


@dataclass(slots=True)
class Trouble:
    """A trouble of the server: of reads until it is taken away, or of so many connections."""

    name: str
    times: int = 1
    """Connections, of those that end it."""
    seconds: float = 0.5
    size: int = 100_000
    """Bytes until the cut."""


@dataclass(slots=True)
class Sftp:
    """A server: where it is, and what goes wrong."""

    root: Path
    user: str
    authorized: bytes
    """The client's public key, as in authorized_keys."""
    key: paramiko.PKey
    other: paramiko.PKey
    """Shown instead, on demand."""
    troubles: list[Trouble] = field(default_factory=list)
    port: int = 0

    @property
    def fingerprint(self) -> str:
        """Of its host key, as ssh-keygen prints it."""
        return fingerprint(self.key)

    def met(self, name: str) -> Trouble | None:
        """A trouble that is due, counted off."""
        for one in self.troubles:
            if one.name == name and one.times > 0:
                one.times -= 1
                return one
        return None


def key_pair(path: Path) -> Path:
    """A private ed25519 key in OpenSSH's format at this path, its public one beside it; made where there is none."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        path.with_name(f"{path.name}.pub").write_bytes(public + b"\n")
    return path


def fingerprint(key: paramiko.PKey) -> str:
    """As ssh-keygen -l prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def server(root: Path, keys: Path, user: str = "hub") -> Sftp:
    """A server for one user whose key pair is `keys/client`; its own are made beside it."""
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    client = key_pair(keys / "client")
    host, other = (
        paramiko.Ed25519Key.from_private_key_file(str(key_pair(keys / name))) for name in ("host", "other-host")
    )
    authorized = base64.b64decode(client.with_name("client.pub").read_bytes().split()[1])
    return Sftp(root, user, authorized, host, other)


@contextmanager
def serving(sftp: Sftp, port: int = 0, listener: socket.socket | None = None) -> Iterator[int]:
    """Serves it in threads; the port. listener: instead of a port. Raises OSError: the port is taken."""
    listener = listener or socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.2)
    sftp.port = listener.getsockname()[1]
    ending = threading.Event()
    open_ones: list[paramiko.Transport] = []

    def accept() -> None:
        while not ending.is_set():
            try:
                wire, _ = listener.accept()
            except TimeoutError:
                continue
            transport = paramiko.Transport(wire)
            open_ones[:] = [one for one in open_ones if one.is_active()]
            open_ones.append(transport)
            threading.Thread(target=_talk, args=(sftp, transport), daemon=True).start()

    accepting = threading.Thread(target=accept, name="simulated-sftp", daemon=True)
    accepting.start()
    try:
        yield sftp.port
    finally:
        ending.set()
        accepting.join()
        listener.close()
        for one in open_ones:
            one.close()


def _talk(sftp: Sftp, transport: paramiko.Transport) -> None:
    transport.add_server_key(sftp.other if sftp.met("other-host-key") else sftp.key)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, sftp, transport)
    try:
        transport.start_server(server=_Door(sftp))
    except (paramiko.SSHException, EOFError, OSError):
        transport.close()  # whoever came did not like the key, or left


class _Door(paramiko.ServerInterface):
    """Who may come in."""

    def __init__(self, sftp: Sftp) -> None:
        self._sftp = sftp
        self._closed = sftp.met("no-login") is not None

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == self._sftp.user and key.asbytes() == self._sftp.authorized and not self._closed
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Handle(paramiko.SFTPHandle):
    """An open file, which may be slow, or the last thing that is read."""

    def __init__(self, flags: int, number: int, sftp: Sftp, transport: paramiko.Transport) -> None:
        super().__init__(flags)
        self._number, self._sftp, self._transport = number, sftp, transport

    def close(self) -> None:
        os.close(self._number)

    def stat(self) -> paramiko.SFTPAttributes | int:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self._number))

    def read(self, offset: int, length: int) -> bytes | int:
        for trouble in self._sftp.troubles:
            if trouble.name == "slow":
                time.sleep(trouble.seconds)
            if trouble.name == "cut-off" and trouble.times > 0:
                trouble.size -= length
                if trouble.size < 0:
                    trouble.times -= 1
                    self._cut()
                    return SFTP_FAILURE
        try:
            return os.pread(self._number, length, offset)
        except OSError as error:
            return _code(error)

    def _cut(self) -> None:
        """Nothing more is sent. Closed while requests wait, a connection would take away what the client has not read
        yet, so it is closed once the client has left. RFC 1122, 4.2.2.13."""
        self._transport.sock.shutdown(socket.SHUT_WR)
        self._transport.join(LEAVE_SECONDS)
        self._transport.close()

    def write(self, offset: int, data: Any) -> int:
        try:
            os.pwrite(self._number, data, offset)
        except OSError as error:
            return _code(error)
        return SFTP_OK


class _Files(paramiko.SFTPServerInterface):
    """The folders, and nothing above them."""

    def __init__(self, server: paramiko.ServerInterface, sftp: Sftp, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self._sftp, self._transport = sftp, transport

    def _at(self, path: str) -> Path:
        return self._sftp.root / posixpath.normpath(f"/{path}").lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            return [paramiko.SFTPAttributes.from_stat(one.stat(), one.name) for one in self._at(path).iterdir()]
        except OSError as error:
            return _code(error)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as error:
            return _code(error)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            number = os.open(self._at(path), flags | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            return _code(error)
        return _Handle(flags, number, self._sftp, self._transport)

    def remove(self, path: str) -> int:
        try:
            self._at(path).unlink()
        except OSError as error:
            return _code(error)
        return SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._at(newpath).exists():
            return SFTP_FAILURE
        return self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        try:
            self._at(oldpath).replace(self._at(newpath))
        except OSError as error:
            return _code(error)
        return SFTP_OK


def _code(error: OSError) -> int:
    return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
