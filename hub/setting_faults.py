"""What is wrong with settings taken together: each value may be good, and lack another, or stand where it must not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hub import setting_values as value

if TYPE_CHECKING:
    from hub.settings import Settings

Fault = tuple[str, str]
"""A variable, and why it cannot stay so."""


def faults(settings: Settings, environment: Mapping[str, str]) -> Iterator[Fault]:
    """All of them, the gravest first. environment: that the settings were read from."""
    if settings.env == "production" and settings.database_url is None:
        yield ("HUB_DATABASE_URL", "must be set with HUB_ENV=production: the embedded database is for one person")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        lacking = "HUB_TLS_KEY" if settings.tls_key is None else "HUB_TLS_CERTIFICATE"
        yield (lacking, "must be set: a certificate and its key belong together")
    yield from _access(settings)
    if settings.encrypt_identifiers and settings.encryption_key is None and settings.encryption_key_file is None:
        yield (
            "HUB_ENCRYPTION_KEY_FILE",
            "must be set where HUB_ENCRYPT_IDENTIFIERS is, or HUB_ENCRYPTION_KEY; `hub keys new-seal` prints a key",
        )
    yield from _tasy(settings)
    for name in ("token", "secret", "verify", "numbers"):
        if settings.whatsapp_url is not None and not getattr(settings, f"whatsapp_{name}"):
            yield (f"HUB_WHATSAPP_{name.upper()}", "must be set where HUB_WHATSAPP_URL is")
    for needed, other in (("sms_token", "sms_url"), ("smtp_from", "smtp_url"), ("smtp_password", "smtp_user")):
        if getattr(settings, other) is not None and getattr(settings, needed) is None:
            yield (f"HUB_{needed.upper()}", f"must be set where HUB_{other.upper()} is")
    if settings.oncall_url is not None and settings.oncall_secret is None:
        yield ("HUB_ONCALL_SECRET", "must be set where HUB_ONCALL_URL is")
    if settings.llm_base_url is not None and settings.llm_model is None:
        yield ("HUB_LLM_MODEL", "must be set where HUB_LLM_BASE_URL is")
    if settings.env == "production" and environment.get("AUTHLIB_INSECURE_TRANSPORT"):
        yield ("AUTHLIB_INSECURE_TRANSPORT", "must not be set with HUB_ENV=production")


def _access(settings: Settings) -> Iterator[Fault]:
    """Where the record would stand open, or a token could be read on its way."""
    if settings.access == "open" and not value.is_loopback(settings.host):
        yield (
            "HUB_HOST",
            "must be a loopback address such as 127.0.0.1 with HUB_ACCESS=open: whoever reaches the hub may then read"
            " and change everything. Set HUB_ACCESS=smart, or reach it through a tunnel (ssh -L).",
        )
    if settings.apps_port is not None and settings.access == "open":
        yield ("HUB_APPS_PORT", "needs HUB_ACCESS=smart: people sign in to apps")
    if settings.env != "production":
        return
    if settings.apps_port is not None and not settings.apps.startswith("https://"):
        yield ("HUB_APPS_URL", "must begin with https:// with HUB_ENV=production")
    if settings.access == "open":
        yield ("HUB_ACCESS", "must be smart with HUB_ENV=production")
    if not (settings.base.startswith("https://") and settings.authorization.startswith("https://")):
        yield ("HUB_BASE_URL", "must begin with https:// with HUB_ENV=production, and HUB_ISSUER too")
    if settings.key is None and settings.key_file is None:
        yield ("HUB_KEY_FILE", "must be set with HUB_ENV=production, or HUB_KEY")


def _tasy(settings: Settings) -> Iterator[Fault]:
    """Where the hub could not prove to Tasy who it is."""
    if len(settings.tasy_certificate) != len(settings.tasy_key):
        yield ("HUB_TASY_KEY", "must name one key for each certificate of HUB_TASY_CERTIFICATE")
    if len(settings.tasy_certificate) > 2:
        yield ("HUB_TASY_CERTIFICATE", "must name two certificates at most")
    if settings.tasy_sftp is not None:
        for name in ("tasy_sftp_key", "tasy_sftp_host_keys", "pgp_key", "pgp_partners"):
            if not getattr(settings, name):
                yield (f"HUB_{name.upper()}", "must be set where HUB_TASY_SFTP is")
    if settings.tasy_url is None:
        return
    for name in ("client_secret", "certificate", "ca"):
        if not getattr(settings, f"tasy_{name}"):
            yield (f"HUB_TASY_{name.upper()}", "must be set where HUB_TASY_URL is")
