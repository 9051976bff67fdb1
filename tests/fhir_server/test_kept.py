"""What clients make up, and the hub does not know, is kept nowhere: memory is not theirs to fill."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.definitions import value_set
from fhir_server.fhirpath.types import find
from fhir_server.labels.codes import label_of
from fhir_server.operations import SYSTEM, operation_at


class Text(str):
    """A text of which is known whether it is still there."""


@pytest.mark.parametrize(
    "look_up",
    [lambda text: operation_at(text, SYSTEM, None), value_set, find],
    ids=["the operation of a URL", "a value set", "a type in a FHIRPath expression"],
)
def test_unknown_names_are_not_kept(look_up: Callable[[str], Any]) -> None:
    name = Text("made-up")
    reference = weakref.ref(name)
    assert look_up(name) is None
    del name
    assert reference() is None


def test_only_so_many_codes_are_kept() -> None:
    first = Text("made-up")
    reference = weakref.ref(first)
    label_of("http://loinc.org", first)
    del first
    for number in range(20_000):
        label_of("http://loinc.org", f"made-up-{number}")
    assert reference() is None
