"""Holds what a statement may yield to the Access of its request: the one visibility predicate.

Every statement that yields a resource, a count or a chain step stands under `visible`. Today it is `true`; policies,
compartment, consent and labels will be written here and nowhere else.
"""

from __future__ import annotations

from fhir_server.outcome import Forbidden
from fhir_server.statement import Parameters
from smart_auth.scopes import Access


def visible(access: Access, row: str, parameters: Parameters) -> str:
    """SQL condition on `row` (alias of a table with rid and type_id, or of `resource`) that `access` may see it."""
    if not access.unrestricted:
        raise Forbidden("this access grants nothing yet")
    return "true"
