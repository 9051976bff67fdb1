"""The official cases of FHIRPath Patch and JSON Patch. https://github.com/FHIR/fhir-test-cases

    python -m tests.conformance.patch ../shared/data

Prints the failing cases, then counts. Exits 1 if one fails.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from fhir_server.outcome import FhirError
from fhir_server.patch import fhirpath_patch, json_patch
from mappings import r4
from tests.conformance import fhir_xml


def _result(apply: Any, document: Any, patch: Any) -> tuple[Any, str]:
    """(result, "") or (None, error)."""
    before = r4.serialize([document, patch])
    try:
        result = apply(document, patch)
    except FhirError as error:
        return None, str(error)
    if r4.serialize([document, patch]) != before:
        return None, "the input was changed"
    return result, ""


def json_patch_failures(cases: list[dict[str, Any]]) -> list[str]:
    """Name and reason of each failing JSON Patch case."""
    failures = []
    for case in cases:
        result, error = _result(json_patch.apply, case["doc"], case["patch"])
        if bool(error) is not ("error" in case) or (not error and result != case["expected"]):
            failures.append(f"JSON Patch {case['comment']}: {error or result}")
    return failures


def _only(case: Element, name: str) -> dict[str, Any] | None:
    found = case.find(name)
    return None if found is None or not len(found) else fhir_xml.resource(found[0])


def fhirpath_patch_failures(cases: list[Element]) -> list[str]:
    """Name and reason of each failing FHIRPath Patch case."""
    failures = []
    for case in cases:
        document, patch, expected = _only(case, "input"), _only(case, "diff"), _only(case, "output")
        result, error = _result(fhirpath_patch.apply, document, patch)
        if bool(error) is not (case.find("error") is not None) or (not error and result != expected):
            failures.append(f"FHIRPath Patch {case.get('name')}: {error or result} expected {expected}")
    return failures


def main(data: Path) -> int:
    """Exit code."""
    folder = data / "conformance" / "fhir-test-cases" / "patch"
    json_cases = r4.parse((folder / "json-patch-tests.json").read_bytes())
    fhirpath_cases = list(fhir_xml.parse((folder / "fhir-patch-tests.xml").read_bytes()).iter("case"))
    failures = [json_patch_failures(json_cases), fhirpath_patch_failures(fhirpath_cases)]
    print("\n".join(line for lines in failures for line in lines))
    counts = [
        f"{len(cases) - len(failed)} of {len(cases)} {name}"
        for cases, failed, name in zip(
            (fhirpath_cases, json_cases), reversed(failures), ("FHIRPath Patch", "JSON Patch"), strict=True
        )
    ]
    print(f"patch: {', '.join(counts)}")
    return 1 if any(failures) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
