"""What people are called, by their resource."""

from __future__ import annotations

from typing import Any


def name_of(resource: dict[str, Any]) -> str:
    """How a Patient, Practitioner or RelatedPerson is called; empty where nobody says."""
    for one in resource.get("name", ()):
        text = one.get("text") or " ".join([*one.get("given", ()), one.get("family", "")]).strip()
        if text:
            return str(text)
    return ""
