"""JSON Patch on a resource. https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from fhir_server.outcome import Invalid, Unprocessable
from fhir_server.patch.document import Copier, copied, equal, without_emptied
from mappings.r4 import Json

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_BAD_ESCAPE = re.compile(r"~(?![01])")

IDENTITY = ("resourceType", "id")
"""Members of a resource that no patch may change."""

MAX_OPERATIONS = 10_000


class _Refusal(Exception):
    """This operation does not apply; `malformed`: it never could."""

    def __init__(self, reason: str, *, malformed: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.malformed = reason, malformed


def _tokens(pointer: Json) -> list[str]:
    """Reference tokens of a JSON Pointer (RFC 6901)."""
    if pointer.__class__ is not str:
        raise _Refusal("a path must be a string", malformed=True)
    if pointer and not pointer.startswith("/"):
        raise _Refusal("a path must be empty or start with '/'", malformed=True)
    if _BAD_ESCAPE.search(pointer):
        raise _Refusal("'~' in a path must be followed by 0 or 1", malformed=True)
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _index(token: str, length: int) -> int:
    if not _INDEX.fullmatch(token):
        raise _Refusal(f"'{token}' is no index of an array")
    index = int(token)
    if index >= length:
        raise _Refusal(f"there is no element {index} in the array")
    return index


def _step(holder: Json, token: str) -> Json:
    if holder.__class__ is dict:
        if token not in holder:
            raise _Refusal(f"there is no '{token}'")
        return holder[token]
    if holder.__class__ is list:
        return holder[_index(token, len(holder))]
    raise _Refusal(f"'{token}' is sought in a value that is neither object nor array")


class _Document:
    """The resource while it is patched."""

    def __init__(self, root: Json) -> None:
        self.root = root
        self.copier = Copier()
        self.shrunk: set[int] = set()
        """Arrays from which an element was removed: left out at the end if they are empty."""

    def get(self, tokens: list[str]) -> Json:
        value = self.root
        for token in tokens:
            value = _step(value, token)
        return value

    def add(self, tokens: list[str], value: Json) -> None:
        if not tokens:
            self.root = value
            return
        holder, last = self.get(tokens[:-1]), tokens[-1]
        if holder.__class__ is dict:
            holder[last] = value
        elif holder.__class__ is list:
            holder.insert(len(holder) if last == "-" else _index(last, len(holder) + 1), value)
        else:
            raise _Refusal("the target is neither object nor array")

    def remove(self, tokens: list[str]) -> Json:
        if not tokens:
            raise _Refusal("the whole resource cannot be removed")
        value, holder = self.get(tokens), self.get(tokens[:-1])
        if holder.__class__ is list:
            del holder[int(tokens[-1])]
            self.shrunk.add(id(holder))
        else:
            del holder[tokens[-1]]
        return value

    def replace(self, tokens: list[str], value: Json) -> None:
        self.get(tokens)
        if not tokens:
            self.root = value
            return
        holder = self.get(tokens[:-1])
        holder[int(tokens[-1]) if holder.__class__ is list else tokens[-1]] = value


def _member(operation: dict[str, Json], name: str) -> Json:
    if name not in operation:
        raise _Refusal(f"'{name}' is missing", malformed=True)
    return operation[name]


def _add(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    document.add(path, copied(_member(operation, "value")))


def _remove(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    document.remove(path)


def _replace(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    document.replace(path, copied(_member(operation, "value")))


def _move(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    source = _tokens(_member(operation, "from"))
    if source == path:
        document.get(source)
        return
    if path[: len(source)] == source:
        raise _Refusal("a value cannot be moved into itself")
    document.add(path, document.remove(source))


def _copy(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    document.add(path, document.copier.copy(document.get(_tokens(_member(operation, "from")))))


def _test(document: _Document, operation: dict[str, Json], path: list[str]) -> None:
    expected = _member(operation, "value")
    if not equal(document.get(path), expected):
        raise _Refusal("the value tested for is not there")


_OPERATIONS: dict[str, Callable[[_Document, dict[str, Json], list[str]], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _perform(document: _Document, operation: Json) -> None:
    if operation.__class__ is not dict:
        raise _Refusal("an operation must be an object", malformed=True)
    perform = _OPERATIONS.get(operation["op"]) if operation.get("op").__class__ is str else None
    if perform is None:
        raise _Refusal(f"'op' must be one of {', '.join(_OPERATIONS)}", malformed=True)
    try:
        perform(document, operation, _tokens(_member(operation, "path")))
    except OverflowError as error:
        raise _Refusal(str(error)) from None


def _refuse(number: int, operation: Json, refusal: _Refusal) -> NoReturn:
    op, path = (operation.get("op"), operation.get("path")) if operation.__class__ is dict else (None, None)
    known = f" ({op} {path})" if op.__class__ is str and op in _OPERATIONS and path.__class__ is str else ""
    text = f"JSON Patch operation {number}{known}: {refusal.reason}"
    if refusal.malformed:
        raise Invalid(text, code="structure")
    raise Unprocessable(text, code="processing")


def apply(resource: dict[str, Any], patch: Json) -> dict[str, Any]:
    """The resource after all operations of the patch; the one given is not changed.

    Operations are counted from 0. Raises Invalid (400) for what is no JSON Patch, Unprocessable (422) for an operation
    that does not apply, a failed test, or a change of resourceType or id.
    """
    if patch.__class__ is not list:
        raise Invalid("a JSON Patch is an array of operations", code="structure")
    if len(patch) > MAX_OPERATIONS:
        raise Invalid(f"a JSON Patch of more than {MAX_OPERATIONS} operations is not accepted", code="too-long")
    try:
        return _patched(resource, patch)
    except RecursionError:
        raise Unprocessable("resource or patch is nested too deep", code="too-costly") from None


def _patched(resource: dict[str, Any], patch: list[Json]) -> dict[str, Any]:
    document = _Document(copied(resource))
    for number, operation in enumerate(patch):
        try:
            _perform(document, operation)
            for name in IDENTITY:
                if name in resource and (
                    document.root.__class__ is not dict or document.root.get(name) != resource[name]
                ):
                    raise _Refusal(f"'{name}' of a resource cannot be changed")
        except _Refusal as refusal:
            _refuse(number, operation, refusal)
    if document.root.__class__ is not dict:
        raise Unprocessable("the result of the JSON Patch is no resource", code="processing")
    result: dict[str, Any] = without_emptied(document.root, document.shrunk) if document.shrunk else document.root
    return result
