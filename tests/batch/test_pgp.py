"""OpenPGP with GnuPG itself: what is opened is whole, for us, and signed by a pinned key that is good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.faults import SetRefused
from batch.pgp import Keyring
from tests.batch.conftest import Party, end_agent

TEXT = b'{"resourceType":"Patient"}\n' * 50_000


@pytest.fixture
def hub(tmp_path: Path, parties: dict[str, Party]) -> Iterator[Keyring]:
    """The hub's keyring: its own key, everybody's public keys, and tasy's, ended's and revoked's pinned."""
    ring = Keyring(tmp_path / "hub", [parties[name].fingerprint for name in ("tasy", "ended", "revoked")])
    ring.add(parties["hub"].secret)
    for one in parties.values():
        ring.add(one.public)
    yield ring
    end_agent(tmp_path / "hub")


def sealed(path: Path, by: Party | None, to: Party, *options: str) -> Path:
    """A file as somebody else would make it."""
    to_key = (by or to).gpg.import_keys(to.public)
    assert to_key.fingerprints
    signer, extra = by.fingerprint if by else None, list(options)
    made = (by or to).gpg.encrypt(TEXT, [to.fingerprint], sign=signer, always_trust=True, armor=False, extra_args=extra)
    assert made.ok, made.stderr
    path.write_bytes(made.data)
    return path


def refused(hub: Keyring, source: Path, target: Path) -> str:
    with pytest.raises(SetRefused) as told:
        hub.open(source, target)
    assert told.value.code == "HUB-B104"
    assert list(target.parent.glob(target.name + "*")) == []  # nothing of it is left
    return told.value.detail


def test_what_tasy_seals_the_hub_opens(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    source = sealed(tmp_path / "a.pgp", parties["tasy"], parties["hub"])
    assert hub.open(source, tmp_path / "plain") == parties["tasy"].fingerprint
    assert (tmp_path / "plain").read_bytes() == TEXT
    assert (tmp_path / "plain").stat().st_mode & 0o077 == 0


def test_what_the_hub_seals_tasy_opens(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(TEXT)
    hub.seal(tmp_path / "b", tmp_path / "b.pgp", parties["hub"].fingerprint, parties["tasy"].fingerprint)
    tasy = parties["tasy"].gpg
    tasy.import_keys(parties["hub"].public)
    found = tasy.decrypt((tmp_path / "b.pgp").read_bytes(), always_trust=True)
    assert (found.ok, found.valid, found.data) == (True, True, TEXT)
    assert found.pubkey_fingerprint == parties["hub"].fingerprint
    with pytest.raises(OSError, match="gpg could not"):
        hub.seal(tmp_path / "b", tmp_path / "c.pgp", parties["hub"].fingerprint, "0" * 40)
    assert not (tmp_path / "c.pgp").exists()


def test_15_unsigned(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    assert refused(hub, sealed(tmp_path / "a.pgp", None, parties["hub"]), tmp_path / "plain")


def test_15_another_signer(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    source = sealed(tmp_path / "a.pgp", parties["stranger"], parties["hub"])
    assert "not pinned" in refused(hub, source, tmp_path / "plain")


def test_15_a_signer_nobody_knows(parties: dict[str, Party], tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "bare", [parties["tasy"].fingerprint])
    ring.add(parties["hub"].secret)
    assert refused(ring, sealed(tmp_path / "a.pgp", parties["tasy"], parties["hub"]), tmp_path / "plain")
    end_agent(tmp_path / "bare")


def test_15_a_key_that_has_ended(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    ended = parties["ended"]
    # It signed while it was good; that it has ended since is reason enough.
    created = int(ended.gpg.list_keys()[0]["date"])
    source = sealed(tmp_path / "a.pgp", ended, parties["hub"], "--faked-system-time", f"{created}!")
    time.sleep(max(0, created + 2 - time.time()))
    assert "expired" in refused(hub, source, tmp_path / "plain")


def test_15_a_revoked_key(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    revoked = parties["revoked"]
    source = sealed(tmp_path / "a.pgp", revoked, parties["hub"])
    certificate = next((revoked.home / "openpgp-revocs.d").glob("*.rev")).read_text()
    revoked.gpg.import_keys(certificate[certificate.index(":-----BEGIN") + 1 :])
    hub.add(revoked.public)
    assert "revoked" in refused(hub, source, tmp_path / "plain")


def test_15_for_somebody_else(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    refused(hub, sealed(tmp_path / "a.pgp", parties["tasy"], parties["stranger"]), tmp_path / "plain")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_15_cut_off(keep: float, hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    whole = sealed(tmp_path / "a.pgp", parties["tasy"], parties["hub"]).read_bytes()
    (tmp_path / "a.pgp").write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    refused(hub, tmp_path / "a.pgp", tmp_path / "plain")


def test_15_changed_on_the_way(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    whole = bytearray(sealed(tmp_path / "a.pgp", parties["tasy"], parties["hub"]).read_bytes())
    for place in range(200, len(whole), len(whole) // 7):
        whole[place] ^= 1
        (tmp_path / "a.pgp").write_bytes(whole)
        refused(hub, tmp_path / "a.pgp", tmp_path / "plain")
        whole[place] ^= 1


def test_detached_signatures(hub: Keyring, parties: dict[str, Party], tmp_path: Path) -> None:
    manifest, signature = tmp_path / "m.json", tmp_path / "m.json.asc"
    manifest.write_bytes(b"{}")
    made = parties["tasy"].gpg.sign(b"{}", keyid=parties["tasy"].fingerprint, detach=True)
    signature.write_bytes(made.data)
    assert hub.verify(manifest, signature) == parties["tasy"].fingerprint
    manifest.write_bytes(b"{ }")
    with pytest.raises(SetRefused):
        hub.verify(manifest, signature)
    manifest.write_bytes(b"{}")
    signature.write_bytes(hub.sign(manifest, signer=parties["hub"].fingerprint))
    with pytest.raises(SetRefused):  # the hub does not trust itself to speak for Tasy
        hub.verify(manifest, signature)
    assert parties["tasy"].gpg.import_keys(parties["hub"].public)
    assert parties["tasy"].gpg.verify_data(str(signature), b"{}").valid


def test_no_key(hub: Keyring) -> None:
    with pytest.raises(ValueError, match="no OpenPGP key"):
        hub.add(b"nothing")
