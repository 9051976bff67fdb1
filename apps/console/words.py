"""How states and times read on the pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

STATES: Mapping[str, tuple[str, str]] = {
    "RECEBIDA": ("received", "secondary"),
    "ARMAZENADA": ("stored", "secondary"),
    "VALIDADA": ("validated", "info"),
    "MAPEADA": ("mapped", "info"),
    "APLICADA": ("applied", "success"),
    "ENTREGUE": ("delivered", "success"),
    "ESTACIONADA": ("parked", "warning"),
    "QUARENTENA": ("quarantined", "danger"),
    "MORTA": ("dead", "danger"),
    "DUPLICADA": ("duplicate", "light"),
    "DESCARTADA": ("discarded", "light"),
    "WAITING": ("waiting", "secondary"),
    "RUNNING": ("running", "info"),
    "HELD": ("held", "warning"),
    "APPLIED": ("applied", "success"),
    "REFUSED": ("refused", "danger"),
    "DUPLICATE": ("duplicate", "light"),
    "FAILED": ("failed", "danger"),
}
"""State of a message or a run -> word, and the colour of its badge."""
DEAD = ("MORTA", "QUARENTENA", "ESTACIONADA")
"""States from which only a person, or what a message waits for, moves it on."""

ZONE = ZoneInfo("America/Sao_Paulo")


def moment(value: str | None) -> str:
    """An instant in the zone of the plan: "10 Mar 14:20:07"."""
    return "" if not value else datetime.fromisoformat(value).astimezone(ZONE).strftime("%d %b %H:%M:%S")


def ago(value: str | None, now: datetime) -> str:
    """How long ago: "5 min"."""
    if not value:
        return ""
    seconds = (now - datetime.fromisoformat(value)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
