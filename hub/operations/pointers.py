"""Values of a body put in the place of others, by JSON pointers. https://www.rfc-editor.org/rfc/rfc6901 Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

Json = Any


class NoSuchPlace(ValueError):
    """The pointer leads nowhere; the text says at which of its parts, never a value."""


def replaced(body: Json, changes: Sequence[tuple[str, Json]]) -> Json:
    """The body with each value at its pointer; a member that an object lacks is added. Raises NoSuchPlace."""
    found = copy.deepcopy(body)
    for pointer, value in changes:
        found = _put(found, _parts(pointer), value)
    return found


def _parts(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise NoSuchPlace("a pointer begins with /")
    return [one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:]]


def _put(body: Json, parts: Sequence[str], value: Json) -> Json:
    if not parts:
        return value
    at = body
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if isinstance(at, dict) and (last or part in at):
            if last:
                at[part] = value
            else:
                at = at[part]
        elif isinstance(at, list) and part.isascii() and part.isdigit() and int(part[:9]) < len(at):
            if last:
                at[int(part)] = value
            else:
                at = at[int(part)]
        else:
            raise NoSuchPlace(f"there is nothing at part {number + 1} of the pointer")
    return body
