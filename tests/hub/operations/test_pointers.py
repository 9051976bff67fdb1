"""Values in the place of others."""

from __future__ import annotations

from typing import Any

import pytest

from hub.operations.pointers import NoSuchPlace, replaced

BODY = {"identifier": [{"value": "1"}, {"value": "2"}], "a/b": 1, "m~n": {}}


@pytest.mark.parametrize(
    ("pointer", "value", "found"),
    [
        ("/identifier/1/value", "x", BODY | {"identifier": [{"value": "1"}, {"value": "x"}]}),
        ("/a~1b", 2, BODY | {"a/b": 2}),
        ("/m~0n/new", True, BODY | {"m~n": {"new": True}}),
        ("", [], []),
    ],
)
def test_replaced(pointer: str, value: Any, found: Any) -> None:
    before = repr(BODY)
    assert replaced(BODY, [(pointer, value)]) == found
    assert repr(BODY) == before


@pytest.mark.parametrize(
    "pointer", ["identifier", "/identifier/2/value", "/identifier/-", "/x/y", "/a~1b/c", "/identifier/²"]
)
def test_nowhere(pointer: str) -> None:
    with pytest.raises(NoSuchPlace):
        replaced(BODY, [(pointer, 1)])
