"""`_text` and `_content`: conditions on `full_text`. https://hl7.org/fhir/R4/search.html#content

Rows follow the record a moment later; one that is not of the current version is as if it were not there.
"""

from __future__ import annotations

from fhir_server.full_text.asked import asked
from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import FULL_TEXT, SearchParameter
from fhir_server.search.probe import Probe
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of the resources that have the words. Raises Invalid."""
    if modifier is not None:
        raise Invalid(f"search parameter '{parameter.code}' has no ':{modifier}'", code="not-supported")
    query = parameters.add(asked(unescape(value), TYPE_ID[parameter.resource_type], parameter.code), "tsquery")
    current = "select from resource v where v.rid = {t}.rid and v.version = {t}.version and v.body is not null"
    return Probe("full_text", f"{{t}}.{FULL_TEXT[parameter.code]} @@ {query} and exists ({current})")
