"""Search criteria inside a transaction: conditional references, and matches among the Bundle's own resources.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from fhir_server.conditional import require_criteria
from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.transaction.entry_url import Query, parse_url

Criteria = tuple[str, tuple[tuple[str, str], ...]]
"""Resource type and sorted parameters: equal for equal criteria, whoever states them."""
Target = tuple[str, str]
"""Type and id."""


def criteria_of(resource_type: str, query: Query) -> Criteria:
    """The criteria as a key."""
    return resource_type, tuple(sorted(query))


def reference_criteria(text: str, base: str) -> Criteria:
    """Criteria of a conditional reference `Practitioner?identifier=s|v`. Raises Invalid."""
    path, query = parse_url(text, base)
    if len(path) != 1 or path[0] not in TYPE_ID:
        raise Invalid("a conditional reference is written as Practitioner?identifier=...", code="value")
    return criteria_of(path[0], require_criteria(query, "a conditional reference"))


class Present:
    """The resources a transaction writes, found by what identifies them before the database knows them.

    Answers criteria made of `_id`, `identifier` and `url` only; for others the database alone decides.
    """

    def __init__(self) -> None:
        self._by_value: defaultdict[tuple[str, str, str], dict[Target, None]] = defaultdict(dict)

    def add(self, target: Target, resource: dict[str, Any]) -> None:
        """From now on the resource can be found."""
        resource_type, id = target
        found = [("_id", id)]
        identifiers = resource.get("identifier")
        if type(identifiers) is dict:
            identifiers = [identifiers]
        if type(identifiers) is list:
            for identifier in identifiers:
                found += _identifier(identifier)
        if "masterIdentifier" in resource:
            found += _identifier(resource["masterIdentifier"])
        if type(resource.get("url")) is str:
            found.append(("url", resource["url"]))
        for name, value in found:
            self._by_value[resource_type, name, value][target] = None

    def matches(self, criteria: Criteria) -> list[Target] | None:
        """Targets that meet the criteria, in order of addition; None where only the database can tell."""
        resource_type, query = criteria
        found: dict[Target, None] | None = None
        for name, values in query:
            alternatives = _alternatives(name, values)
            if alternatives is None:
                return None
            one: dict[Target, None] = {}
            for value in alternatives:
                one.update(self._by_value.get((resource_type, name, value), {}))
            found = one if found is None else {target: None for target in found if target in one}
        return list(found or ())


def _identifier(identifier: Any) -> Iterable[tuple[str, str]]:
    """As tokens are searched: `value`, `system|value`, `|value`."""
    if type(identifier) is not dict or type(identifier.get("value")) is not str:
        return ()
    value = identifier["value"]
    return ("identifier", value), ("identifier", f"{identifier.get('system', '')}|{value}")


def _alternatives(name: str, values: str) -> list[str] | None:
    """The OR-alternatives of a parameter that `Present` can look up, else None."""
    if name not in ("_id", "identifier", "url") or "\\" in values:
        return None
    alternatives = values.split(",")
    if name == "identifier" and any(value.endswith("|") or value.count("|") > 1 for value in alternatives):
        return None  # any value of a system; or a value that should have been escaped
    return alternatives
