"""What the value of a setting must look like: text -> value, or ValueError, whose text says what is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from smart_auth.references import ID


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def choice(*choices: str) -> Callable[[str], str]:
    """One of some words, in small letters."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text.lower()

    return read


def switch(text: str) -> bool:
    """Yes or no."""
    if text.lower() not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "1", "on", "yes")


def path(text: str) -> Path:
    """A path; ~ is whoever runs the hub."""
    return Path(text).expanduser()


def files(text: str) -> tuple[Path, ...]:
    """Paths, separated by commas."""
    return tuple(path(part.strip()) for part in text.split(",") if part.strip())


def secure(text: str) -> str:
    """An https URL without path."""
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an absolute https URL without path, such as https://tasy.example.org:8443")
    return text.rstrip("/")


def schemes(text: str) -> tuple[str, ...]:
    """http, https, or both."""
    found = tuple(sorted({part.strip().lower() for part in text.split(",")}))
    if not set(found) <= {"http", "https"}:
        raise ValueError("must be https, or http,https")
    return found


def addresses(text: str) -> tuple[str, ...]:
    """Addresses and networks, separated by commas."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return tuple(str(ip_network(one)) if "/" in one else str(ip_address(one)) for one in found)
    except ValueError:
        raise ValueError("must be addresses or networks, such as 10.0.0.5,10.1.0.0/16") from None


def database(text: str) -> str:
    """The URL of a PostgreSQL."""
    if urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise ValueError("must be a URL that begins with postgresql://")
    return text


def broker(text: str) -> str:
    """The URL of a message broker."""
    parts = urlsplit(text)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise ValueError("must be a URL such as amqps://user:password@broker.example.org/vhost")
    return text


def site(text: str) -> str:
    """An absolute URL."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an absolute http or https URL, such as https://apps.example.org")
    return text.rstrip("/")


def base(text: str) -> str:
    """An absolute URL with a path: a FHIR base, an issuer."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.strip("/"):
        raise ValueError("must be an absolute http or https URL with a path, such as https://example.org/fhir")
    if parts.query or parts.fragment:
        raise ValueError("must have no query and no fragment")
    return text.rstrip("/")


def sftp(text: str) -> str:
    """Where a server is, and as whom."""
    parts = urlsplit(text)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username or parts.password or parts.path.strip("/"):
        raise ValueError("must be such as sftp://hub@tasy.example.org:22, without password and path")
    return text.rstrip("/")


def host_keys(text: str) -> tuple[str, ...]:
    """Fingerprints of host keys."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", one) for one in found):
        raise ValueError("must be fingerprints as ssh-keygen -l prints them, such as SHA256:..., separated by commas")
    return found


def fingerprints(text: str) -> tuple[str, ...]:
    """Fingerprints of OpenPGP keys."""
    found = tuple(part.replace(" ", "").upper() for part in text.split(",") if part.strip())
    if not found or not all(re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", one) for one in found):
        raise ValueError("must be whole fingerprints as gpg --fingerprint prints them, separated by commas")
    return found


def fingerprint(text: str) -> str:
    """The first of them."""
    return fingerprints(text)[0]


def ids(text: str) -> tuple[str, ...]:
    """Logical ids, separated by commas."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(ID.fullmatch(id) for id in found):
        raise ValueError("must be ids of Organizations, separated by commas")
    return found


PURPOSES = ("care", "service", "authorization", "appointments", "notices", "spare")
"""What a business number is for; only `spare` may be said of several."""


def numbers(text: str) -> tuple[tuple[str, str], ...]:
    """Business numbers: (purpose, id) of each."""
    found = [tuple(each.strip() for each in part.split("=", 1)) for part in text.split(",") if part.strip()]
    if not all(len(one) == 2 and one[0] in PURPOSES and re.fullmatch(r"[0-9]{1,20}", one[1]) for one in found):
        raise ValueError(f"must be such as care=1000,notices=1001; there are {', '.join(PURPOSES)}")
    named = [one[0] for one in found if one[0] != "spare"]
    if len(set(named)) < len(named) or len({one[1] for one in found}) < len(found):
        raise ValueError("names a purpose or a number twice")
    return tuple((purpose, id) for purpose, id in found)


def days(text: str) -> tuple[str, ...]:
    """Days of each year, or of one."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        for one in found:
            date.fromisoformat(one if re.fullmatch(r"\d{4}-\d{2}-\d{2}", one) else f"2000-{one}")
    except ValueError:
        raise ValueError("must be days such as 03-19 or 2026-03-19, separated by commas") from None
    return found


def account(text: str) -> str:
    """Id of a business account."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise ValueError("must be digits")
    return text


def channel(text: str) -> str:
    """The URL of a service that is told or asked by the hub."""
    parts = urlsplit(text)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("must be an https URL, such as https://example.org; http on this machine alone")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must have a host, no query, no fragment and nobody's name")
    return text.rstrip("/")


def mail_server(text: str) -> str:
    """The URL of a mail server."""
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.username:
        raise ValueError("must be such as smtps://mail.example.org:465 or smtp://mail.example.org:587, without names")
    return text.rstrip("/")


def mail_address(text: str) -> str:
    """The address that e-mail comes from."""
    if not re.fullmatch(r"[^@\s<>]+@[A-Za-z0-9.-]+", text):
        raise ValueError("must be an address such as notices@example.org")
    return text


def contact(text: str) -> str:
    """Whom others turn to: https://www.rfc-editor.org/rfc/rfc8292#section-2.1"""
    if not re.fullmatch(r"mailto:[^@\s<>]+@[A-Za-z0-9.-]+|https://[A-Za-z0-9.-]+(?:[/?][!-~]*)?", text):
        raise ValueError("must be such as mailto:notices@example.org or https://example.org/contact")
    return text


def telephone(text: str) -> str:
    """A telephone number, as people are told it."""
    if not re.fullmatch(r"\+?[0-9][0-9 ()\-]{2,24}", text):
        raise ValueError("must be a telephone number, such as 0800 000 0000")
    return text


def day(text: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a day, such as 2026-11-01") from None


def places(text: str) -> tuple[str, ...]:
    """Folders, each with a slash at its end."""
    found = tuple(place.strip().rstrip("/") + "/" for place in text.split(",") if place.strip())
    for place in found:
        parts = urlsplit(place)
        if parts.scheme not in ("http", "https", "file") or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be URLs of folders, such as https://example.org/export/ or file:///srv/import/")
        if bool(parts.netloc) == (parts.scheme == "file"):
            raise ValueError("an http or https URL names a host, a file URL has three slashes")
    return found


def systems(text: str) -> tuple[str, ...]:
    """Naming systems, separated by commas."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s|\\\"]+", system) for system in found):
        raise ValueError("must be systems of identifiers, absolute URIs separated by commas")
    return found


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
