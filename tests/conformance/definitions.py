"""Compares the package data with HL7's R4 4.0.1 core package, element by element. https://hl7.org/fhir/R4/downloads.html

    python -m tests.conformance.definitions ../shared/data

Prints counts and every difference; exits 1 if there is one.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir_server import definitions
from fhir_server.definitions.conformance import all_search_parameters

Json = dict[str, Any]
Facts = dict[str, Any]
Official = dict[str, dict[str, Json]]

_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
_OWN_EXAMPLES = {"http://h7.org/fhir/OperationDefinition/example", "http://hl7.org/fhir/CompartmentDefinition/example"}
_SEARCH_FIELDS = (
    "url", "code", "type", "base", "expression", "xpathUsage", "target", "multipleOr", "multipleAnd", "comparator",
    "modifier", "chain",
)  # fmt: skip
_OPERATION_FIELDS = ("id", "url", "name", "code", "affectsState", "resource", "system", "type", "instance")
_PARAMETER_FIELDS = ("name", "use", "min", "max", "type", "searchType", "targetProfile")


def read_official(data: Path) -> Official:
    """Resource type -> URL -> resource."""
    found: Official = defaultdict(dict)
    with lzma.open(
        data / "fhir-r4" / "definitions" / "hl7.fhir.r4.core-4.0.1.ndjson.xz", "rt", encoding="utf-8"
    ) as lines:
        for line in lines:
            resource = json.loads(line)
            found[resource["resourceType"]][resource.get("url", resource.get("id"))] = resource
    return found


def official_structures(official: Official) -> Iterator[Json]:
    """The definitions of resource types and data types themselves, not of profiles or patterns."""
    for definition in official["StructureDefinition"].values():
        if definition.get("derivation") != "constraint" and definition["kind"] != "logical":
            yield definition


def official_elements(definition: Json) -> dict[str, Facts]:
    """Path -> facts, read straight from the snapshot."""
    found: dict[str, Facts] = {}
    for element in definition["snapshot"]["element"]:
        types = []
        for entry in element.get("type", ()):
            code = entry["code"].removeprefix("http://hl7.org/fhirpath/")
            for extension in entry.get("extension", ()):
                if extension["url"] == _PROFILE + "structuredefinition-fhir-type":
                    code = extension["valueUrl"]
            targets = [url.removeprefix(_PROFILE) for url in entry.get("targetProfile", ())]
            profiles = [url.removeprefix(_PROFILE) for url in entry.get("profile", ())]
            types.append((code, [] if targets == ["Resource"] else targets, profiles))
        if "contentReference" in element:
            types = [(element["contentReference"].removeprefix("#"), [], [])]
        binding = element.get("binding", {})
        found[element["path"]] = {
            "min": element["min"],
            "max": element["max"],
            "types": types,
            "binding": binding["valueSet"].partition("|")[0] if binding.get("strength") == "required" else None,
            "invariants": [
                (rule["key"], rule["severity"], rule["human"], rule["expression"])
                for rule in element.get("constraint", ())
            ],
            "summary": element.get("isSummary", False),
            "modifier": element.get("isModifier", False),
        }
    # What a type itself says of cardinality, types and flags says nothing about its use.
    root = found[definition["name"]]
    found[definition["name"]] = {"invariants": root["invariants"]}
    return found


def distilled_elements(name: str) -> dict[str, Facts]:
    """Path -> facts, as the server sees them."""
    found: dict[str, Facts] = {}

    def rules(constraints: tuple[definitions.Constraint, ...]) -> list[tuple[str, str, str, str]]:
        return [(rule.key, rule.severity, rule.human, rule.expression) for rule in constraints]

    def walk(structure: definitions.Structure) -> None:
        for element in structure.elements.values():
            types = [(kind.code, list(kind.targets), list(kind.profiles)) for kind in element.types]
            found[element.path] = {
                "min": element.min,
                "max": "*" if element.max is None else str(element.max),
                "types": [(element.base_type, [], [])] if element.base_type else types,
                "binding": element.value_set,
                "invariants": rules(element.constraints),
                "summary": element.summary,
                "modifier": element.modifier,
            }
            if element.base_type:
                walk(definitions.structure(element.types[0].code))

    top = definitions.structure(name)
    found[name] = {"invariants": rules(top.constraints)}
    walk(top)
    return found


class Report:
    """Counts what was compared and prints what differs."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.differences = 0

    def same(self, subject: str, where: str, expected: object, found: object) -> None:
        self.compared[subject] += 1
        if expected != found:
            self.differences += 1
            print(f"{where}: {subject}: official {expected!r}, distilled {found!r}")


