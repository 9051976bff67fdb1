"""Whether a person has shown a second factor just now: what some deeds need beyond the right to them."""

from __future__ import annotations

from fhir_server.outcome import Forbidden
from smart_auth.scopes import Access


def stepped_up(access: Access, now: int) -> None:
    """Raises Forbidden unless it was. now: microseconds since 1970 UTC."""
    if not access.just_proved(now / 1_000_000):
        raise Forbidden("this needs a second factor shown within the last 5 minutes: sign in again")
