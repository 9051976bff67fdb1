"""Files signed and encrypted by OpenPGP, by GnuPG itself. Tasy contract, section 10.1. https://www.rfc-editor.org/rfc/rfc9580

Plain text exists in a private folder alone, under its name only once the signature was found to be of a pinned key.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import gnupg

from batch.faults import SetRefused

_STRICT = ["--weak-digest", "SHA1", "--no-auto-key-retrieve", "--no-symkey-cache", "--trust-model", "always"]
"""Trust is by pinned fingerprint, not by anybody's signature on a key."""
_WRITING = ["--cipher-algo", "AES256", "--digest-algo", "SHA512", "--compress-algo", "none", "--force-mdc"]


class Keyring:
    """Keys in a folder of their own. Calls block: they are for threads."""

    def __init__(self, home: Path, pinned: Collection[str]) -> None:
        """home: GnuPG's folder; pinned: fingerprints of keys whose signatures count. Raises OSError: no gpg there."""
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._gpg = gnupg.GPG(gnupghome=str(home), options=_STRICT)
        self._pinned = {one.replace(" ", "").upper() for one in pinned}

    def add(self, key: bytes) -> list[str]:
        """Imports public or private keys; their fingerprints. Raises ValueError: there is none in it."""
        found = self._gpg.import_keys(key)
        if not found.fingerprints:
            raise ValueError("no OpenPGP key")
        return list(dict.fromkeys(found.fingerprints))

    def ends(self) -> dict[str, datetime | None]:
        """When each key here ends, by fingerprint; None: never."""
        return {
            one["fingerprint"]: datetime.fromtimestamp(int(one["expires"]), UTC) if one["expires"] else None
            for one in self._gpg.list_keys()
        }

    def seal(self, source: Path, target: Path, signer: str, recipient: str, passphrase: str | None = None) -> None:
        """Signs and encrypts a file. Raises OSError, naming what GnuPG could not do."""
        part = _private(target)
        try:
            done = self._gpg.encrypt_file(
                str(source), [recipient], sign=signer, passphrase=passphrase, always_trust=True, armor=False,
                output=str(part), extra_args=_WRITING,
            )  # fmt: skip
            if not done.ok:
                raise OSError(f"gpg could not sign and encrypt: {done.status}")
            part.replace(target)
        except BrokenPipeError as error:  # it ended before it had read the file
            raise OSError("gpg could not sign and encrypt: it ended") from error
        finally:
            wipe(part)

    def open(self, source: Path, target: Path, passphrase: str | None = None) -> str:
        """Decrypts a file to `target`; the fingerprint that signed it.

        Raises SetRefused (HUB-B104) where it is not whole, not for us, or not signed by a pinned key that is good now:
        nothing of it is left then.
        """
        part = _private(target)
        try:
            found = self._gpg.decrypt_file(str(source), passphrase=passphrase, always_trust=True, output=str(part))
            if not found.ok:
                raise SetRefused("HUB-B104", f"cannot be decrypted ({found.status or 'no OpenPGP data'})")
            signer = self._judged(found)
            part.replace(target)
        except BrokenPipeError as error:  # it ended before it had read the file
            raise SetRefused("HUB-B104", "no OpenPGP data") from error
        finally:
            wipe(part)
        return signer

    def sign(self, source: Path, passphrase: str | None = None, *, signer: str) -> bytes:
        """A detached, armored signature. Raises OSError."""
        with source.open("rb") as stream:
            done = self._gpg.sign_file(
                stream, keyid=signer, passphrase=passphrase, detach=True, extra_args=["--digest-algo", "SHA512"]
            )
        if not done.data:
            raise OSError(f"gpg could not sign: {done.status}")
        return bytes(done.data)

    def verify(self, source: Path, signature: Path) -> str:
        """The fingerprint that made a detached signature. Raises SetRefused (HUB-B104)."""
        with signature.open("rb") as stream:
            return self._judged(self._gpg.verify_file(stream, str(source)))

    def _judged(self, found: gnupg.Verify) -> str:
        """Of a signature that is good now, by a pinned key. A subkey signs for its primary one."""
        if not found.valid or found.key_status is not None:
            raise SetRefused("HUB-B104", str(found.key_status or found.status or "no signature"))
        signers: set[str] = {one for one in (found.fingerprint, found.pubkey_fingerprint) if one}
        pinned = sorted(signers & self._pinned)
        if not pinned:
            raise SetRefused("HUB-B104", "signed by a key that is not pinned")
        return pinned[0]


def _private(target: Path) -> Path:
    """An empty file beside the target that only its owner may read; GnuPG writes into it."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return part


def wipe(path: Path) -> None:
    """Overwrites a file of plain text, then removes it. On copy-on-write disks the folder must be encrypted."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        left = path.stat().st_size
        while left > 0:
            left -= stream.write(b"\0" * min(left, 1 << 20))
        os.fsync(stream.fileno())
    path.unlink()