def compare_structures(official: Official, report: Report) -> None:
    expected = {definition["name"]: definition for definition in official_structures(official)}
    report.same("type names", "all", sorted(expected), sorted(definitions.data_types()))
    rules: set[tuple[str, str, str]] = set()
    for name, definition in expected.items():
        structure = definitions.structure(name)
        base = definition.get("baseDefinition", "").rpartition("/")[2]
        report.same("types", name, (definition["kind"], definition["abstract"], base),
                    (structure.kind, structure.abstract, structure.base))  # fmt: skip
        theirs, ours = official_elements(definition), distilled_elements(name)
        report.same("element lists", name, list(theirs), list(ours))
        for path, facts in theirs.items():
            report.compared["elements"] += 1
            rules |= {(key, severity, expression) for key, severity, _, expression in facts["invariants"]}
            for fact, value in facts.items():
                report.same(f"element {fact}", path, value, ours.get(path, {}).get(fact))
    report.compared["distinct invariants"] = len(rules)
    ours_rules = {(rule.key, rule.severity, rule.expression) for rule in definitions.constraints()}
    report.same("invariant tables", "all", sorted(rules), sorted(ours_rules))


def official_codes(official: Official, url: str) -> dict[str, set[str] | None] | None:
    """Expansion of a plain value set."""

    def flat(rows: list[Json]) -> Iterator[str]:
        for row in rows:
            yield row["code"]
            yield from flat(row.get("concept", []))

    if url not in official["ValueSet"]:
        return None
    systems: dict[str, set[str] | None] = {}
    for include in official["ValueSet"][url]["compose"]["include"]:
        system = include["system"]
        if "concept" in include:
            codes = {row["code"] for row in include["concept"]}
        elif system in official["CodeSystem"]:
            codes = set(flat(official["CodeSystem"][system]["concept"]))
        else:
            systems[system] = None
            continue
        systems[system] = (systems.get(system) or set()) | codes
    return systems


def compare_value_sets(official: Official, report: Report) -> None:
    bound = {
        facts["binding"]
        for definition in official_structures(official)
        for facts in official_elements(definition).values()
        if facts.get("binding")
    }
    for url in sorted(bound):
        report.same("required value sets", url, official_codes(official, url), definitions.value_set(url))


def compare_search_parameters(official: Official, report: Report) -> None:
    ours = {row["url"]: row for row in all_search_parameters()}
    report.same("search parameter lists", "all", sorted(official["SearchParameter"]), sorted(ours))
    for url, row in official["SearchParameter"].items():
        facts: Json = {field: row[field] for field in _SEARCH_FIELDS if field in row}
        if "component" in row:
            facts["component"] = [{key: part[key] for key in ("definition", "expression")} for part in row["component"]]
        report.same("search parameters", url, facts, ours.get(url))


def compare_compartments(official: Official, report: Report) -> None:
    for url, row in official["CompartmentDefinition"].items():
        if url not in _OWN_EXAMPLES:
            members = {entry["code"]: entry["param"] for entry in row["resource"] if "param" in entry}
            report.same("compartments", row["code"], members, definitions.compartment(row["code"]))


def compare_operations(official: Official, report: Report) -> None:
    def parameter(row: Json) -> Json:
        facts: Json = {field: row[field] for field in _PARAMETER_FIELDS if field in row}
        if "part" in row:
            facts["part"] = [parameter(part) for part in row["part"]]
        return facts

    ours = {row["url"]: row for row in definitions.operations()}
    for url, row in official["OperationDefinition"].items():
        if url in _OWN_EXAMPLES:
            continue
        facts: Json = {field: row[field] for field in _OPERATION_FIELDS if field in row}
        facts["parameter"] = [parameter(part) for part in row.get("parameter", ())]
        report.same("operations", url, facts, ours.get(url))


def main(data: Path) -> int:
    """Number of differences."""
    official, report = read_official(data), Report()
    compare_structures(official, report)
    compare_value_sets(official, report)
    compare_search_parameters(official, report)
    compare_compartments(official, report)
    compare_operations(official, report)
    for subject, count in report.compared.items():
        print(f"{count:6} {subject}")
    print(f"definitions: {sum(report.compared.values())} comparisons, {report.differences} differences")
    return report.differences


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
