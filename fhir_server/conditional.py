"""Conditions a request sets: If-Match, If-None-Match, If-Modified-Since, criteria. https://hl7.org/fhir/R4/http.html#concurrency"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qsl

from fhir_server.instant import SECOND, parse_http_date
from fhir_server.outcome import Invalid, PreconditionFailed
from fhir_server.search.rows import hash64

_TAG = re.compile(r'\s*(?:W/)?"([^"]*)"\s*|\s*([0-9]+)\s*')

Query = list[tuple[str, str]]


class Dated(Protocol):
    """What conditions look at: a version (`store.Version`, a CapabilityStatement)."""

    @property
    def version_id(self) -> int | str: ...
    @property
    def last_updated(self) -> int: ...


@lru_cache(maxsize=1024)
def entity_tags(header: str, value: str) -> frozenset[str] | None:
    """Version ids of an If-Match or If-None-Match value; None stands for `*`. A bare number is taken as well.

    Raises Invalid.
    """
    if value.strip() == "*":
        return None
    tags = set()
    for part in value.split(","):
        match = _TAG.fullmatch(part)
        if match is None:
            raise Invalid(f'{header} must be * or entity tags such as W/"1"', code="value")
        tags.add(match[1] if match[1] is not None else match[2])
    return frozenset(tags)


def hold(headers: Mapping[str, str], current: Dated | None) -> None:
    """Holds a write to its If-Match and If-None-Match; `current` is the version that stands, None if there is none.

    Raises PreconditionFailed, Invalid.
    """
    value = headers.get("if-match")
    if value is not None:
        tags = entity_tags("If-Match", value)
        if current is None:
            raise PreconditionFailed("If-Match: there is no current version")
        if tags is not None and str(current.version_id) not in tags:
            raise PreconditionFailed("If-Match: the current version is another one")
    value = headers.get("if-none-match")
    if value is not None:
        tags = entity_tags("If-None-Match", value)
        if current is not None and (tags is None or str(current.version_id) in tags):
            raise PreconditionFailed("If-None-Match: it exists")


def not_modified(headers: Mapping[str, str], current: Dated) -> bool:
    """Whether a read may be answered 304. If-None-Match, where given, makes If-Modified-Since void (RFC 9110 13.1.3).

    Raises Invalid.
    """
    value = headers.get("if-none-match")
    if value is not None:
        tags = entity_tags("If-None-Match", value)
        return tags is None or str(current.version_id) in tags
    value = headers.get("if-modified-since")
    if value is not None:
        try:
            since = parse_http_date(value)
        except ValueError:
            raise Invalid("If-Modified-Since must be an HTTP date", code="value") from None
        return current.last_updated // SECOND <= since
    return False


def criteria(resource_type: str, if_none_exist: str) -> Query:
    """Search parameters of an If-None-Exist value: `identifier=s|v`, also with a leading `?` or `Patient?`.

    Raises Invalid if there are none, for then it would mean every resource.
    """
    text = if_none_exist.strip()
    text = text.removeprefix(f"{resource_type}?").removeprefix("?")
    return require_criteria(parse_qsl(text, keep_blank_values=True), "If-None-Exist")


RESULT_PARAMETERS = frozenset(
    {"_format", "_pretty", "_summary", "_elements", "_count", "_sort", "_total", "_include", "_revinclude",
     "_include:iterate", "_revinclude:iterate", "_contained", "_containedType", "_explain"}
)  # fmt: skip
"""Parameters that shape an answer and select nothing; https://hl7.org/fhir/R4/search.html#return."""


def require_criteria(query: Query, what: str) -> Query:
    """The parameters of `query` that select. Raises Invalid if there is none or one has no value."""
    selecting = [(name, value) for name, value in query if name not in RESULT_PARAMETERS]
    if not selecting or any(not value for _, value in selecting):
        raise Invalid(f"{what} needs search parameters with values", code="required")
    return selecting


def lock_key(resource_type: str, query: Query) -> int:
    """Advisory lock of criteria: the same for the same criteria in any order, so that one at a time decides."""
    return hash64("\n".join([resource_type, *sorted(f"{name}={value}" for name, value in query)]))
