"""Tasy's JSON -> records, and what it says beside the contract ("drift").

Conventions of the contract, section 1: absent and null mean "not informed", an empty string is a defect, unknown fields
are kept in the raw store and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from mappings.errors import Fault, MappingError
from mappings.tasy.names import CONTRACT, Names

Record = TypeVar("Record", bound=msgspec.Struct)

_AT = re.compile(r" - at `\$(?:\.\.\.)?\.?(.*)`$")
_QUOTED = re.compile(r"'[^']*'")


def read(kind: type[Record], body: bytes, names: Names = CONTRACT) -> tuple[Record, list[Fault]]:
    """A record of a kind, and the drift in it. names: the installation's.

    Raises MappingError: no JSON, or not of the types of the contract.
    """
    try:
        source = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise MappingError("$", "is no JSON") from error
    return record(kind, source, names)


def record(kind: type[Record], source: Any, names: Names = CONTRACT) -> tuple[Record, list[Fault]]:
    """The same of a parsed body."""
    source = names.here_of(kind, source)
    faults = list(_drift(kind, source, ""))
    try:
        return msgspec.convert(_informed(source), kind), faults
    except msgspec.ValidationError as error:
        text = str(error)
        at = _AT.search(text)
        # What msgspec quotes may be the value; of a missing field it is the name, and in backquotes.
        reason = _QUOTED.sub("...", _AT.sub("", text))
        raise MappingError(at[1] if at and at[1] else "$", reason[:1].lower() + reason[1:]) from error


def _informed(source: Any) -> Any:
    """The source without empty strings: they say nothing."""
    if isinstance(source, dict):
        return {name: None if value == "" else _informed(value) for name, value in source.items()}
    if isinstance(source, list):
        return [_informed(one) for one in source]
    return source


def _drift(kind: Any, source: Any, path: str) -> Iterator[Fault]:
    if isinstance(source, list):
        for number, one in enumerate(source):
            yield from _drift(kind, one, f"{path}[{number}]")
        return
    if not isinstance(source, dict) or kind is None:
        return
    known = _fields(kind)
    for name, value in source.items():
        at = f"{path}.{name}" if path else name
        if name not in known:
            yield Fault(at, "field unknown to the contract")
        elif value == "":
            yield Fault(at, "empty string: nothing that is not known is sent as empty")
        else:
            yield from _drift(known[name], value, at)


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct] | None]:
    """Fields of a record, each with the kind of record that stands in it, if one does."""
    return {name: _record_in(hint) for name, hint in get_type_hints(kind).items()}


def _record_in(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    for inner in get_args(hint):
        found = _record_in(inner)
        if found is not None:
            return found
    return None
