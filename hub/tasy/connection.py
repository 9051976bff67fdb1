"""Tasy as this installation reaches it: where it is, and which of two certificates the hub shows there. Contract, 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from adapters.tasy.door import Door
from hub.settings import Settings
from hub.tasy.site import Place


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate of the hub's and its key, as files."""

    certificate: Path
    key: Path
    begins: datetime
    ends: datetime
    stamp: int
    """When the files were last written: another one, another pair."""


class CertificateUnusable(RuntimeError):
    """A certificate of HUB_TASY_CERTIFICATE cannot be read; the text says why."""


def pairs(settings: Settings) -> list[Pair]:
    """The certificates of the settings. Raises CertificateUnusable."""
    found = []
    for certificate, key in zip(settings.tasy_certificate, settings.tasy_key, strict=True):
        try:
            read = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
            stamp = max(certificate.stat().st_mtime_ns, key.stat().st_mtime_ns)
        except OSError as error:
            raise CertificateUnusable(f"HUB_TASY_CERTIFICATE: cannot be read: {error.strerror}") from None
        except ValueError:
            raise CertificateUnusable("HUB_TASY_CERTIFICATE: is no certificate in PEM") from None
        found.append(Pair(certificate, key, read.not_valid_before_utc, read.not_valid_after_utc, stamp))
    return found


def chosen(found: Sequence[Pair], now: datetime) -> Pair:
    """The newest that holds; where none does, the one that ends last: Tasy says what it thinks of it."""
    good = [one for one in found if one.begins <= now < one.ends]
    return max(good, key=lambda one: (one.begins, one.ends)) if good else max(found, key=lambda one: one.ends)


def door(settings: Settings, pair: Pair, place: Place) -> Door:
    """How Tasy is reached with a certificate."""
    assert settings.tasy_url is not None  # else nobody asks
    assert settings.tasy_client_secret is not None
    assert settings.tasy_ca is not None
    return Door(
        settings.tasy_url, settings.tasy_client_id, settings.tasy_client_secret, pair.certificate, pair.key,
        settings.tasy_ca, place.establishment, place.paths, place.site.names,
    )  # fmt: skip
