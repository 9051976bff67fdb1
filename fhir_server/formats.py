"""Which format an answer takes: Accept and _format. https://hl7.org/fhir/R4/http.html#mime-type"""

from __future__ import annotations

from functools import lru_cache

FHIR_JSON = "application/fhir+json"

FORMATS: dict[str, str] = {
    "json": FHIR_JSON,
    "application/fhir+json": FHIR_JSON,
    "application/fhir json": FHIR_JSON,  # a plus sign not percent-encoded
    "application/json+fhir": FHIR_JSON,
    "application/json": "application/json",
    "text/json": "text/json",
}
"""What `_format` and Accept may name -> the media type sent. XML and Turtle are not spoken here."""

OFFERED = ("json", FHIR_JSON)
"""As the CapabilityStatement says it."""


@lru_cache(maxsize=1024)
def negotiate(accept: str, format: str | None) -> str | None:
    """Content-Type of a FHIR answer for an Accept value ("" means none) and `_format`; None: none that is offered."""
    if format is not None:
        essence, acceptable = _range(format)
        return _sent(FORMATS.get(essence)) if acceptable else None
    if not accept:
        return _sent(FHIR_JSON)
    best, chosen = 0.0, None
    for part in accept.split(","):
        essence, acceptable = _range(part)
        quality = _quality(part)
        if acceptable and quality > best:
            media_type = FHIR_JSON if essence in ("*/*", "application/*") else FORMATS.get(essence)
            if essence == "text/*":
                media_type = "text/json"
            if media_type is not None:
                best, chosen = quality, media_type
    return _sent(chosen)


@lru_cache(maxsize=1024)
def asks_for_resource(accept: str, format: str | None) -> bool:
    """Whether a Binary is wanted as a FHIR resource and not as the bytes it holds: only if FHIR JSON is named."""
    if format is not None:
        return format.strip().lower() in FORMATS
    return any("fhir" in _range(part)[0] and _range(part)[0] in FORMATS for part in accept.split(","))


def _sent(media_type: str | None) -> str | None:
    return media_type and f"{media_type}; charset=utf-8"


def _range(part: str) -> tuple[str, bool]:
    """A media range, and whether its fhirVersion, if any, is ours."""
    essence, *parameters = part.split(";")
    acceptable = True
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "fhirversion":
            acceptable = value.strip().strip('"').startswith("4.0")
    return essence.strip().lower(), acceptable


def _quality(part: str) -> float:
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
