"""The ERP's OpenPGP keys, in GnuPG: it signs and seals what it sends, and opens what it gets. Tasy contract, 10.1."""

from __future__ import annotations

import subprocess
from pathlib import Path

import gnupg

_WRITING = ["--cipher-algo", "AES256", "--digest-algo", "SHA512", "--compress-algo", "none"]


class Keyring:
    """Keys in a folder of their own, one of which is the owner's. Calls block."""

    def __init__(self, home: Path, name: str) -> None:
        """Makes the owner's key if there is none yet. Raises OSError: no GnuPG, or it could not."""
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = home
        self._gpg = gnupg.GPG(gnupghome=str(home))
        own = [one["fingerprint"] for one in self._gpg.list_keys(secret=True)]
        self.fingerprint: str = own[0] if own else self._made(name)

    def _made(self, name: str) -> str:
        wanted = self._gpg.gen_key_input(
            key_type="eddsa", key_curve="ed25519", subkey_type="ecdh", subkey_curve="cv25519", name_real=name,
            name_email=f"{name.lower()}@example.org", no_protection=True, expire_date="2y",
        )  # fmt: skip
        made = self._gpg.gen_key(wanted)
        if not made.fingerprint:
            raise OSError(f"gpg could not make a key: {made.status}")
        return str(made.fingerprint)

    @property
    def public(self) -> bytes:
        """The owner's public key."""
        return self.exported(self.fingerprint)

    def exported(self, fingerprint: str) -> bytes:
        """Somebody's public key."""
        return str(self._gpg.export_keys(fingerprint)).encode()

    def add(self, key: bytes) -> str:
        """Takes somebody's public key; its fingerprint. Raises ValueError: it is none."""
        found = self._gpg.import_keys(key)
        if not found.fingerprints:
            raise ValueError("no OpenPGP key")
        return str(found.fingerprints[0])

    def seal(self, source: Path, target: Path, recipient: str, *, signed: bool = True) -> None:
        """Encrypts a file for somebody, signed unless it is to be found unsigned. Raises OSError."""
        target.unlink(missing_ok=True)
        done = self._gpg.encrypt_file(
            str(source), [recipient], sign=self.fingerprint if signed else None, always_trust=True, armor=False,
            output=str(target), extra_args=_WRITING,
        )  # fmt: skip
        if not done.ok:
            raise OSError(f"gpg could not sign and encrypt: {done.status}")

    def sign(self, source: Path) -> bytes:
        """A detached signature. Raises OSError."""
        with source.open("rb") as stream:
            done = self._gpg.sign_file(
                stream, keyid=self.fingerprint, detach=True, extra_args=["--digest-algo", "SHA512"]
            )
        if not done.data:
            raise OSError(f"gpg could not sign: {done.status}")
        return bytes(done.data)

    def signer(self, source: Path, signature: Path) -> str | None:
        """Whose good detached signature it is; None: it is not good."""
        with signature.open("rb") as stream:
            found = self._gpg.verify_file(stream, str(source))
        return str(found.pubkey_fingerprint) if found.valid else None

    def opened(self, source: Path) -> bytes:
        """What somebody sealed for the owner. Raises OSError: it is not for them, or not whole."""
        found = self._gpg.decrypt_file(str(source), always_trust=True)
        if not found.ok:
            raise OSError(f"gpg could not open it: {found.status}")
        return bytes(found.data)

    def close(self) -> None:
        """Ends what GnuPG began for these keys."""
        end_agent(self.home)


def end_agent(home: Path) -> None:
    """Ends the process that GnuPG keeps for a folder of keys, if there is one."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
