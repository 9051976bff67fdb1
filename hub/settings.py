"""Every environment variable of the hub, read once into one frozen dataclass. README.md has the same table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smart_auth.references import ID

HSTS = ("Strict-Transport-Security", "max-age=31536000")
"""To every answer where the hub is called by https, whoever ends the TLS connection before it."""


class SettingError(ValueError):
    """An environment variable cannot be used; the text names it and says why, never its value (it may be a secret)."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")
        self.variable, self.reason = variable, reason


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose. A field `port` comes from HUB_PORT."""

    env: str = "development"
    """development or production. production refuses the embedded database and open access."""
    access: str = "open"
    """smart: every request of the FHIR API needs a token; open: none does, on loopback only."""
    issuer: str | None = None
    """Absolute URL of the authorization server; unset: that of the FHIR base with auth in the place of fhir."""
    key: str | None = field(default=None, repr=False)
    """Key that seals secrets in the database: 32 bytes in base64."""
    key_file: Path | None = None
    """File that holds it instead; with neither, and not in production, one is made in HUB_DATA."""
    encrypt_identifiers: tuple[str, ...] = ()
    """Systems whose identifiers are encrypted in the database, separated by commas."""
    encryption_key: str | None = field(default=None, repr=False)
    """Wraps the keys that encrypt them: 32 bytes in base64. Older ones behind it, separated by commas, still open."""
    encryption_key_file: Path | None = None
    """File that holds them instead, one a line."""
    patient_apps: bool = False
    """Whether an app that registers by itself, and only reads the record of whoever signs in, needs no approval."""
    brands: tuple[str, ...] = ()
    """Ids of the Organizations that apps show their users to choose this server by; the first one stands for it."""
    database_url: str | None = None
    """postgresql://user:password@host:port/database of a PostgreSQL 15 or newer; unset: the embedded PostgreSQL."""
    data: Path = Path(".hub")
    """Folder of the embedded database and of what `hub load` remembers."""
    host: str = "127.0.0.1"
    """Address to listen on. Loopback only where access is open."""
    port: int = 8080
    """Port to listen on."""
    tls_certificate: Path | None = None
    """PEM file of the certificate the hub speaks TLS with, and those up to its root; unset: it speaks plain HTTP."""
    tls_key: Path | None = None
    """PEM file of its key, not encrypted."""
    tls_minimum: str = "1.2"
    """Least version of TLS: 1.2 or 1.3."""
    apps_port: int | None = None
    """Port of the apps in apps/, served by a process beside the hub; unset: they are not."""
    apps_url: str | None = None
    """Absolute URL of the apps as browsers see it; unset: http://HOST:APPS_PORT."""
    proxies: tuple[str, ...] = ()
    """Addresses of the proxies in front, or their networks: whose X-Forwarded-For says who connects."""
    workers: int = 1
    """Server processes."""
    base_url: str | None = None
    """Absolute FHIR base URL as clients see it; unset: http://HOST:PORT/fhir."""
    connections: int = 8
    """Database connections of each worker for searches, and as many for transactions (four more serve reads)."""
    referential_integrity: bool = True
    """Whether a write is refused when it refers to a resource that does not exist, or deletes one still referred to."""
    conditional_delete_multiple: bool = False
    """Whether one conditional delete may remove several matches."""
    audit: bool | None = None
    """Whether every request leaves an event in the audit trail; unset: where requests need a token."""
    expunge: bool = False
    """Whether $expunge may remove versions and resources for good."""
    full_text: bool = False
    """Whether words of resources are indexed and _text and _content can be searched."""
    max_body: int = 16 * 2**20
    """Largest request body in bytes."""
    max_bundle_body: int = 64 * 2**20
    """Largest body of a batch or transaction in bytes."""
    max_entries: int = 25_000
    """Most entries of a batch or transaction."""
    max_concurrent: int = 256
    """Requests under way in one worker; more are refused with 503 and Retry-After."""
    client_rate: int = 60_000
    """Requests of the FHIR API that one backend service may make in a minute, in each worker; 0: any number."""
    person_rate: int = 3_000
    """The same for one person, over all apps."""
    deadline: int = 60
    """Seconds after which a request is given up with 503."""
    job_hours: int = 24
    """Hours for which the result of a bulk export or import is kept."""
    outbound_schemes: tuple[str, ...] = ("https",)
    """Schemes of the endpoints that notifications of Subscriptions may be sent to."""
    outbound_loopback: bool = False
    """Whether they may be sent to this machine itself."""
    amqp_url: str | None = field(default=None, repr=False)
    """amqp://user:password@host:port/vhost of a RabbitMQ that carries events; unset: they go through PostgreSQL."""
    import_sources: tuple[str, ...] = ()
    """Where $import may read from: URLs of folders (https://..., file:///...), separated by commas."""
    import_processes: int = 2
    """Processes of an $import."""
    tasy_url: str | None = None
    """https URL of the ERP Tasy, without path; unset: the hub asks none."""
    tasy_client_id: str = "hub"
    """What the hub is called there."""
    tasy_client_secret: str | None = field(default=None, repr=False)
    """And what it proves itself with, beside its certificate."""
    tasy_certificate: tuple[Path, ...] = ()
    """PEM files of its certificates there, separated by commas: two while one is replaced; the newest that holds."""
    tasy_key: tuple[Path, ...] = ()
    """PEM files of their keys, in the same order."""
    tasy_ca: Path | None = None
    """PEM file of whom Tasy's certificate must come from."""
    tasy_site: Path | None = None
    """File that tells how the installation differs from the contract (docs/tasy.md)."""
    tasy_callback_secret: str | None = field(default=None, repr=False)
    """What Tasy signs its callbacks with; unset: none is taken."""
    tasy_sftp: str | None = None
    """Where Tasy's sets of files are: sftp://user@host:port."""
    tasy_sftp_key: Path | None = None
    """Private key by which the hub is let in there: ed25519, ECDSA, or RSA of 3072 bits."""
    tasy_sftp_host_keys: tuple[str, ...] = ()
    """SHA-256 fingerprints of that server's host key, two while it is replaced."""
    pgp_home: Path | None = None
    """GnuPG's folder with the hub's own key and the partners' public ones; unset: `pgp` in HUB_DATA."""
    pgp_key: str | None = None
    """Fingerprint of the hub's own OpenPGP key."""
    pgp_partners: tuple[str, ...] = ()
    """Fingerprints of OpenPGP keys whose signatures count."""
    whatsapp_url: str | None = None
    """URL of WhatsApp's Cloud API, without version; unset: nothing is taken from it or sent by it."""
    whatsapp_token: str | None = field(default=None, repr=False)
    """What opens it."""
    whatsapp_secret: str | None = field(default=None, repr=False)
    """What Meta signs webhooks with."""
    whatsapp_verify: str | None = field(default=None, repr=False)
    """What Meta says once, when the webhook is set up."""
    whatsapp_numbers: tuple[tuple[str, str], ...] = ()
    """Purpose of each business number, and its id: care=1000,notices=1001."""
    log_level: str = "info"
    """debug, info, warning or error. At info each request is one line."""

    @property
    def audited(self) -> bool:
        """Whether there is an audit trail."""
        return self.access == "smart" if self.audit is None else self.audit

    @property
    def bulk_files(self) -> Path:
        """Folder of the files of bulk exports."""
        return self.data / "bulk"

    @property
    def base(self) -> str:
        """FHIR base URL, without trailing slash."""
        if self.base_url is not None:
            return self.base_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}/fhir"

    @property
    def apps(self) -> str:
        """URL of the apps, without trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.apps_url or f"{self._scheme}://{host}:{self.apps_port}"

    @property
    def _scheme(self) -> str:
        return "http" if self.tls_certificate is None else "https"

    @property
    def authorization(self) -> str:
        """URL of the authorization server, without trailing slash."""
        return self.issuer or f"{self.base.rpartition('/')[0]}/auth"

    @property
    def operations(self) -> str:
        """URL of the API of operators, without trailing slash."""
        return f"{self.base.rpartition('/')[0]}/operations"

    @property
    def whatsapp_webhook(self) -> str:
        """URL that WhatsApp tells what people write."""
        return f"{self.base.rpartition('/')[0]}/whatsapp/webhook"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text.lower()

    return read


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "1", "on", "yes")


def _files(text: str) -> tuple[Path, ...]:
    return tuple(Path(part.strip()).expanduser() for part in text.split(",") if part.strip())


def _secure(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an absolute https URL without path, such as https://tasy.example.org:8443")
    return text.rstrip("/")


def _schemes(text: str) -> tuple[str, ...]:
    found = tuple(sorted({part.strip().lower() for part in text.split(",")}))
    if not set(found) <= {"http", "https"}:
        raise ValueError("must be https, or http,https")
    return found


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return tuple(str(ip_network(one)) if "/" in one else str(ip_address(one)) for one in found)
    except ValueError:
        raise ValueError("must be addresses or networks, such as 10.0.0.5,10.1.0.0/16") from None


def _database(text: str) -> str:
    if urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise ValueError("must be a URL that begins with postgresql://")
    return text


def _broker(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise ValueError("must be a URL such as amqps://user:password@broker.example.org/vhost")
    return text


def _site(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an absolute http or https URL, such as https://apps.example.org")
    return text.rstrip("/")


def _base(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.strip("/"):
        raise ValueError("must be an absolute http or https URL with a path, such as https://example.org/fhir")
    if parts.query or parts.fragment:
        raise ValueError("must have no query and no fragment")
    return text.rstrip("/")


def _sftp(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username or parts.password or parts.path.strip("/"):
        raise ValueError("must be such as sftp://hub@tasy.example.org:22, without password and path")
    return text.rstrip("/")


def _host_keys(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", one) for one in found):
        raise ValueError("must be fingerprints as ssh-keygen -l prints them, such as SHA256:..., separated by commas")
    return found


def _fingerprints(text: str) -> tuple[str, ...]:
    found = tuple(part.replace(" ", "").upper() for part in text.split(",") if part.strip())
    if not found or not all(re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", one) for one in found):
        raise ValueError("must be whole fingerprints as gpg --fingerprint prints them, separated by commas")
    return found


def _ids(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(ID.fullmatch(id) for id in found):
        raise ValueError("must be ids of Organizations, separated by commas")
    return found


PURPOSES = ("care", "service", "authorization", "appointments", "notices", "spare")
"""What a business number is for; only `spare` may be said of several."""


def _numbers(text: str) -> tuple[tuple[str, str], ...]:
    found = [tuple(each.strip() for each in part.split("=", 1)) for part in text.split(",") if part.strip()]
    if not all(len(one) == 2 and one[0] in PURPOSES and re.fullmatch(r"[0-9]{1,20}", one[1]) for one in found):
        raise ValueError(f"must be such as care=1000,notices=1001; there are {', '.join(PURPOSES)}")
    named = [one[0] for one in found if one[0] != "spare"]
    if len(set(named)) < len(named) or len({one[1] for one in found}) < len(found):
        raise ValueError("names a purpose or a number twice")
    return tuple((purpose, id) for purpose, id in found)


def _channel(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("must be an https URL, such as https://graph.facebook.com; http on this machine alone")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must have a host, no query, no fragment and nobody's name")
    return text.rstrip("/")


def _places(text: str) -> tuple[str, ...]:
    found = tuple(place.strip().rstrip("/") + "/" for place in text.split(",") if place.strip())
    for place in found:
        parts = urlsplit(place)
        if parts.scheme not in ("http", "https", "file") or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be URLs of folders, such as https://example.org/export/ or file:///srv/import/")
        if bool(parts.netloc) == (parts.scheme == "file"):
            raise ValueError("an http or https URL names a host, a file URL has three slashes")
    return found


def _systems(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s|\\\"]+", system) for system in found):
        raise ValueError("must be systems of identifiers, absolute URIs separated by commas")
    return found


_READERS: Mapping[str, Callable[[str], Any]] = {
    "env": _choice("development", "production"),
    "access": _choice("smart", "open"),
    "issuer": _base,
    "encrypt_identifiers": _systems,
    "encryption_key": str,
    "encryption_key_file": lambda text: Path(text).expanduser(),
    "patient_apps": _switch,
    "brands": _ids,
    "key": str,
    "key_file": lambda text: Path(text).expanduser(),
    "database_url": _database,
    "amqp_url": _broker,
    "data": lambda text: Path(text).expanduser(),
    "host": str,
    "port": _whole(1, 65535),
    "tls_certificate": lambda text: Path(text).expanduser(),
    "tls_key": lambda text: Path(text).expanduser(),
    "tls_minimum": _choice("1.2", "1.3"),
    "apps_port": _whole(1, 65535),
    "apps_url": _site,
    "proxies": _addresses,
    "workers": _whole(1, 64),
    "base_url": _base,
    "connections": _whole(1, 200),
    "referential_integrity": _switch,
    "conditional_delete_multiple": _switch,
    "audit": _switch,
    "expunge": _switch,
    "full_text": _switch,
    "max_body": _whole(1024, 2**31),
    "max_bundle_body": _whole(1024, 2**31),
    "max_entries": _whole(1, 1_000_000),
    "max_concurrent": _whole(1, 100_000),
    "client_rate": _whole(0, 10_000_000),
    "person_rate": _whole(0, 10_000_000),
    "deadline": _whole(1, 3600),
    "job_hours": _whole(1, 24 * 365),
    "outbound_schemes": _schemes,
    "outbound_loopback": _switch,
    "import_sources": _places,
    "import_processes": _whole(1, 64),
    "tasy_url": _secure,
    "tasy_client_id": str,
    "tasy_client_secret": str,
    "tasy_certificate": _files,
    "tasy_key": _files,
    "tasy_ca": lambda text: Path(text).expanduser(),
    "tasy_site": lambda text: Path(text).expanduser(),
    "tasy_callback_secret": str,
    "tasy_sftp": _sftp,
    "tasy_sftp_key": lambda text: Path(text).expanduser(),
    "tasy_sftp_host_keys": _host_keys,
    "pgp_home": lambda text: Path(text).expanduser(),
    "pgp_key": lambda text: _fingerprints(text)[0],
    "pgp_partners": _fingerprints,
    "whatsapp_url": _channel,
    "whatsapp_token": str,
    "whatsapp_secret": str,
    "whatsapp_verify": str,
    "whatsapp_numbers": _numbers,
    "log_level": _choice("debug", "info", "warning", "error"),
}

OUTSIDE = frozenset({"HUB_TEST_DATABASE_URL", "HUB_TEST_FOLDER"})
"""Variables that are not the hub's own but the tests'."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings of the environment.

    Raises SettingError for a value that cannot be used, and for a HUB_ variable that does not exist.
    """
    names = {f"HUB_{field.name.upper()}": field.name for field in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        name = names.get(variable)
        if name is None:
            if variable.startswith("HUB_") and variable not in OUTSIDE:
                raise SettingError(variable, "there is no such setting; `hub --help` lists them")
        elif text.strip():
            try:
                values[name] = _READERS[name](text.strip())
            except ValueError as error:
                raise SettingError(variable, str(error)) from None
    settings = Settings(**values)
    if settings.env == "production" and settings.database_url is None:
        raise SettingError(
            "HUB_DATABASE_URL", "must be set with HUB_ENV=production: the embedded database is for one person"
        )
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        lacking = "HUB_TLS_KEY" if settings.tls_key is None else "HUB_TLS_CERTIFICATE"
        raise SettingError(lacking, "must be set: a certificate and its key belong together")
    _check_access(settings)
    if settings.encrypt_identifiers and settings.encryption_key is None and settings.encryption_key_file is None:
        raise SettingError(
            "HUB_ENCRYPTION_KEY_FILE",
            "must be set where HUB_ENCRYPT_IDENTIFIERS is, or HUB_ENCRYPTION_KEY; `hub keys new-seal` prints a key",
        )
    _check_tasy(settings)
    for name in ("token", "secret", "verify", "numbers"):
        if settings.whatsapp_url is not None and not getattr(settings, f"whatsapp_{name}"):
            raise SettingError(f"HUB_WHATSAPP_{name.upper()}", "must be set where HUB_WHATSAPP_URL is")
    if settings.env == "production" and environment.get("AUTHLIB_INSECURE_TRANSPORT"):
        raise SettingError("AUTHLIB_INSECURE_TRANSPORT", "must not be set with HUB_ENV=production")
    return settings


def with_variables(settings: Settings, variables: Mapping[str, str]) -> Settings:
    """Settings where these variables are set as well. Raises ValueError, KeyError: one that is none."""
    names = {variable.removeprefix("HUB_").lower(): text for variable, text in variables.items()}
    return replace(settings, **{name: _READERS[name](text) for name, text in names.items()})


def _check_access(settings: Settings) -> None:
    """Raises SettingError where the record would stand open, or a token could be read on its way."""
    if settings.access == "open" and not is_loopback(settings.host):
        raise SettingError(
            "HUB_HOST",
            "must be a loopback address such as 127.0.0.1 with HUB_ACCESS=open: whoever reaches the hub may then read"
            " and change everything. Set HUB_ACCESS=smart, or reach it through a tunnel (ssh -L).",
        )
    if settings.apps_port is not None and settings.access == "open":
        raise SettingError("HUB_APPS_PORT", "needs HUB_ACCESS=smart: people sign in to apps")
    if settings.env != "production":
        return
    if settings.apps_port is not None and not settings.apps.startswith("https://"):
        raise SettingError("HUB_APPS_URL", "must begin with https:// with HUB_ENV=production")
    if settings.access == "open":
        raise SettingError("HUB_ACCESS", "must be smart with HUB_ENV=production")
    if not (settings.base.startswith("https://") and settings.authorization.startswith("https://")):
        raise SettingError("HUB_BASE_URL", "must begin with https:// with HUB_ENV=production, and HUB_ISSUER too")
    if settings.key is None and settings.key_file is None:
        raise SettingError("HUB_KEY_FILE", "must be set with HUB_ENV=production, or HUB_KEY")


def _check_tasy(settings: Settings) -> None:
    """Raises SettingError where the hub could not prove to Tasy who it is."""
    if len(settings.tasy_certificate) != len(settings.tasy_key):
        raise SettingError("HUB_TASY_KEY", "must name one key for each certificate of HUB_TASY_CERTIFICATE")
    if len(settings.tasy_certificate) > 2:
        raise SettingError("HUB_TASY_CERTIFICATE", "must name two certificates at most")
    if settings.tasy_sftp is not None:
        for name in ("tasy_sftp_key", "tasy_sftp_host_keys", "pgp_key", "pgp_partners"):
            if not getattr(settings, name):
                raise SettingError(f"HUB_{name.upper()}", "must be set where HUB_TASY_SFTP is")
    if settings.tasy_url is None:
        return
    for name in ("client_secret", "certificate", "ca"):
        if not getattr(settings, f"tasy_{name}"):
            raise SettingError(f"HUB_TASY_{name.upper()}", "must be set where HUB_TASY_URL is")


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
