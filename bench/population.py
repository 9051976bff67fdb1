"""The people of synthea-617 as NDJSON for `hub import`, as often as wanted: each time other people, in other places.

They are born in other years and have other names and identifiers: a search for one of the first finds as many in a
record four times as large. Posted again as they are, everybody would be there, and be found, several times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from fhir_server.logical_ids import new_id
from mappings.r4 import parse, serialize

_REFERENCE = re.compile(rb"urn:uuid:[0-9a-f-]{36}")
_LETTER = re.compile("[A-Za-z]")


def written(bundles: Sequence[Path], target: Path, number: int) -> list[Path]:
    """The resources of transaction Bundles in a file for each type; number 0 are those of the data themselves."""
    target.mkdir()
    files: dict[str, BinaryIO] = {}
    try:
        for path in bundles:
            for resource in _resources(path.read_bytes()):
                name = resource["resourceType"]
                if name not in files:
                    files[name] = (target / f"{name}.ndjson").open("wb")
                if number:
                    _renamed(resource, number)
                files[name].write(serialize(resource) + b"\n")
    finally:
        for file in files.values():
            file.close()
    return sorted(target.iterdir())


def _resources(raw: bytes) -> Iterator[dict[str, Any]]:
    """The resources of a Bundle under new ids, referring to each other by them."""
    entries = orjson.loads(raw)["entry"]  # quickly: only names are read here
    named = {entry["fullUrl"].encode(): (entry["resource"]["resourceType"], new_id()) for entry in entries}
    texts = {url: "/".join(name).encode() for url, name in named.items()}
    for entry in parse(_REFERENCE.sub(lambda found: texts[found[0]], raw))["entry"]:
        resource = entry["resource"]
        kind, _, resource["id"] = entry["fullUrl"].partition("/")
        assert kind == resource["resourceType"]
        yield resource


def _renamed(resource: dict[str, Any], number: int) -> None:
    match resource["resourceType"]:
        case "Patient":
            year, rest = resource["birthDate"][:4], resource["birthDate"][4:].replace("-02-29", "-02-28")
            resource["birthDate"] = f"{int(year) - number}{rest}"
            for identifier in resource["identifier"]:
                identifier["value"] += f"-{number}"
            _persons(resource, number)
        case "Practitioner":
            _persons(resource, number)
        case "Organization":
            resource["name"] = _other(resource["name"], number)


def _persons(resource: dict[str, Any], number: int) -> None:
    for name in resource["name"]:
        name["family"] = _other(name["family"], number)
        name["given"] = [_other(given, number) for given in name["given"]]


def _other(name: str, number: int) -> str:
    """As long, as frequent, and another: each letter is some letters further in the alphabet."""

    def further(found: re.Match[str]) -> str:
        start = ord("a") if found[0].islower() else ord("A")
        return chr(start + (ord(found[0]) - start + 7 * number) % 26)

    return _LETTER.sub(further, name)
