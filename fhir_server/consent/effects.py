"""A Consent as rows: what each of its provisions permits or denies. https://hl7.org/fhir/R4/consent.html

A nested provision is an exception to the one around it, within what that one is about; so each row carries what all
those above it say, and the deepest that fits decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.access.policies import PURPOSES
from fhir_server.instant import period
from fhir_server.labels.given import BITS
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.rows import BEGIN, END, hash64

_SCOPE = "patient-privacy"
_TYPES = ("http://hl7.org/fhir/resource-types", "http://hl7.org/fhir/fhir-types")
_DENYING, _PERMITTING = frozenset({"access", "use", "disclose"}), frozenset({"access"})
_RULES = {"OPTIN": True, "OPTINR": True, "OPTOUT": False, "OPTOUTE": False}
"""https://terminology.hl7.org/CodeSystem-v3-ActCode.html: what holds where no provision says."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one provision comes to; None or 0: whatever it is."""

    depth: int
    permits: bool
    purposes: int = 0
    labels: int = 0
    low: int = BEGIN
    high: int = END
    actors: frozenset[str] | None = None
    """References as they are written."""
    types: frozenset[int] | None = None
    codes: frozenset[int] | None = None
    data: frozenset[str] | None = None
    """References to what it is about."""
    data_low: int | None = None
    data_high: int | None = None


def effects(consent: Mapping[str, Any] | None) -> list[Effect]:
    """The rows of a Consent; none where it is not active, not about privacy, or of no patient."""
    if consent is None or consent.get("status") != "active" or not (consent.get("patient") or {}).get("reference"):
        return []
    if _SCOPE not in _codes([consent.get("scope")]):
        return []
    provision = consent.get("provision") or {}
    rule = next((_RULES[code] for code in _codes([consent.get("policyRule")]) if code in _RULES), None)
    kind = provision.get("type")
    permits = kind == "permit" if kind in ("permit", "deny") else rule
    found = list(_within(provision, permits, Effect(0, permits is True)))
    # Nothing meets it; it says that there is a consent, which takes the place of an older one.
    return found or [Effect(0, False, low=END, high=BEGIN)]


def category(consent: Mapping[str, Any]) -> int:
    """What makes consents be about the same."""
    return hash64("\n".join(sorted(_codes(consent.get("category", ())))))


def made(consent: Mapping[str, Any]) -> int | None:
    """When it was given: microseconds since 1970 UTC."""
    return period(consent["dateTime"])[0] if consent.get("dateTime") else None


def _within(provision: Mapping[str, Any], permits: bool | None, above: Effect) -> Iterator[Effect]:
    own = _narrowed(provision, replace(above, permits=permits is True))
    if own is None:
        return  # of nothing at all
    if permits is not None and _acts(provision, permits) and (meant := _stated(provision, own)) is not None:
        yield meant
    for below in provision.get("provision", ()):
        yield from _within(below, below.get("type") == "permit", replace(own, depth=above.depth + 1))


def _acts(provision: Mapping[str, Any], permits: bool) -> bool:
    actions = _codes(provision.get("action", ()))
    return not actions or bool(actions & (_PERMITTING if permits else _DENYING))


def _stated(provision: Mapping[str, Any], own: Effect) -> Effect | None:
    """What a provision says. Where part of it means nothing here, a denial counts for more, and a permit not at all."""
    unknown = [
        name
        for name, known in (
            ("purpose", set(PURPOSES)),
            ("securityLabel", {code for _, code in BITS} | {"N"}),
        )
        if any(one.get("code") not in known for one in provision.get(name, ()))
    ]
    unknown += ["class" for one in provision.get("class", ()) if one.get("system") not in _TYPES]
    unknown += ["data" for one in provision.get("data", ()) if one.get("meaning") not in (None, "instance")]
    return None if unknown and own.permits else own


def _narrowed(provision: Mapping[str, Any], above: Effect) -> Effect | None:
    """What the provision is about, within what those above it are about; None: nothing."""
    purposes = _bits((1 << PURPOSES.index(one["code"]) for one in provision.get("purpose", ())
                      if one.get("code") in PURPOSES), above.purposes)  # fmt: skip
    labels = _bits((bit for one in provision.get("securityLabel", ()) for (_, code), bit in BITS.items()
                    if code == one.get("code")), above.labels)  # fmt: skip
    low, high = _period(provision.get("period"))
    low, high = max(low, above.low), min(high, above.high)
    actors = _both(above.actors, [one["reference"]["reference"] for one in provision.get("actor", ())
                                  if (one.get("reference") or {}).get("reference")])  # fmt: skip
    types = _both(above.types, [TYPE_ID[one["code"]] for one in provision.get("class", ())
                                if one.get("system") in _TYPES and one.get("code") in TYPE_ID])  # fmt: skip
    codes = _both(above.codes, [hash64(code.casefold()) for code in _codes(provision.get("code", ()))])
    data = _both(above.data, [one["reference"]["reference"] for one in provision.get("data", ())
                              if (one.get("reference") or {}).get("reference")])  # fmt: skip
    data_low, data_high = above.data_low, above.data_high
    if "dataPeriod" in provision:
        own_low, own_high = _period(provision["dataPeriod"])
        data_low = own_low if data_low is None else max(own_low, data_low)
        data_high = own_high if data_high is None else min(own_high, data_high)
    lacking = any(one is not None and not one for one in (actors, types, codes, data))
    if purposes is None or labels is None or low >= high or lacking:
        return None
    return replace(
        above, purposes=purposes, labels=labels, low=low, high=high, actors=actors, types=types, codes=codes,
        data=data, data_low=data_low, data_high=data_high,
    )  # fmt: skip


def _bits(own: Iterable[int], above: int) -> int | None:
    found = 0
    for bit in own:
        found |= bit
    if not found or not above:
        return found or above
    return found & above or None


def _both(above: frozenset[Any] | None, own: list[Any]) -> frozenset[Any] | None:
    if not own:
        return above
    return frozenset(own) if above is None else above & frozenset(own)


def _codes(concepts: Iterable[Mapping[str, Any] | None]) -> set[str]:
    """Codes of CodeableConcepts."""
    return {coding["code"] for one in concepts for coding in (one or {}).get("coding", ()) if coding.get("code")}


def _period(given: Mapping[str, Any] | None) -> tuple[int, int]:
    given = given or {}
    low = period(given["start"])[0] if given.get("start") else BEGIN
    high = period(given["end"])[1] if given.get("end") else END
    return low, high
