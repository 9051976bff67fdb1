"""The lane of a request, by its priority. https://hl7.org/fhir/R4/codesystem-processpriority.html"""

from __future__ import annotations

from typing import Any

from messages.store import BACKGROUND, INTERACTIVE, URGENT

_LANES = {"stat": URGENT, "normal": INTERACTIVE, "deferred": BACKGROUND}


def lane_of(resource: Any) -> int:
    """The lane; interactive, where it says nothing."""
    codes = [one.get("code") for one in resource.get("priority", {}).get("coding", ())]
    return next((_LANES[one] for one in codes if one in _LANES), INTERACTIVE)
