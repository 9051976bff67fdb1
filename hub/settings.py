"""Every environment variable of the hub, read once into one frozen dataclass. README.md has the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from hub import setting_values as value
from hub.setting_faults import faults

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
    holidays: tuple[str, ...] = ()
    """Days on which nobody is written to unasked, besides national holidays: 03-19 for each year, or 2026-03-19."""
    whatsapp_account: str | None = None
    """Id of the business account, whose templates are listed; unset: they are not taken over."""
    sms_url: str | None = None
    """Where short messages are handed in; unset: none are sent."""
    sms_token: str | None = field(default=None, repr=False)
    smtp_url: str | None = None
    """Server by which e-mail is sent: smtps://host:465, smtp://host:587 (STARTTLS); unset: none is."""
    smtp_from: str | None = None
    smtp_user: str | None = None
    smtp_password: str | None = field(default=None, repr=False)
    push_contact: str | None = None
    """Whom push services turn to about what the hub sends to browsers: mailto:..., https://...; unset: nothing is sent
    to any, and members cannot turn one on."""
    oncall_url: str | None = None
    """Where whoever is on call is paged, by a signed webhook; unset: nobody is."""
    oncall_secret: str | None = field(default=None, repr=False)
    """What pages are signed with."""
    line_phone: str | None = None
    """Telephone number of the operator's line that is open 24 hours, as members are told it."""
    take_seconds: int = 120
    """Seconds within which somebody should take an emergency: after that it goes to the next desk."""
    llm_base_url: str | None = None
    """URL of an OpenAI-compatible server with its version; unset: no language model is asked anything."""
    llm_api_key: str | None = field(default=None, repr=False)
    """What opens it, where it wants something."""
    llm_model: str | None = None
    """The model that reads and words."""
    llm_transcription_model: str | None = None
    """The model that hears voice messages; unset: people do."""
    llm_daily_calls: int = 20_000
    """Calls of a day, over all processes."""
    llm_member_calls: int = 60
    """Calls of a day about one member."""
    llm_prices: date | None = None
    """Date of the price table by which calls are reckoned: kept with each."""
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
    def simulated_tasy(self) -> Path:
        """Folder of what a Tasy that is simulated beside the hub remembers."""
        return self.data / "tasy"

    @property
    def tasy_is_simulated(self) -> bool:
        """Whether the Tasy of these settings is that one."""
        return self.tasy_ca is not None and self.simulated_tasy.absolute() in self.tasy_ca.parents

    @property
    def whatsapp_webhook(self) -> str:
        """URL that WhatsApp tells what people write."""
        return f"{self.base.rpartition('/')[0]}/whatsapp/webhook"


_READERS: Mapping[str, Callable[[str], Any]] = {
    "env": value.choice("development", "production"),
    "access": value.choice("smart", "open"),
    "issuer": value.base,
    "encrypt_identifiers": value.systems,
    "encryption_key": str,
    "encryption_key_file": value.path,
    "patient_apps": value.switch,
    "brands": value.ids,
    "key": str,
    "key_file": value.path,
    "database_url": value.database,
    "amqp_url": value.broker,
    "data": value.path,
    "host": str,
    "port": value.whole(1, 65535),
    "tls_certificate": value.path,
    "tls_key": value.path,
    "tls_minimum": value.choice("1.2", "1.3"),
    "apps_port": value.whole(1, 65535),
    "apps_url": value.site,
    "proxies": value.addresses,
    "workers": value.whole(1, 64),
    "base_url": value.base,
    "connections": value.whole(1, 200),
    "referential_integrity": value.switch,
    "conditional_delete_multiple": value.switch,
    "audit": value.switch,
    "expunge": value.switch,
    "full_text": value.switch,
    "max_body": value.whole(1024, 2**31),
    "max_bundle_body": value.whole(1024, 2**31),
    "max_entries": value.whole(1, 1_000_000),
    "max_concurrent": value.whole(1, 100_000),
    "client_rate": value.whole(0, 10_000_000),
    "person_rate": value.whole(0, 10_000_000),
    "deadline": value.whole(1, 3600),
    "job_hours": value.whole(1, 24 * 365),
    "outbound_schemes": value.schemes,
    "outbound_loopback": value.switch,
    "import_sources": value.places,
    "import_processes": value.whole(1, 64),
    "tasy_url": value.secure,
    "tasy_client_id": str,
    "tasy_client_secret": str,
    "tasy_certificate": value.files,
    "tasy_key": value.files,
    "tasy_ca": value.path,
    "tasy_site": value.path,
    "tasy_callback_secret": str,
    "tasy_sftp": value.sftp,
    "tasy_sftp_key": value.path,
    "tasy_sftp_host_keys": value.host_keys,
    "pgp_home": value.path,
    "pgp_key": value.fingerprint,
    "pgp_partners": value.fingerprints,
    "whatsapp_url": value.channel,
    "whatsapp_token": str,
    "whatsapp_secret": str,
    "whatsapp_verify": str,
    "whatsapp_numbers": value.numbers,
    "holidays": value.days,
    "whatsapp_account": value.account,
    "sms_url": value.channel,
    "sms_token": str,
    "smtp_url": value.mail_server,
    "smtp_from": value.mail_address,
    "smtp_user": str,
    "smtp_password": str,
    "push_contact": value.contact,
    "oncall_url": value.channel,
    "oncall_secret": str,
    "line_phone": value.telephone,
    "take_seconds": value.whole(1, 3600),
    "llm_base_url": value.channel,
    "llm_api_key": str,
    "llm_model": str,
    "llm_transcription_model": str,
    "llm_daily_calls": value.whole(0, 10_000_000),
    "llm_member_calls": value.whole(0, 10_000),
    "llm_prices": value.day,
    "log_level": value.choice("debug", "info", "warning", "error"),
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
    for variable, reason in faults(settings, environment):
        raise SettingError(variable, reason)
    return settings


def with_variables(settings: Settings, variables: Mapping[str, str]) -> Settings:
    """Settings where these variables are set as well. Raises ValueError, KeyError: one that is none."""
    names = {variable.removeprefix("HUB_").lower(): text for variable, text in variables.items()}
    return replace(settings, **{name: _READERS[name](text) for name, text in names.items()})
