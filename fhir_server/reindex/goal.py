"""What a reindex is to do: read from its order, with the search parameters that are in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fhir_server.outcome import Invalid, NotFound
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.by_string import WORD
from fhir_server.search.by_token import SORT
from fhir_server.search.parameters import SearchParameter, by_url, current, shipped
from fhir_server.search.registry import ORDER

SUFFIXES = ("", ":text", ":of-type", ":identifier", SORT, WORD)
"""All that can follow a parameter's name in the param_id of its rows."""

STORED: dict[str, Any] = orjson.loads(ORDER)


@dataclass(frozen=True, slots=True)
class Goal:
    """Rows to be brought about."""

    types: tuple[str, ...]
    rows: frozenset[int] | None = None
    """param_ids of the rows concerned; None: all rows."""
    first: frozenset[int] | None = None
    """param_id of custom parameters whose rows are written for the first time; then nothing is compared."""
    definitions: tuple[int, ...] = ()
    """Ids of their definitions, which can be searched by when it is done."""

    def text(self) -> str:
        """Two goals with the same text are the same."""
        return orjson.dumps([self.types, sorted(self.rows or ()), self.definitions]).decode()


def all_ids(parameters: Iterable[SearchParameter]) -> frozenset[int]:
    """param_id of all rows of the parameters."""
    return frozenset(number for one in parameters for suffix in SUFFIXES for number in one.ids(suffix))


def of_types(types: Sequence[str]) -> Goal:
    """All rows of some types; of every type if none is named."""
    return Goal(tuple(types) or RESOURCE_TYPES)


def of_parameter(url: str) -> Goal:
    """The rows of one parameter that is in force. Raises NotFound, Invalid."""
    written = [one for found in current().written.values() for one in found if one.url == url]
    if not written:
        known = by_url().get(url)
        if known is None:
            raise NotFound("no search parameter of this url is in force")
        written = [one for name in RESOURCE_TYPES for one in shipped(name).values() if one.url == url]
        if not written or written[0].column:
            raise Invalid("this parameter has no search rows", code="not-supported")
    return Goal(tuple(sorted({one.resource_type for one in written} - {"Resource"})), all_ids(written))


def of_definitions(definitions: Sequence[int]) -> Goal:
    """The first rows of custom parameters, by the ids of their definitions; those no longer in force are left out."""
    wanted = {f"@{id}" for id in definitions}
    written = [
        one for found in current().written.values() for one in found if "@" + one.names[0].rpartition("@")[2] in wanted
    ]
    types = tuple(sorted({one.resource_type for one in written} - {"Resource"}))
    return Goal(types, all_ids(written), frozenset(one.param_id for one in written), tuple(sorted(definitions)))


def waits(url: str) -> bool:
    """Whether a parameter has never been indexed."""
    return any(one.url == url for found in current().pending.values() for one in found.values())
