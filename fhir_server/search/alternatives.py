"""The values of one criterion as probes of the search tables: which module knows which parameter type."""

from __future__ import annotations

import re
from collections.abc import Callable

from fhir_server.search import (
    by_composite,
    by_date,
    by_near,
    by_number,
    by_quantity,
    by_reference,
    by_string,
    by_token,
    by_uri,
    by_value_set,
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
    "special": by_near.condition,
    "string": by_string.condition,
    "token": by_token.condition,
    "uri": by_uri.condition,
}


MANY = 16
"""Alternatives beyond this number become one probe with an array, where they differ in one value only."""

_VALUE = re.compile(r"= (\$\d+)::(\w+)")
_TARGET = "{t}.target_rid = (select"


def alternatives(node: Leaf, parameters: Parameters, base: str) -> list[Probe]:
    """The probes of a leaf's values; without values, those of any value at all.

    Raises Invalid for a value or modifier the parameter type does not have.
    """
    parameter = node.parameter
    if node.codes is not None:
        return by_value_set.condition(parameter, node.codes, parameters)
    if node.values:
        if parameter.type == "reference":
            found = [by_reference.condition(parameter, one, node.modifier, parameters, base) for one in node.values]
        else:
            condition = CONDITIONS[parameter.type]
            found = [condition(parameter, value, node.modifier, parameters) for value in node.values]
        return together(found, parameters)
    if parameter.column:
        return [Probe("resource", "true")]
    if parameter.type == "date":
        # Each of its partial indexes is entered by its own condition.
        key = one_of("param_id", parameter.param_ids)
        return [Probe("date", f"{key} and {by_date.SHORT}"), Probe("date", f"{key} and not ({by_date.SHORT})")]
    return [Probe(table, one_of("param_id", numbers)) for table, numbers in tables_of(parameter)]


def together(probes: list[Probe], parameters: Parameters) -> list[Probe]:
    """The probes as one, if all ask the same of the same column with one value each; else as they are.

    Their parameters must be the last that were added, one for each.
    """
    count = len(probes)
    if count <= MANY:
        return probes
    shapes = {(probe.table, re.sub(r"\$\d+", "$", probe.where), probe.others) for probe in probes}
    values = parameters.values[-count:]
    if len(shapes) > 1 or probes[0].others or None in values:
        return probes
    found = _VALUE.findall(probes[0].where)
    placeholders = [probe.where.count("$") for probe in probes]
    if len(found) != 1 or set(placeholders) != {1} or f"${len(parameters.values)}:" not in probes[-1].where:
        return probes
    del parameters.values[-count:]
    quoted = (b'"%s"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for value in values if value is not None)
    array = parameters.add(b"{%s}" % b",".join(quoted), f"{found[0][1]}[]")

    def with_array(where: str) -> str:
        text = _VALUE.sub(f"= any({array})", where)
        # Many ids are many targets.
        return text.replace(_TARGET, "{t}.target_rid = any(array(select") + ")" * (_TARGET in where)

    first = probes[0]
    by_patient = first.patient_value and with_array(first.patient_value)
    return [Probe(first.table, with_array(first.where), patient_value=by_patient)]
