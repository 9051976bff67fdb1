"""Two exports held against each other, resource by resource: for journeys and for `bench/roundtrip.py`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mappings.r4 import parse, serialize

SET_BY_EACH_STORE = ("versionId", "lastUpdated")


def plain(body: bytes) -> bytes:
    """A resource byte for byte, without what every store sets itself: digits and order of members stay."""
    resource = parse(body)
    for name in SET_BY_EACH_STORE:
        resource["meta"].pop(name)
    if not resource["meta"]:
        del resource["meta"]
    return serialize(resource)


@dataclass
class Comparison:
    """What two records have in common."""

    equal: Counter[str] = field(default_factory=Counter)
    """By type."""
    different: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """In the second."""
    more: list[str] = field(default_factory=list)
    """In the second only."""

    @property
    def same(self) -> bool:
        """Whether they hold the same."""
        return not (self.different or self.missing or self.more)

    def __str__(self) -> str:
        return (
            f"{self.equal.total():,} resources of {len(self.equal)} types equal, {len(self.different):,} different,"
            f" {len(self.missing):,} missing, {len(self.more):,} more"
        )


def digests(lines: Iterable[bytes]) -> dict[str, bytes]:
    """Type/id -> hash of the resource. Raises AssertionError for one that is there twice."""
    found: dict[str, bytes] = {}
    for line in lines:
        body = plain(line)
        resource = json.loads(body)
        name = f"{resource['resourceType']}/{resource['id']}"
        assert name not in found, "a resource is there twice"
        found[name] = hashlib.blake2b(body, digest_size=16).digest()
    return found


def compared(one: Iterable[bytes], other: Iterable[bytes]) -> Comparison:
    """Two exports, as lines."""
    before, after, found = digests(one), digests(other), Comparison()
    for name, digest in before.items():
        if name not in after:
            found.missing.append(name)
        elif after.pop(name) == digest:
            found.equal[name.partition("/")[0]] += 1
        else:
            found.different.append(name)
    found.more += [name for name in after if name not in before]
    return found


def exported(folder: Path) -> Iterator[bytes]:
    """Lines of all files of `hub export`, as its manifest lists them. Raises AssertionError where a file has others."""
    for item in json.loads((folder / "manifest.json").read_text())["output"]:
        count = 0
        with (folder / item["url"]).open("rb") as file:
            for line in file:
                count += 1
                yield line
        assert count == item["count"], item
