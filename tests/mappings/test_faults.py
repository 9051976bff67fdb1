"""What mappings say of a record at fault: element and reason, never the value, wherever in it the value stands."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mappings import case, r4
from mappings.tasy.site import Site
from mappings.tiss import elements, message
from tests.mappings.test_cases import CASES

SECRET = "MARIA DA CONCEICAO 52998224725"


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value that is no object and no array."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in inner:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def changed(path: Path) -> Iterator[tuple[Any, bytes]]:
    """The source with one value after another changed, and where."""
    if path.suffix == ".xml":
        yield from changed_elements(path.read_bytes())
        return
    source = r4.parse(path.read_bytes())
    for place in leaves(source):
        document = copy.deepcopy(source)
        at = document
        for name in place[:-1]:
            at = at[name]
        at[place[-1]] = SECRET
        yield place, r4.serialize(document)


def changed_elements(source: bytes) -> Iterator[tuple[str, bytes]]:
    """The same of a TISS message, whose hash is that of what was changed."""
    count = sum(1 for _ in elements.leaves(elements.parsed(source)))
    for number in range(count):
        root = elements.parsed(source)
        found = list(elements.leaves(root))
        found[-1].text = None
        found[number].text = SECRET
        if number < count - 1:
            found[-1].text = hashlib.md5(message.text_of(root).encode(message.ENCODING)).hexdigest()
        yield found[number].tag, ElementTree.tostring(root, message.ENCODING)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_value_is_told(path: Path) -> None:
    beside, told = case.beside(path), 0
    for place, source in changed(path):
        found = case.outcome(path.parent.name, source, beside, Site())
        told += bool(found.error or found.faults)
        assert not any(word in str((found.error, found.faults)) for word in ("MARIA", "52998224725")), place
    assert told
