"""Search parameters of type token: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#token

Codes are compared without case, identifiers and URIs with it (docs/decisions/token-case.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from fhir_server.definitions import value_set
from fhir_server.encryption import blind, keys
from fhir_server.outcome import Invalid
from fhir_server.search.by_string import LIMIT, row, text_condition
from fhir_server.search.by_uri import URI_TYPES
from fhir_server.search.parameters import DECEASED, SearchParameter, current
from fhir_server.search.probe import Probe, either, one_of
from fhir_server.search.rows import hash32, hash64
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import split_parts, unescape
from fhir_server.statement import Parameters

BOOLEAN_SYSTEM = "http://hl7.org/fhir/special-values"
_BOOLEAN = {True: "true", False: "false"}

Pair = tuple[int, int]
"""code_hash, system_hash."""


@lru_cache(maxsize=65536)
def folded(code: str | None, system: str | None) -> Pair:
    """Hashes of a code that is compared without case."""
    return hash64((code or "").casefold()), hash32(system or "")


@lru_cache(maxsize=65536)
def cased(code: str | None, system: str | None) -> Pair:
    """Hashes of an identifier or URI, compared as it is."""
    return hash64(code or ""), hash32(system or "")


def _coding(value: dict[str, Any]) -> list[Pair]:
    code, system = value.get("code"), value.get("system")
    return [] if code is None and system is None else [folded(code, system)]


def _concept(value: dict[str, Any]) -> list[Pair]:
    return [pair for coding in value.get("coding", ()) for pair in _coding(coding)]


def _identifier(value: dict[str, Any]) -> list[Pair]:
    code, system = value.get("value"), value.get("system")
    if code is None:
        return [] if system is None else [cased(code, system)]
    keyed = blind.written(code, system)
    return [cased(code, system) if keyed is None else (keyed, hash32(system or ""))]


def _contact(value: dict[str, Any]) -> list[Pair]:
    number = value.get("value")
    return [] if number is None else [folded(number, None)]


def _code(value: Any) -> list[Pair]:
    return [folded(str(value), None)]


def _boolean(value: bool) -> list[Pair]:
    return [folded(_BOOLEAN[value], None)]


def _exactly(value: str) -> list[Pair]:
    return [cased(value, None)]


def _value(value: dict[str, Any]) -> str | None:
    return value.get("value")


def _open_value(value: dict[str, Any]) -> str | None:
    found = _value(value)
    return found if found is None or blind.written(found, value.get("system")) is None else None


SORT_TEXTS: dict[str, Callable[[Any], str | None]] = {"Identifier": _open_value, "ContactPoint": _value}
"""FHIR type -> the text it is sorted by; primitives by themselves."""

SORT = ":sort"
"""What follows the parameter's name in the param_id of the `string` rows an unworded token is sorted by."""

PAIRS: dict[str, Callable[[Any], list[Pair]]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact,
    "boolean": _boolean,
    "code": _code,
    "string": _code,
    "markdown": _code,
    "integer": _code,
    "positiveInt": _code,
    "unsignedInt": _code,
    "decimal": _code,
    "id": _exactly,
    **dict.fromkeys(sorted(URI_TYPES), _exactly),
}
"""FHIR type -> its tokens."""

SYSTEM_ALONE = "system_hash + 0)"
"""What is in the condition of a system without a code, and in no other."""

_PLAIN = frozenset(("id",)) | URI_TYPES
_CASED = _PLAIN | {"Identifier"}
_SYSTEMS = frozenset(("Coding", "CodeableConcept", "Identifier"))
_UNPIPED = frozenset(PAIRS) - _SYSTEMS - {"code"}


def _texts(value: dict[str, Any]) -> list[str]:
    return [value["text"]] if "text" in value else []


def _displays(value: dict[str, Any]) -> list[str]:
    return [value["display"]] if "display" in value else []


TEXTS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "Coding": _displays,
    "CodeableConcept": lambda value: [
        *_texts(value), *(text for coding in value.get("coding", ()) for text in _displays(coding))
    ],
    "Identifier": lambda value: _texts(value.get("type", {})),
}  # fmt: skip
"""FHIR type -> the texts that :text searches."""


@dataclass(frozen=True, slots=True)
class TokenIds:
    """Where the rows of one token parameter go."""

    param_id: int
    text_id: int
    of_type_id: int
    alone: bool
    """Not a patient_value: see `Sink.alone`."""
    sort_id: int | None = None
    """Where its text goes, of a token that is unworded."""


def _of_type_text(system: str, code: str, value: str) -> str:
    """What :of-type asks for; type code without case, identifier with it."""
    return f"{system}|{code.casefold()}|{value}"


