"""What mappings say of a record at fault: element and reason, never the value, wherever in it the value stands."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from mappings import case, r4
from mappings.tasy.site import Site
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


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_value_is_told(path: Any) -> None:
    source, beside = r4.parse(path.read_bytes()), case.beside(path)
    told = 0
    for place in leaves(source):
        changed = copy.deepcopy(source)
        at = changed
        for name in place[:-1]:
            at = at[name]
        at[place[-1]] = SECRET
        found = case.outcome(path.parent.name, r4.serialize(changed), beside, Site())
        told += bool(found.error or found.faults)
        assert not any(word in str((found.error, found.faults)) for word in ("MARIA", "52998224725")), place
    assert told
