"""JSON Patch: tables of what it does and refuses; hypothesis for what always holds."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.outcome import FhirError, Invalid, Unprocessable
from fhir_server.patch.json_patch import apply

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [{"family": "Silva"}, {"family": "Souza", "given": ["Ana"]}],
    "extension": [{"url": "a/b~c", "valueDecimal": Decimal("1.10")}],
}


def op(kind: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **more}


def after(*operations: dict[str, Any]) -> dict[str, Any]:
    return apply(PATIENT, list(operations))


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (op("add", "/gender", value="female"), {"gender": "female"}),
    (op("add", "/active", value=False), {"active": False}),
    (op("add", "/name/0", value={"text": "A"}), {"name": [{"text": "A"}, *PATIENT["name"]]}),
    (op("add", "/name/-", value={"text": "A"}), {"name": [*PATIENT["name"], {"text": "A"}]}),
    (op("add", "/name/2", value={"text": "A"}), {"name": [*PATIENT["name"], {"text": "A"}]}),
    (op("remove", "/name/0"), {"name": PATIENT["name"][1:]}),
    (op("replace", "/name/0/family", value="Lima"), {"name": [{"family": "Lima"}, PATIENT["name"][1]]}),
    (op("move", "/name/0", **{"from": "/name/1"}), {"name": PATIENT["name"][::-1]}),
    (op("move", "/name/0", **{"from": "/name/0"}), {}),
    (op("copy", "/name/-", **{"from": "/name/0"}), {"name": [*PATIENT["name"], PATIENT["name"][0]]}),
    (op("test", "/extension/0/valueDecimal", value=Decimal("1.1")), {}),
    (op("test", "/extension/0", value={"valueDecimal": Decimal("1.1"), "url": "a/b~c"}), {}),
    (op("test", "/name/0/family", value="Silva", unknown="ignored"), {}),
    (op("replace", "", value={"resourceType": "Patient", "id": "p"}), {"active": ..., "name": ..., "extension": ...}),
]


@pytest.mark.parametrize(("operation", "changes"), CHANGES)
def test_changes(operation: dict[str, Any], changes: dict[str, Any]) -> None:
    expected = {key: value for key, value in {**PATIENT, **changes}.items() if value is not ...}
    assert after(operation) == expected


REFUSED: list[tuple[Any, type[FhirError], str]] = [
    ({"op": "add"}, Invalid, "array"),
    (None, Invalid, "array"),
    (["x"], Invalid, "operation 0: an operation must be an object"),
    ([{"path": "/a"}], Invalid, "'op' must be one of"),
    ([{"op": ["add"], "path": "/a"}], Invalid, "'op' must be one of"),
    ([{"op": "merge", "path": "/a"}], Invalid, "'op' must be one of"),
    ([{"op": "remove"}], Invalid, "operation 0: 'path' is missing"),
    ([op("remove", "active")], Invalid, "(remove active): a path must be empty or start"),
    ([op("remove", "/a~2")], Invalid, "'~' in a path"),
    ([{"op": "remove", "path": 1}], Invalid, "must be a string"),
    ([op("add", "/gender")], Invalid, "'value' is missing"),
    ([op("replace", "/active")], Invalid, "'value' is missing"),
    ([op("test", "/active")], Invalid, "'value' is missing"),
    ([op("move", "/a")], Invalid, "'from' is missing"),
    ([op("remove", "/gender")], Unprocessable, "operation 0 (remove /gender): there is no 'gender'"),
    ([op("remove", "/active"), op("remove", "/active")], Unprocessable, "operation 1"),
    ([op("replace", "/gender", value="male")], Unprocessable, "there is no 'gender'"),
    ([op("add", "/contact/name", value={})], Unprocessable, "there is no 'contact'"),
    ([op("add", "/name/3", value={})], Unprocessable, "there is no element 3"),
    ([op("add", "/name/01", value={})], Unprocessable, "no index"),
    ([op("remove", "/name/-")], Unprocessable, "no index"),
    ([op("add", "/active/x", value=1)], Unprocessable, "neither object nor array"),
    ([op("remove", "/active/x")], Unprocessable, "neither object nor array"),
    ([op("move", "/name/0/given", **{"from": "/name"})], Unprocessable, "into itself"),
    ([op("test", "/active", value=1)], Unprocessable, "tested for"),
    ([op("test", "/name/0/family", value="Lima")], Unprocessable, "tested for"),
    ([op("remove", "")], Unprocessable, "whole resource"),
    ([op("replace", "", value=[])], Unprocessable, "cannot be changed"),
    ([op("replace", "/id", value="q")], Unprocessable, "'id' of a resource"),
    ([op("remove", "/resourceType")], Unprocessable, "'resourceType' of a resource"),
    ([op("move", "/text", **{"from": "/id"})], Unprocessable, "'id' of a resource"),
    ([op("copy", f"/name/0/{n}", **{"from": ""}) for n in range(40)], Unprocessable, "too large"),
    ([op("copy", "/name/0/a", **{"from": ""})] * 2_000, Unprocessable, "nested too deep"),
    ([op("test", "/active", value=True)] * 10_001, Invalid, "more than"),
]


@pytest.mark.parametrize(("patch", "error", "reason"), REFUSED)
def test_refused(patch: Any, error: type[FhirError], reason: str) -> None:
    with pytest.raises(error) as caught:
        apply(PATIENT, patch)
    assert type(caught.value) is error
    assert reason in str(caught.value)
    assert "Silva" not in str(caught.value)


def test_a_list_that_is_emptied_goes() -> None:
    assert "name" not in after(op("remove", "/name/0"), op("remove", "/name/0"))
    refilled = after(op("remove", "/name/0"), op("remove", "/name/0"), op("add", "/name/-", value={"text": "A"}))
    assert refilled["name"] == [{"text": "A"}]


def test_copies_are_independent() -> None:
    value = {"given": ["A"]}
    result = after(
        op("add", "/name/-", value=value),
        op("copy", "/name/-", **{"from": "/name/2"}),
        op("add", "/name/2/given/-", value="B"),
    )
    assert result["name"][2:] == [{"given": ["A", "B"]}, {"given": ["A"]}]
    assert value == {"given": ["A"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text("ab/~", max_size=2), JSON, max_size=4)
POINTERS = st.lists(st.sampled_from(["a", "b", "ab", "0", "1", "-", "~0", "~1", ""]), max_size=3).map(
    lambda tokens: "".join(f"/{token}" for token in tokens)
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
    optional={"value": JSON, "from": POINTERS},
)


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.lists(OPERATIONS, max_size=5))
def test_input_never_changes_and_only_fhir_errors_arise(document: dict[str, Any], patch: list[Any]) -> None:
    before = copy.deepcopy((document, patch))
    try:
        result = apply(document, patch)
    except FhirError:
        result = {}
    assert (document, patch) == before
    assert isinstance(result, dict)


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.text("ab/~", max_size=3), JSON)
def test_what_was_added_is_there_and_goes_again(document: dict[str, Any], key: str, value: Any) -> None:
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    there = apply(document, [op("add", path, value=value), op("test", path, value=value)])
    assert there == {**document, key: value}
    gone = apply(document, [op("add", path, value=value), op("remove", path)])
    assert gone == {name: member for name, member in document.items() if name != key}