def emitter(data_type: str, targets: Sequence[TokenIds]) -> Emit | None:
    """Writes the `token` rows of an element of the type, those of :of-type, and the `string` rows of :text.

    None for types that are no token.
    """
    pairs = PAIRS.get(data_type)
    if pairs is None:
        return None
    if data_type == "CodeableConcept":
        return _concept_emitter(targets)
    shared = tuple(target.param_id for target in targets if not target.alone)
    alone = tuple(target.param_id for target in targets if target.alone)
    texts = TEXTS.get(data_type)
    typed = data_type == "Identifier"
    sorted_as = SORT_TEXTS.get(data_type, str)
    sort_ids = tuple(target.sort_id for target in targets if target.sort_id is not None)

    def emit(value: Any, sink: Sink) -> None:
        for pair in pairs(value):
            for param_id in shared:
                sink.token.append((param_id, *pair))
            for param_id in alone:
                sink.alone.append((param_id, *pair))
        if texts:
            for text in texts(value):
                found = row(text)
                for target in targets:
                    sink.string.append((target.text_id, *found))
        if sort_ids:
            shown = sorted_as(value)
            if shown is not None:
                folded_text = shown.casefold()[:LIMIT]
                for sort_id in sort_ids:
                    sink.sortable.append((sort_id, folded_text))
        if typed and "type" in value and "value" in value:
            for coding in value["type"].get("coding", ()):
                if "code" in coding:
                    text = _of_type_text(coding.get("system", ""), coding["code"], value["value"])
                    keyed = blind.written(text, value.get("system"))
                    hashed = hash64(text) if keyed is None else keyed
                    for target in targets:
                        sink.alone.append((target.of_type_id, hashed, 0))

    return emit


def _concept_emitter(targets: Sequence[TokenIds]) -> Emit:
    """The commonest element of all, in one loop."""
    ids = [(target.param_id, target.text_id, target.alone) for target in targets]

    def emit(value: dict[str, Any], sink: Sink) -> None:
        text = value.get("text")
        if text is not None:
            found = row(text)
            for _, text_id, _ in ids:
                sink.string.append((text_id, *found))
        for coding in value.get("coding", ()):
            code, system, display = coding.get("code"), coding.get("system"), coding.get("display")
            if code is not None or system is not None:
                code_hash, system_hash = folded(code, system)
                for param_id, _, alone in ids:
                    (sink.alone if alone else sink.token).append((param_id, code_hash, system_hash))
            if display is not None and display != text:
                found = row(display)
                for _, text_id, _ in ids:
                    sink.string.append((text_id, *found))

    return emit


def listed_codes(parameter: SearchParameter) -> list[str]:
    """All codes a token parameter can have, in order, if its elements are bound to value sets or are booleans."""
    codes: set[str] = {"false", "true"} if parameter.expression == DECEASED else set()
    for leaf in parameter.leaves:
        if leaf.data_type == "boolean":
            codes.update(("false", "true"))
        for listed in (value_set(leaf.value_set) or {}).values() if leaf.value_set else ():
            codes.update(listed or ())
    return sorted(codes)


WORDED = frozenset(("CodeableConcept", "Coding"))
"""FHIR types whose texts are stored for :text."""


def unworded(parameter: SearchParameter) -> bool:
    """Whether no text of the token is stored for searching and no list names its codes.

    The lowest and the highest text of a resource then stand in `string` under SORT, for _sort alone.
    """
    if parameter.type != "token" or parameter.column or parameter.data_types & WORDED:
        return False
    return not listed_codes(parameter)


def deceased(resource: dict[str, Any]) -> bool:
    """Patient.deceased of the `deceased` parameter: there, and not false."""
    return "deceasedDateTime" in resource or resource.get("deceasedBoolean") is True


def among(key: str, hashes: set[int], parameters: Parameters) -> str:
    """SQL over {t}.<key>: it is one of the hashes. A list, not tests joined by or, which an index would not answer."""
    bound = [parameters.add(hashed, "bigint") for hashed in sorted(hashes)]
    return f"{{t}}.{key} = {bound[0]}" if len(bound) == 1 else f"{{t}}.{key} in ({', '.join(bound)})"


def stored(text: str, system: str | None, parameters: Parameters) -> set[int]:
    """What an identifier may be stored by; system: None where any is meant, "" where it has none. Where that follows
    from keys, whoever runs the statement proves that no newer ones were made: rows come to their codes while it waits
    for its turn."""
    if keys.current() is not None and parameters.generation is None:
        parameters.generation = current().generation
    return blind.asked(text, system)


def _match(key: str, code: str, system: str | None, types: frozenset[str], parameters: Parameters) -> str:
    """SQL over {t}.<key> and {t}.system_hash; `system` None: any, "": none. See `condition` for `types`."""
    tests = []
    if code:
        hashes = {hash64(code)} if types & _PLAIN else set()
        if "Identifier" in types:
            hashes |= stored(code, system, parameters)
        if types - _CASED or not types:
            hashes.add(hash64(code.casefold()))
        tests.append(among(key, hashes, parameters))
    if system is not None:
        # The sum enters the index of systems. With a code it must never be entered: a system has too many rows.
        column = "{t}.system_hash" if code else "({t}.system_hash + 0)"
        tests.append(f"{column} = {parameters.add(hash32(system), 'integer')}")
    return " and ".join(tests)


