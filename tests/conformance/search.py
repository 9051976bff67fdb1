"""Every search parameter of every example finds it, and does not by a changed value. https://hl7.org/fhir/R4/search.html

For each (type, parameter): the elements its expression points to are located in the stored example, search values are
made of them, and the plain search must return the example; with the value changed it must not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fhir_server.definitions import search_parameters
from mappings.r4 import parse
from tests.conformance.locate import Located, Unknown, locate
from tests.conformance.values import NoValue, Pair, composite, example, pairs
from tests.hub_process import FHIR_JSON, Client

THREADS = 4
THRESHOLD = 0.99
PAGE = 500
MOST_PER_PARAMETER = 40
"""Pairs tried for one parameter of one example: a Bundle's worth of identical elements shows nothing new."""
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Pairs that no server can answer as written, with the reason."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Probe:
    """One search that must, or must not, return one resource."""

    key: Key
    id: str
    query: str
    expected: bool


@dataclass
class Search:
    """Outcome by (type, parameter)."""

    tried: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    failed: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    valueless: dict[Key, tuple[str, str]] = field(default_factory=dict)
    """Parameters that appear in examples, but nowhere with a value to search for: id of one example, and why."""
    present: set[Key] = field(default_factory=set)
    """Those of them that find the example by `:missing=false`, and not by `:missing=true`."""

    @property
    def total(self) -> int:
        """All pairs that appear in the examples."""
        return len(self.tried) + len(self.valueless)

    @property
    def found(self) -> int:
        """Pairs found by value, or by presence where there is no value."""
        return sum(1 for key in self.tried if key not in self.failed) + len(self.present)

    @property
    def passed(self) -> bool:
        return self.found >= THRESHOLD * self.total > 0


def parameters_of(resource_type: str) -> Iterator[dict[str, Any]]:
    """Definitions with an expression whose base covers the type."""
    for row in search_parameters():
        if "expression" in row and {resource_type, "Resource", "DomainResource"} & set(row["base"]):
            yield row


def _made(row: dict[str, Any], by_url: dict[str, Any], resource: Located) -> tuple[list[Pair], bool, list[str]]:
    """Pairs for a parameter in a resource, whether near changes may be tried, and why elements gave none."""
    elements = locate(row["expression"], resource, resource)
    found: list[Pair] = []
    reasons: list[str] = []
    for element in elements:
        try:
            if row["type"] == "composite":
                parts = [
                    (by_url[c["definition"]]["type"], locate(c["expression"], element, resource))
                    for c in row["component"]
                ]
                if all(elements for _, elements in parts):
                    found += composite(parts)
            else:
                found += pairs(row["type"], element)
        except NoValue as reason:
            reasons.append(str(reason))
    single = len(elements) == 1 and not (
        isinstance(elements[0].value, dict) and len(elements[0].value.get("coding", ())) > 1
    )
    return found, single and row["type"] != "composite", reasons


def probes(resource: dict[str, Any], result: Search) -> Iterator[Probe]:
    """All searches for one stored resource; notes parameters without a value in `result`."""
    by_url = {row["url"]: row for row in search_parameters()}
    element = example(resource)
    for row in parameters_of(element.type):
        key = (element.type, row["code"])
        try:
            found, near, reasons = _made(row, by_url, element)
        except Unknown as text:
            result.failed[key].append(f"expression not understood by the test: {text}")
            continue
        if not found and reasons and key not in result.tried:
            result.valueless.setdefault(key, (resource["id"], reasons[0]))
        for pair in list(dict.fromkeys(found))[:MOST_PER_PARAMETER]:
            name = row["code"] + pair.modifier
            yield Probe(key, resource["id"], f"{name}={quote(pair.finds, safe='')}", True)
            if near or not pair.near:
                yield Probe(key, resource["id"], f"{name}={quote(pair.changed, safe='')}", False)


def _ask(client: Client, resource_type: str, query: str) -> set[str] | str:
    """Ids of all matches, or why the search failed."""
    found: set[str] = set()
    path: str | None = f"{resource_type}?{query}&_count={PAGE}&_elements=id"
    while path:
        answer = client.request("GET", path)
        if answer.status != 200:
            try:
                return f"{answer.status} {answer.json()['issue'][0].get('diagnostics', '')}"
            except (ValueError, KeyError):
                return f"{answer.status} {answer.body[:200].decode(errors='replace')}"
        bundle = parse(answer.body)
        found |= {entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"}
        path = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
    return found


def run(client: Client, names: list[str]) -> Search:
    """Tries every parameter of the stored examples "Type/id"."""
    result = Search()
    wanted: dict[tuple[str, str], list[Probe]] = defaultdict(list)
    for name in names:
        answer = client.request("GET", name, headers={"Accept": FHIR_JSON})
        for probe in probes(parse(answer.body), result):
            result.tried[probe.key] += 1
            wanted[probe.key[0], probe.query].append(probe)
    result.valueless = {key: why for key, why in result.valueless.items() if key not in result.tried}
    with ThreadPoolExecutor(THREADS) as pool:
        for group, ids in zip(wanted.values(), pool.map(lambda key: _ask(client, *key), wanted), strict=True):
            for probe in group:
                if isinstance(ids, str):
                    result.failed[probe.key].append(f"{probe.id}: {probe.query}: {ids}")
                elif (probe.id in ids) is not probe.expected:
                    words = "did not find it" if probe.expected else "found it by a changed value"
                    result.failed[probe.key].append(f"{probe.id}: {probe.query}: {words}")
    for (resource_type, code), (id, _) in result.valueless.items():
        there, not_there = (_ask(client, resource_type, f"{code}:missing={missing}") for missing in ("false", "true"))
        if id in there and not isinstance(not_there, str) and id not in not_there:
            result.present.add((resource_type, code))
    return result


def report(result: Search, *, most: int = 3) -> None:
    """Prints every pair that failed, with its first reasons, and those without a value."""
    for key, reasons in sorted(result.failed.items()):
        known = EXCEPTIONS.get(key)
        print(f"  {key[0]}.{key[1]}: {len(reasons)} of {result.tried[key]} wrong{f' ({known})' if known else ''}")
        for reason in reasons[:most]:
            print(f"    {reason}")
    for key, (id, why) in sorted(result.valueless.items()):
        how = "found by presence" if key in result.present else "not found"
        print(f"  {key[0]}.{key[1]}: {how} ({id} has no value to search for: {why})")
