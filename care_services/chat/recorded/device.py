"""The service itself, as the Device that asks, answers and assesses. Pure. https://hl7.org/fhir/R4/device.html"""

from __future__ import annotations

from typing import Any

from mappings.identifiers import Systems

Json = Any

NAME = "Assistente automático da AUSTA"


def device(systems: Systems) -> Json:
    """The one Device of the service."""
    return {
        "resourceType": "Device",
        "identifier": [{"system": systems.sid("servico"), "value": "chat"}],
        "status": "active",
        "deviceName": [{"name": NAME, "type": "user-friendly-name"}],
        "type": {"text": "automated conversation and triage by rules"},
    }