def token_test(
    key: str, text: str, code: str, types: frozenset[str], bindings: Sequence[str], parameters: Parameters
) -> str:
    """SQL over {t}.<key> (the code's hash) and {t}.system_hash for `code`, `system|code`, `|code` or `system|`.

    `types`: FHIR types of the elements; `bindings`: value sets their codes are from. Raises Invalid.
    """
    parts = split_parts(text)
    if len(parts) > 2:
        raise Invalid(f"search parameter '{code}': a token is code, system|code, |code or system|", code="value")
    wanted, system = parts[-1], parts[0] if len(parts) == 2 else None
    if not wanted and not system:
        raise Invalid(f"search parameter '{code}': the value is empty", code="value")
    if types == {"boolean"}:
        if wanted.lower() not in _BOOLEAN.values():
            raise Invalid(f"search parameter '{code}': the value is neither true nor false", code="value")
        if system == BOOLEAN_SYSTEM:
            system = None
    if not system:
        return _match(key, wanted, system, types, parameters)
    if types and types <= _UNPIPED:
        raise Invalid(f"search parameter '{code}' has no system: leave out what stands before '|'", code="value")
    tests = []
    if not types or types & _SYSTEMS:
        tests.append(_match(key, wanted, system, types & _SYSTEMS, parameters))
    for url in bindings:
        # A code carries no system: its value set says which systems it can be from.
        codes = (value_set(url) or {}).get(system, frozenset())
        if codes is None or wanted in codes:
            tests.append(_match(key, wanted, "", frozenset(("code",)), parameters))
        elif not wanted and codes:
            tests.append("({t}.system_hash + 0) = 0")
    return either(tests)


def _test(parameter: SearchParameter, value: str, parameters: Parameters) -> str:
    types = parameter.data_types & frozenset(PAIRS)
    bindings = sorted({leaf.value_set for leaf in parameter.leaves if leaf.value_set})
    return token_test("code_hash", value, parameter.code, types, bindings, parameters)


def _is(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    if parameter.column:
        return Probe("resource", f"{{t}}.{parameter.column} = {parameters.add(unescape(value), 'text')}")
    ids = one_of("param_id", parameter.param_ids)
    test = _test(parameter, value, parameters)
    by_patient = test.replace("{t}.code_hash", "{t}.value_hash")
    return Probe("token", f"{ids} and {test}", patient_value=f"{ids} and {by_patient}")


def _not(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    return replace(_is(parameter, value, parameters), negated=True, patient_value=None)


def _unequal(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    """One of the tokens is another: what `ne` of _filter asks."""
    if parameter.column:
        return Probe("resource", f"{{t}}.{parameter.column} <> {parameters.add(unescape(value), 'text')}")
    return Probe("token", f"{one_of('param_id', parameter.param_ids)} and not ({_test(parameter, value, parameters)})")


def _text(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    return text_condition(parameter.code, parameter.ids(":text"), value, None, parameters)


def _of_type(parameter: SearchParameter, value: str, parameters: Parameters) -> Probe:
    parts = split_parts(value)
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Invalid(
            f"search parameter '{parameter.code}:of-type' wants system|code|value, all three of them", code="value"
        )
    if "Identifier" not in parameter.data_types:
        raise Invalid(
            f"search parameter '{parameter.code}' is no identifier and has no ':of-type'", code="not-supported"
        )
    hashes = stored(_of_type_text(*parts), None, parameters)
    ids = one_of("param_id", parameter.ids(":of-type"))
    return Probe("token", f"{ids} and {among('code_hash', hashes, parameters)}")


MODIFIERS: dict[str | None, Callable[[SearchParameter, str, Parameters], Probe]] = {
    None: _is,
    "not": _not,
    "text": _text,
    "of-type": _of_type,
    # An operator of _filter.
    "ne": _unequal,
}
_COLUMN_MODIFIERS = frozenset((None, "not", "ne"))


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of one token. Raises Invalid, also for the modifiers of `terms.py` where nobody looked up their codes."""
    if modifier in ("in", "above", "below", "code-text"):
        raise Invalid(
            f"search parameter '{parameter.code}': ':{modifier}' cannot be used here, only in a search",
            code="not-supported",
        )
    if modifier not in (_COLUMN_MODIFIERS if parameter.column else MODIFIERS):
        raise Invalid(
            f"search parameter '{parameter.code}' is a token; ':{modifier}' is not supported, "
            "only :not, :text, :of-type, :in, :not-in, :above, :below, :code-text and :missing",
            code="not-supported",
        )
    return MODIFIERS[modifier](parameter, value, parameters)
