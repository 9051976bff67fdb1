"""OpenPGP keys and an SSH server: GnuPG and OpenSSH themselves."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import gnupg
import pytest

from batch.sftp import Server
from tests.hub_process import HubProcess

SSHD = "/usr/sbin/sshd"


@dataclass
class Party:
    """Somebody with an OpenPGP key."""

    gpg: gnupg.GPG
    fingerprint: str
    home: Path

    @property
    def public(self) -> bytes:
        return self.gpg.export_keys(self.fingerprint).encode()  # type: ignore[no-any-return]

    @property
    def secret(self) -> bytes:
        return self.gpg.export_keys(self.fingerprint, secret=True, passphrase="").encode()  # type: ignore[no-any-return]


def party(folder: Path, name: str, expires: str = "0") -> Party:
    home = folder / name
    home.mkdir(mode=0o700)
    gpg = gnupg.GPG(gnupghome=str(home))
    batch = gpg.gen_key_input(
        key_type="eddsa", key_curve="ed25519", subkey_type="ecdh", subkey_curve="cv25519", name_real=name,
        name_email=f"{name}@example.org", no_protection=True, expire_date=expires,
    )  # fmt: skip
    made = gpg.gen_key(batch)
    assert made.fingerprint, made.stderr
    return Party(gpg, made.fingerprint, home)


def end_agent(home: Path) -> None:
    """Ends what GnuPG began for a folder of keys."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


@pytest.fixture(scope="session")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Party]]:
    """tasy and hub, a stranger, one whose key has ended, one who revoked theirs."""
    folder = tmp_path_factory.mktemp("gpg")
    found = {name: party(folder, name) for name in ("tasy", "hub", "stranger", "revoked")}
    found["ended"] = party(folder, "ended", "seconds=1")
    yield found
    for one in found.values():
        end_agent(one.home)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An OpenSSH server for one user, with the contract's folders."""
    if not Path(SSHD).exists():
        pytest.skip("needs Debian's openssh-server")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    files = folder / "files"
    for name in ("saida", "entrada", "retorno", "arquivo"):
        (files / name).mkdir(parents=True)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    (folder / "authorized").chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
        f"Subsystem sftp internal-sftp -d {files}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it drops its privileges to
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    fingerprint = subprocess.check_output(["ssh-keygen", "-lf", str(folder / "host.pub")], text=True).split()[1]
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    deadline = time.monotonic() + 20
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield Server("127.0.0.1", port, user, folder / "user", (fingerprint,))
    process.terminate()
    process.wait(10)


@pytest.fixture
def server(sshd: Server) -> Iterator[tuple[Server, Path]]:
    """The server, and its folder of files, emptied afterwards."""
    files = sshd.key.parent / "files"
    yield replace(sshd), files
    for name in ("saida", "entrada", "retorno"):
        shutil.rmtree(files / name)
        (files / name).mkdir()


@pytest.fixture(scope="module")
def hub(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A served hub that the tests of a module share."""
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as served:
        yield served
