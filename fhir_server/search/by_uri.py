"""Search parameters of type uri: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#uri"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.by_string import starts_with
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters

LIMIT = 2000
"""Characters of a URI that are indexed."""
URI_TYPES = frozenset(("uri", "url", "canonical", "oid", "uuid"))


def emitter(data_type: str, ids: Sequence[int]) -> Emit | None:
    """Writes the `uri` rows of an element of the type; None for types that are no URI."""
    if data_type not in URI_TYPES:
        return None

    def emit(value: Any, sink: Sink) -> None:
        for param_id in ids:
            sink.uri.append((param_id, value[:LIMIT]))

    return emit


def _equal(value: str, parameters: Parameters) -> str:
    return f"{{t}}.uri = {parameters.add(value[:LIMIT], 'text')}"


def _below(value: str, parameters: Parameters) -> str:
    return starts_with("uri", value[:LIMIT], parameters)


def _above(value: str, parameters: Parameters) -> str:
    placeholder = parameters.add(value[:LIMIT], "text")
    # Every beginning of the value, each looked up in the index.
    beginnings = f"array(select left({placeholder}, n) from generate_series(1, length({placeholder})) n)"
    return f"{{t}}.uri = any({beginnings})"


def _unequal(value: str, parameters: Parameters) -> str:
    return f"{{t}}.uri <> {parameters.add(value[:LIMIT], 'text')}"


MODIFIERS: dict[str | None, Callable[[str, Parameters], str]] = {
    None: _equal,
    "below": _below,
    "above": _above,
    # Operators of _filter.
    "ne": _unequal,
    "sw": _below,
}


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of one URI. Raises Invalid."""
    if modifier not in MODIFIERS:
        raise Invalid(
            f"search parameter '{parameter.code}' is a uri; ':{modifier}' is not supported, only :above and :below",
            code="not-supported",
        )
    text = unescape(value)
    if "\0" in text:
        raise Invalid(f"search parameter '{parameter.code}': the value is no uri", code="value")
    if modifier in ("above", "below") and text.startswith("urn:"):
        raise Invalid(
            f"search parameter '{parameter.code}': :above and :below are for URLs, not for URNs", code="value"
        )
    return Probe("uri", f"{one_of('param_id', parameter.param_ids)} and {MODIFIERS[modifier](text, parameters)}")
