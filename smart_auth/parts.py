"""What the authorization server is made of; whoever starts it joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smart_auth.access_token import Site
from smart_auth.assertion import KeysOf
from smart_auth.happened import Note
from smart_auth.patient_choice import Search
from smart_auth.scopes import Known
from smart_auth.seal import Seal

Inform = Callable[[str, str], None]
"""(id of a Patient, text): tells the patient, in their record."""
Answer = tuple[int, Any, list[tuple[str, str]]]
"""Status, body for JSON, headers."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints are made of."""

    site: Site
    seal: Seal
    known: Known
    keys_of: KeysOf
    search: Search
    note: Note
    inform: Inform
