"""A body comes back byte for byte, and what is stored of it says no value."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server import compression
from fhir_server.encryption import bodies, keys
from mappings.r4 import serialize
from tests.fhir_server.encryption.conftest import CNS, CPF, unpacked


def ring(systems: frozenset[str] = frozenset((CPF, CNS))) -> keys.Ring:
    return keys.Ring(systems, {1: b"1" * 32, 3: b"3" * 32}, {2: b"2" * 32}, systems, systems)


@pytest.fixture(autouse=True)
def in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_ring", ring())


VALUES = st.one_of(
    st.from_regex(r"[0-9]{11}", fullmatch=True),
    st.from_regex(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", fullmatch=True),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
    st.sampled_from(["1", "a", '"', "\\", "aaaaaa", "abcabc", "é", "\0", "1\0001", "value", "system", CPF]),
)
SYSTEMS = st.sampled_from([CPF, CNS, "http://example.org/others"])
IDENTIFIERS = st.builds(lambda system, value: {"system": system, "value": value}, SYSTEMS, VALUES)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """JSON in which identifiers stand, and their values elsewhere too."""
    identifiers = draw(st.lists(IDENTIFIERS, min_size=1, max_size=4))
    values = [one["value"] for one in identifiers]
    texts = st.one_of(
        st.text(st.characters(exclude_categories=("Cs",)), max_size=30), st.sampled_from(values),
        st.builds(lambda one, before, after: before + one * 2 + after, st.sampled_from(values), VALUES, VALUES),
        st.builds(lambda system, value: f"Patient?identifier={system}|{value}&_count=1", SYSTEMS, VALUES),
    )  # fmt: skip
    leaves = st.one_of(st.sampled_from(identifiers), texts, st.integers(-(10**12), 10**12), st.booleans(), st.none())
    inner = st.recursive(
        leaves, lambda some: st.lists(some, max_size=4) | st.dictionaries(texts, some, max_size=4), max_leaves=12
    )
    return {"resourceType": "Patient", "identifier": identifiers, "more": draw(inner)}


@settings(max_examples=100, deadline=None)
@given(documents())
def test_it_comes_back_byte_for_byte(document: Any) -> None:
    body = serialize(document)
    assert compression.decompress(compression.stored_form(body)) == body


@settings(max_examples=100, deadline=None)
@given(documents())
def test_no_value_is_left(document: Any) -> None:
    stored = compression.stored_form(serialize(document))
    rest = unpacked(stored)
    for one in document["identifier"]:
        if one["system"] in (CPF, CNS):
            assert serialize(one["value"]) not in rest
            if len(one["value"]) >= 6:
                assert serialize(one["value"])[1:-1] not in rest
                assert one["value"].encode() not in stored


def stored_patient(value: str = "52998224725", id: str = "1") -> bytes:
    return compression.stored_form(
        serialize({"resourceType": "Patient", "id": id, "identifier": [{"system": CPF, "value": value}]})
    )


def test_what_names_no_such_system_is_stored_as_ever() -> None:
    body = serialize({"resourceType": "Patient", "identifier": [{"system": "http://example.org", "value": "1"}]})
    assert compression.stored_form(body) == compression.compress(body)


def test_two_of_the_same_are_not_alike() -> None:
    assert stored_patient() != stored_patient()


@pytest.mark.parametrize("written", ["529.982.247-25", "529 982 247 25", "52998224725"])
def test_a_number_is_cut_out_however_it_is_written(written: str) -> None:
    for value in ("52998224725", "529.982.247-25"):
        body = serialize(
            {"resourceType": "Patient", "identifier": [{"system": CPF, "value": value}],
             "text": {"status": "generated", "div": f"<div>CPF {written}, 8 years</div>"}}
        )  # fmt: skip
        rest = unpacked(compression.stored_form(body))
        assert written.encode() not in rest
        assert b"8 years" in rest


@pytest.mark.parametrize(
    "criteria",
    [f"Patient?identifier={CPF}|52998224725&active=true",
     "Patient?identifier=" + CPF.replace(":", "%3A").replace("/", "%2F") + "%7C52998224725"],
)  # fmt: skip
def test_criteria_are_cut_out(criteria: str) -> None:
    rest = unpacked(compression.stored_form(serialize({"resourceType": "Subscription", "criteria": criteria})))
    assert b"Patient?identifier=" in rest
    assert b"52998224725" not in rest


def test_a_ciphertext_opens_in_its_own_body_alone() -> None:
    one, other = stored_patient(id="1"), stored_patient("11144477735", id="2")
    head, ciphertext, _ = bodies.parts(one)
    with pytest.raises(keys.CannotOpen):
        compression.decompress(head + ciphertext + bodies.parts(other)[2])


@pytest.mark.parametrize("place", [0, 4, 5, 20, 30, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    stored = bytearray(stored_patient())
    stored[place] ^= 1
    with pytest.raises((keys.CannotOpen, AssertionError)):
        assert b"52998224725" in compression.decompress(bytes(stored))


def test_without_its_key_it_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = stored_patient()
    monkeypatch.setattr(keys, "_ring", None)
    with pytest.raises(keys.CannotOpen):
        compression.decompress(stored)


def test_an_older_key_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = stored_patient()
    assert bodies.key_of(stored) == 3
    monkeypatch.setattr(keys, "_ring", keys.Ring(frozenset(), {3: b"3" * 32, 4: secrets.token_bytes(32)}, {},
                                                 frozenset(), frozenset()))  # fmt: skip
    assert b"52998224725" in compression.decompress(stored)


def test_masked_is_json_without_values() -> None:
    body = serialize({"identifier": [{"system": CPF, "value": "52998224725"}], "n": 52998224725, "s": "52998224725"})
    assert compression.masked(compression.stored_form(body)) == (
        b'{"identifier":[{"system":"' + CPF.encode() + b'","value":"1"}],"n":1,"s":"1"}'
    )
