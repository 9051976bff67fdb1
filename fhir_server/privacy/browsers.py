"""A browser in which somebody wants to be told, as it stands in their record. Pure. https://hl7.org/fhir/R4/basic.html

What it holds is what the browser's push service wants of whoever sends: https://www.w3.org/TR/push-api/#dom-pushsubscription.
Once it has ended nothing of that is left in it: erasure, when it is asked for, takes the versions before as well.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from fhir_server.version import instant

SYSTEM = "urn:fhir-hub:CodeSystem:browser"
ON, OFF, GONE = "on", "off", "gone"
"""Codes: its owner is told there; they switched it off; its push service does not know it any more."""
NAMING = "urn:fhir-hub:browser"
"""System of the identifier: the hash of the endpoint, by which a browser knows itself."""
_URL, _ENDED = "urn:fhir-hub:StructureDefinition:browser", "urn:fhir-hub:StructureDefinition:browser-ended"
_LONGEST, _NAME, _POINT, _SECRET = 2000, 100, 65, 16


class Unusable(ValueError):
    """It is no browser that can be told anything: the name of what is wrong, and why, never the value."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Browser:
    """Where and how it is told."""

    endpoint: str
    """URL at its push service."""
    key: str
    """Its public key on P-256, uncompressed, in base64url: `p256dh`."""
    secret: str
    """16 bytes in base64url: `auth`."""
    name: str = ""
    """By which its owner knows it."""

    def checked(self) -> Browser:
        """The same. Where requests may go is judged when they go. Raises Unusable."""
        try:
            parts = urlsplit(self.endpoint)
            usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
        except ValueError:
            usable = False
        if not usable or not self.endpoint.isascii() or not self.endpoint.isprintable() or " " in self.endpoint:
            raise Unusable("endpoint", "must be an https URL with a host, and no user name or password")
        if len(self.endpoint) > _LONGEST:
            raise Unusable("endpoint", f"must have {_LONGEST} characters at most")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(self.key, _POINT))
        except ValueError:
            raise Unusable("key", "must be an uncompressed point of P-256 in base64url") from None
        try:
            _bytes(self.secret, _SECRET)
        except ValueError:
            raise Unusable("secret", f"must be {_SECRET} bytes in base64url") from None
        if len(self.name) > _NAME or not self.name.isprintable():
            raise Unusable("name", f"must have {_NAME} characters at most")
        return self


def id_of(patient: str, endpoint: str) -> str:
    """Id of the one resource of a patient's browser."""
    return f"browser-{sha256(f'{patient} {endpoint}'.encode()).hexdigest()[:40]}"


def turned_on(browser: Browser, patient: str, own: bool, now: int) -> dict[str, Any]:
    """As it stands in the record. own: whether the patient said so, and nobody for them. now: microseconds."""
    said = [{"url": "endpoint", "valueUrl": browser.endpoint}, {"url": "key", "valueString": browser.key},
            {"url": "secret", "valueString": browser.secret},
            *([{"url": "name", "valueString": browser.name}] if browser.name else [])]  # fmt: skip
    whose = {"reference": f"Patient/{patient}"}
    return {
        "resourceType": "Basic", "id": id_of(patient, browser.endpoint),
        "extension": [{"url": _URL, "extension": said}],
        "identifier": [{"system": NAMING, "value": sha256(browser.endpoint.encode()).hexdigest()}],
        "code": _code(ON), "subject": whose, "created": instant(now)[:10], **({"author": whose} if own else {}),
    }  # fmt: skip


def ended(resource: Mapping[str, Any], why: str, now: int) -> dict[str, Any]:
    """The same, OFF or GONE: without anything by which it could be told."""
    own = [one for one in resource.get("extension", ()) if one.get("url") not in (_URL, _ENDED)]
    return {**resource, "extension": [*own, {"url": _ENDED, "valueInstant": instant(now)}], "code": _code(why)}


def browser_of(resource: Mapping[str, Any]) -> Browser | None:
    """How it is told; None: it is not, or is no browser."""
    if not is_browser(resource, ON):
        return None
    said = next((one.get("extension", ()) for one in resource.get("extension", ()) if one.get("url") == _URL), ())
    known = {one["url"]: one.get("valueUrl") or one.get("valueString") or "" for one in said}
    try:
        return Browser(known["endpoint"], known["key"], known["secret"], known.get("name", ""))
    except KeyError:
        return None


def is_browser(resource: Mapping[str, Any], *codes: str) -> bool:
    """Whether a resource is a browser, in a state of these; in any, where none is named."""
    codings = (resource.get("code") or {}).get("coding", ())
    return resource.get("resourceType") == "Basic" and any(
        one.get("system") == SYSTEM and (not codes or one.get("code") in codes) for one in codings
    )


def _code(code: str) -> dict[str, Any]:
    return {"coding": [{"system": SYSTEM, "code": code}]}


def _bytes(text: str, length: int) -> bytes:
    """Raises ValueError."""
    found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(found) != length:
        raise ValueError(length)
    return found
