"""The values of one criterion as probes of the search tables: which module knows which parameter type."""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.search import (
    by_composite,
    by_date,
    by_number,
    by_quantity,
    by_reference,
    by_string,
    by_token,
    by_uri,
)
from fhir_server.search.criteria import Leaf
from fhir_server.search.parameters import SearchParameter, tables_of
from fhir_server.search.probe import Probe, one_of
from fhir_server.statement import Parameters

CONDITIONS: dict[str, Callable[[SearchParameter, str, str | None, Parameters], Probe]] = {
    "composite": by_composite.condition,
    "date": by_date.condition,
    "number": by_number.condition,
    "quantity": by_quantity.condition,
    "string": by_string.condition,
    "token": by_token.condition,
    "uri": by_uri.condition,
}


def alternatives(node: Leaf, parameters: Parameters, base: str) -> list[Probe]:
    """The probes of a leaf's values; without values, those of any value at all.

    Raises Invalid for a value or modifier the parameter type does not have.
    """
    parameter = node.parameter
    if node.values:
        if parameter.type == "reference":
            return [by_reference.condition(parameter, one, node.modifier, parameters, base) for one in node.values]
        condition = CONDITIONS[parameter.type]
        return [condition(parameter, value, node.modifier, parameters) for value in node.values]
    if parameter.column:
        return [Probe("resource", "true")]
    return [Probe(table, one_of("param_id", numbers)) for table, numbers in tables_of(parameter)]
