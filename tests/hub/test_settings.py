"""Settings: every variable read, each fault named."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from hub.setting_values import is_loopback
from hub.settings import SettingError, Settings, read_settings

PRODUCTION = {
    "HUB_ENV": "production", "HUB_DATABASE_URL": "postgresql://u:p@h/d", "HUB_ACCESS": "smart",
    "HUB_BASE_URL": "https://example.org/fhir", "HUB_KEY": "secret",
}  # fmt: skip


def test_production_and_its_addresses() -> None:
    settings = read_settings(PRODUCTION | {"HUB_HOST": "0.0.0.0"})
    assert settings.authorization == "https://example.org/auth"
    assert (
        read_settings(PRODUCTION | {"HUB_ISSUER": "https://id.example.org/x/"}).authorization
        == "https://id.example.org/x"
    )
    assert "secret" not in repr(settings)


def test_with_a_certificate_addresses_are_https() -> None:
    settings = read_settings(
        {"HUB_TLS_CERTIFICATE": "a", "HUB_TLS_KEY": "b", "HUB_APPS_PORT": "9", "HUB_ACCESS": "smart"}
    )
    assert (settings.base, settings.apps) == ("https://127.0.0.1:8080/fhir", "https://127.0.0.1:9")


def test_nothing_set_is_a_whole_installation() -> None:
    settings = read_settings({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.base == "http://127.0.0.1:8080/fhir"


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("HUB_PORT", "9000", "port", 9000),
        ("HUB_WORKERS", " 4 ", "workers", 4),
        ("HUB_HOST", "::1", "host", "::1"),
        ("HUB_PROXIES", "10.0.0.5, 10.1.0.0/16", "proxies", ("10.0.0.5", "10.1.0.0/16")),
        ("HUB_HOST", "127.9.9.9", "host", "127.9.9.9"),
        ("HUB_ENV", "Development", "env", "development"),
        ("HUB_DATA", "/var/data", "data", Path("/var/data")),
        ("HUB_DATABASE_URL", "postgresql://u:p@h/d", "database_url", "postgresql://u:p@h/d"),
        ("HUB_AMQP_URL", "amqps://u:p@h/v", "amqp_url", "amqps://u:p@h/v"),
        ("HUB_BASE_URL", "https://example.org/r4/", "base_url", "https://example.org/r4"),
        ("HUB_REFERENTIAL_INTEGRITY", "off", "referential_integrity", False),
        ("HUB_CONDITIONAL_DELETE_MULTIPLE", "true", "conditional_delete_multiple", True),
        ("HUB_EXPUNGE", "true", "expunge", True),
        ("HUB_MAX_ENTRIES", "10", "max_entries", 10),
        ("HUB_LOG_LEVEL", "WARNING", "log_level", "warning"),
        (
            "HUB_WHATSAPP_NUMBERS",
            "care=1, spare=2,spare=3",
            "whatsapp_numbers",
            (("care", "1"), ("spare", "2"), ("spare", "3")),
        ),
        ("HUB_PORT", "", "port", 8080),
        ("HUB_TLS_MINIMUM", "1.3", "tls_minimum", "1.3"),
    ],
)
def test_variable(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(read_settings({variable: text}), field) == value


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"HUB_PORT": "0"}, "HUB_PORT"),
        ({"HUB_TLS_CERTIFICATE": "hub.pem"}, "HUB_TLS_KEY"),
        ({"HUB_TLS_KEY": "hub.key"}, "HUB_TLS_CERTIFICATE"),
        ({"HUB_TLS_MINIMUM": "1.1"}, "HUB_TLS_MINIMUM"),
        ({"HUB_PROXIES": "*"}, "HUB_PROXIES"),
        ({"HUB_PROXIES": "10.0.0.5/8"}, "HUB_PROXIES"),
        ({"HUB_PORT": "eighty"}, "HUB_PORT"),
        ({"HUB_PORT": "-1"}, "HUB_PORT"),
        ({"HUB_PORT": "65536"}, "HUB_PORT"),
        ({"HUB_WORKERS": "0"}, "HUB_WORKERS"),
        ({"HUB_ENV": "prod"}, "HUB_ENV"),
        ({"HUB_DATABASE_URL": "mysql://u:secret@h/d"}, "HUB_DATABASE_URL"),
        ({"HUB_ENV": "production"}, "HUB_DATABASE_URL"),
        ({"HUB_BASE_URL": "example.org/fhir"}, "HUB_BASE_URL"),
        ({"HUB_BASE_URL": "https://example.org"}, "HUB_BASE_URL"),
        ({"HUB_BASE_URL": "https://example.org/fhir?x=1"}, "HUB_BASE_URL"),
        ({"HUB_REFERENTIAL_INTEGRITY": "perhaps"}, "HUB_REFERENTIAL_INTEGRITY"),
        ({"HUB_PROT": "9000"}, "HUB_PROT"),
        ({"HUB_HOST": "0.0.0.0"}, "HUB_HOST"),
        ({"HUB_HOST": "192.168.1.7"}, "HUB_HOST"),
        ({"HUB_HOST": "hub.example.org"}, "HUB_HOST"),
        ({"HUB_HOST": "::"}, "HUB_HOST"),
        ({"HUB_ACCESS": "closed"}, "HUB_ACCESS"),
        ({"HUB_ISSUER": "secret"}, "HUB_ISSUER"),
        (PRODUCTION | {"HUB_ACCESS": "open"}, "HUB_ACCESS"),
        (PRODUCTION | {"HUB_BASE_URL": "http://example.org/fhir"}, "HUB_BASE_URL"),
        (PRODUCTION | {"HUB_ISSUER": "http://example.org/auth"}, "HUB_BASE_URL"),
        (PRODUCTION | {"HUB_KEY": ""}, "HUB_KEY_FILE"),
        ({"HUB_APPS_PORT": "8081"}, "HUB_APPS_PORT"),
        ({"HUB_APPS_URL": "https://a.example.org/?x"}, "HUB_APPS_URL"),
        (PRODUCTION | {"HUB_APPS_PORT": "8081"}, "HUB_APPS_URL"),
        ({"HUB_BRANDS": "a, b/c"}, "HUB_BRANDS"),
        ({"HUB_WHATSAPP_URL": "http://graph.example.org"}, "HUB_WHATSAPP_URL"),
        ({"HUB_WHATSAPP_URL": "https://secret@graph.example.org"}, "HUB_WHATSAPP_URL"),
        ({"HUB_WHATSAPP_URL": "http://127.0.0.1:9"}, "HUB_WHATSAPP_TOKEN"),
        ({"HUB_WHATSAPP_NUMBERS": "care=secret"}, "HUB_WHATSAPP_NUMBERS"),
        ({"HUB_WHATSAPP_NUMBERS": "care=1,care=2"}, "HUB_WHATSAPP_NUMBERS"),
        ({"HUB_WHATSAPP_NUMBERS": "care=1,spare=1"}, "HUB_WHATSAPP_NUMBERS"),
        (PRODUCTION | {"AUTHLIB_INSECURE_TRANSPORT": "1"}, "AUTHLIB_INSECURE_TRANSPORT"),
    ],
)
def test_fault_names_the_variable_and_never_its_value(environment: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings(environment)
    assert caught.value.variable == variable
    assert str(caught.value).startswith(f"{variable}: ")
    assert "secret" not in str(caught.value)


def test_loopback() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.org")


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_readme_tells_every_variable() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    told = set(re.findall(r"^\| `(HUB_[A-Z_]+)`", readme, re.MULTILINE))
    assert told == {f"HUB_{field.name.upper()}" for field in fields(Settings)}
