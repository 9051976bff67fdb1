"""A private certificate authority and what it signs: for sockets on this machine, never for anything else."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates in a folder of its own, which only its owner may read."""

    def __init__(self, folder: Path) -> None:
        """Made where the folder has none yet."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self.certificate = folder, folder / "authority.pem"
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated authority")])
        own = folder / "authority.key"
        if own.exists() and self.certificate.exists():
            key = load_pem_private_key(own.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)  # it was made below
            self._key = key
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        own.touch(mode=0o600)
        own.write_bytes(self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate = self._sign(self._name, self._key, 3650, None)
        self.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))

    def server(self, name: str = "server", days: float = 365) -> Pair:
        """For a server on 127.0.0.1 and localhost."""
        return self._pair(name, days, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, name: str = "client", days: float = 365) -> Pair:
        """For a client. days: until it ends; a negative one has ended."""
        return self._pair(name, days, ExtendedKeyUsageOID.CLIENT_AUTH)

    def kept(self, name: str = "client") -> Pair:
        """The client's certificate of this name that was made before; a new one where it ends within a month."""
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        if pair.certificate.exists() and pair.key.exists():
            found = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            if found.not_valid_after_utc > datetime.now(UTC) + timedelta(days=30):
                return pair
        return self.client(name)

    def _pair(self, name: str, days: float, usage: x509.ObjectIdentifier) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, days, usage)
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float, usage: x509.ObjectIdentifier | None
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=min(days, 0) - 1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if usage is None:
            signing = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(signing, critical=True)
        else:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
