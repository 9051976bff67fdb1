"""`_text` and `_content`: conditions on `full_text`. https://hl7.org/fhir/R4/search.html#content"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.full_text.asked import asked
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import FULL_TEXT
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters

_FEW = 8
"""Types that are part of what the index is asked; more are told by the resource."""


def condition(code: str, value: str, types: Sequence[str], parameters: Parameters) -> str:
    """Condition on `full_text {t}` that a resource, likely of the types, has the words. Raises Invalid."""
    marked = [TYPE_ID[name] for name in types] if len(types) <= _FEW else []
    return f"{{t}}.{FULL_TEXT[code]} @@ {parameters.add(asked(unescape(value), marked, code), 'tsquery')}"
