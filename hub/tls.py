"""TLS of the hub itself: certificate, key and least version; a certificate that is renewed is taken up. https://www.rfc-editor.org/rfc/rfc9325"""

from __future__ import annotations

import logging
import ssl
from functools import lru_cache
from pathlib import Path

from hub.settings import Settings

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
HANDSHAKE_SECONDS = 20.0

_log = logging.getLogger("hub.tls")


class TlsUnusable(RuntimeError):
    """Certificate or key cannot be used; the text names the variable and the reason."""


class Tls:
    """What connections are encrypted with."""

    def __init__(self, certificate: Path, key: Path, minimum: str) -> None:
        """certificate: PEM, with those between it and its root; minimum: of VERSIONS. Raises TlsUnusable."""
        self._certificate, self._key, self._minimum = certificate, key, minimum
        self._stamp = self._stamped()
        self.context = self._made()

    @classmethod
    def of(cls, settings: Settings) -> Tls | None:
        """As the settings have it; None: none. Raises TlsUnusable."""
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        return cls(settings.tls_certificate, settings.tls_key, settings.tls_minimum)

    def look(self) -> None:
        """Takes up files that were replaced, for the connections that come from now on; those that fit together."""
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = self._made()
        except TlsUnusable as error:
            _log.error("the certificate before is kept: %s", error)
        else:
            _log.info("a new certificate is in use")

    def _stamped(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in (self._certificate, self._key))
        except OSError:
            return ()

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[self._minimum]
        context.set_alpn_protocols(["http/1.1"])
        for variable, path in (("HUB_TLS_CERTIFICATE", self._certificate), ("HUB_TLS_KEY", self._key)):
            try:
                path.open("rb").close()
            except OSError as error:
                raise TlsUnusable(f"{variable}: cannot be read: {error.strerror}") from None
        try:
            # Else OpenSSL asks for a password at the terminal.
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            raise TlsUnusable(f"HUB_TLS_CERTIFICATE, HUB_TLS_KEY: not a certificate and its key: {reason}") from None
        return context


def trusted(settings: Settings) -> ssl.SSLContext:
    """What the hub's own parts call it with: the machine's authorities, and its own certificate, whoever signed it."""
    if settings.tls_certificate is None:
        return _authorities()
    context = ssl.create_default_context()
    context.load_verify_locations(settings.tls_certificate)
    return context


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """The machine's, one context for all: reading them takes some 50 ms."""
    return ssl.create_default_context()


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")
