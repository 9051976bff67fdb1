"""Writes a population as NDJSON files, one for each type, while it is made: nothing of it is kept in memory."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from simulators.tasy import care, catalogue, network, roster
from simulators.tasy.population import members
from simulators.tasy.providers import providers

Json = dict[str, Any]

B1 = ("Patient", "RelatedPerson", "Coverage")
B2 = ("Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService", "OrganizationAffiliation")
B3 = ("InsurancePlan",)
CARE = ("Condition", "Encounter", "Claim", "ClaimResponse")
TYPES = ("Organization", "Location", "Practitioner", "Patient", "RelatedPerson", "InsurancePlan", "Coverage",
         "PractitionerRole", "HealthcareService", "OrganizationAffiliation", *CARE)  # fmt: skip
"""In an order in which each refers to earlier ones. Tasy contract, section 10.3."""


def resources(
    size: int, seed: int, today: date, types: Collection[str] = TYPES, of: Iterable[Json] | None = None
) -> Iterator[Json]:
    """Resources of these types of a plan of so many members. of: its members, where they are not as they were made."""
    wanted = set(types)
    directory = list(providers(size, seed, today))
    if wanted.intersection(B2):
        for provider in directory:
            yield from (one for one in network.lines(provider) if one["resourceType"] in wanted)
    if "InsurancePlan" in wanted:
        yield from catalogue.lines(today)
    for member, holder in with_holders(members(size, seed, today) if of is None else of):
        if "Patient" in wanted:
            yield roster.patient(member)
        if "RelatedPerson" in wanted and (related := roster.related_person(member, holder)):
            yield related
        if "Coverage" in wanted:
            yield roster.coverage(member, holder)
        if wanted.intersection(CARE):
            yield from (one for one in care.lines(member, directory, seed, today) if one["resourceType"] in wanted)


def with_holders(members: Iterable[Json]) -> Iterator[tuple[Json, Json]]:
    """Each member with their holder, who comes first in a family."""
    holder: Json = {}
    for member in members:
        if member["segurado"]["nr_seq_titular"] is None:
            holder = member
        yield member, holder


def written(found: Iterable[Json], folder: Path, types: Collection[str], *, compressed: bool = False) -> dict[str, int]:
    """Writes resources into `Type.ndjson`, or `.ndjson.gz`; how many of each type. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = msgspec.json.Encoder()
    counts = dict.fromkeys(types, 0)
    with ExitStack() as stack:
        files = {one: stack.enter_context(_opened(folder / f"{one}.ndjson", compressed)) for one in types}
        line = bytearray()
        for resource in found:
            kind = resource["resourceType"]
            encoder.encode_into(resource, line)
            line += b"\n"
            files[kind].write(line)
            counts[kind] += 1
    return counts


def _opened(path: Path, compressed: bool) -> BinaryIO:
    if not compressed:
        return path.open("wb", 1 << 18)
    # Without the time in it: the same lines, the same file.
    return cast(BinaryIO, gzip.GzipFile(f"{path}.gz", "wb", 6, mtime=0))
