"""The apps of `apps/` that the hub serves: their names, what they may ask for, and what their pages are built on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from apps.clinician.scopes import SCOPES as CLINICIAN_SCOPES
from apps.console.scopes import SCOPES as CONSOLE_SCOPES
from apps.desk.scopes import SCOPES as DESK_SCOPES
from apps.privacy.scopes import SCOPES as PRIVACY_SCOPES

PARTS = Path(__file__).parents[1] / "apps" / "parts" / "node_modules"
CLINICIAN, PRIVACY, CONSOLE, DESK = "clinician", "privacy", "console", "desk"
NAMES: Mapping[str, str] = {CLINICIAN: "Prontuário", PRIVACY: "Meus dados", CONSOLE: "Console", DESK: "Mesa"}
"""Id of an app, which is its path too -> what people are told it is called."""
SCOPES: Mapping[str, tuple[str, ...]] = {
    CLINICIAN: CLINICIAN_SCOPES, PRIVACY: PRIVACY_SCOPES, CONSOLE: CONSOLE_SCOPES, DESK: DESK_SCOPES,
}  # fmt: skip
