"""Words, texts and queries as tables; what a query means, against PostgreSQL, over random texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from fhir_server.full_text.asked import MAX_DEPTH, asked
from fhir_server.full_text.texts import content, narrative
from fhir_server.full_text.words import LONGEST, document, words
from fhir_server.outcome import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Heart rate", "heart rate"),
        ("Frequência CARDÍACA, às 8h", "frequencia cardiaca as 8h"),
        ("Straße İstanbul ﬁne", "strasse istanbul fine"),
        ("E11.9 / O'Brien_x", "e11 9 o brien x"),
        ("a" * 99, "a" * LONGEST),
        ("-- !? \x00", ""),
        ("心拍数 пульс", "心拍数 пульс"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


def test_document() -> None:
    assert document(7, ["Heart rate", "", "heart"]) == "#7 heart:1,5 rate:2"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("bone", "('#7') & ('bone')"),
        ("Bone liver", "('#7') & ('bone' & 'liver')"),
        ("(bone OR liver) and metastases", "('#7') & ((('bone' | 'liver')) & 'metastases')"),
        ("bone or liver lung", "('#7') & (('bone' | 'liver' & 'lung'))"),
        ('"heart rate" -fast', "('#7') & (('heart' <-> 'rate') & !'fast')"),
        ('not (a or "b")', "('#7') & (!(('a' | 'b')))"),
        ("E11.9", "('#7') & (('e11' <-> '9'))"),
        ("diab*", "('#7') & ('diab':*)"),
        ("type-2 diab*", "('#7') & (('type' <-> '2') & 'diab':*)"),
        ('"open', "('#7') & ('open')"),
        ("diabético", "('#7') & ('diabetico')"),
    ],
)
def test_queries(text: str, query: str) -> None:
    assert asked(text, [7], "_content") == query


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a word is missing"),
        ("a or", "a word is missing"),
        ("and b", "a word is missing before AND"),
        ("(a", "not closed"),
        ("a)", "was not opened"),
        ("()", "a word is missing before"),
        ("!?", "no letter or digit"),
        ('""', "no letter or digit"),
        (" ".join("a" * 101), "at most 100 words"),
        ("(" * (MAX_DEPTH + 2) + "a", "nested too deep"),
        ("-" * 1000 + "a", "nested too deep"),
    ],
)
def test_what_cannot_be_asked(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        asked(text, [7], "_content")


RESOURCE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "secret",
    "meta": {"profile": ["http://profile"], "lastUpdated": "2024-01-01T00:00:00Z"},
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><!-- <b>x</b> --><p class="y">Pul<b>se</b></p>'
        "<p>A &amp; B</p></div>",
    },
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "Pulse"},
    "effectiveDateTime": "2024-01-01",
    "valueString": "fast",
    "subject": {"reference": "Patient/1", "display": "Ana"},
    "contained": [{"resourceType": "Patient", "name": [{"given": ["Rui", "Sá"]}]}],
    "note": [{"text": "seen"}],
    "valueInteger": 5,
}


def test_texts() -> None:
    assert narrative(RESOURCE).split() == ["Pulse", "A", "&", "B"]
    found = list(content(RESOURCE))
    assert found[:-1] == ["generated", "8867-4", "Heart rate", "Pulse", "fast", "Ana", "Rui", "Sá", "seen"]
    assert found[-1] == narrative(RESOURCE)
    assert narrative({"resourceType": "Patient"}) == ""


Tree = Any
_words = st.sampled_from(["a", "b", "c", "ab", "É", "x-1"])
_texts = st.lists(st.lists(_words, max_size=6).map(" ".join), min_size=1, max_size=4)


def _larger(smaller: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(smaller, min_size=2, max_size=3)
    return st.tuples(st.sampled_from(["and", "or"]), several) | st.tuples(st.just("not"), smaller)


_trees = st.recursive(
    st.one_of(
        st.tuples(st.just("phrase"), st.lists(_words, min_size=1, max_size=3)),
        st.tuples(st.just("begins"), st.sampled_from(["a", "e", "x"])),
    ),
    _larger,
    max_leaves=6,
)


def written(tree: Tree) -> str:
    kind, value = tree
    match kind:
        case "phrase":
            return f'"{" ".join(value)}"'
        case "begins":
            return f"{value}*"
        case "not":
            return f"NOT {written(value)}"
    return "(" + (" OR " if kind == "or" else " ").join(map(written, value)) + ")"


def holds(tree: Tree, texts: list[list[str]]) -> bool:
    """What the query means, word by word."""
    kind, value = tree
    match kind:
        case "phrase":
            phrase = plain(" ".join(value))
            starts = ((text, start) for text in texts for start in range(len(text)))
            return any(text[start : start + len(phrase)] == phrase for text, start in starts)
        case "begins":
            return any(word.startswith(value) for text in texts for word in text)
        case "not":
            return not holds(value, texts)
    return (any if kind == "or" else all)(holds(one, texts) for one in value)


def plain(text: str) -> list[str]:
    return text.lower().replace("é", "e").replace("-", " ").split()


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(module_database, autocommit=True) as connection:
        yield connection


def test_a_query_finds_what_it_says(connection: Connection[Any]) -> None:
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(_texts, _trees)
    def agrees(texts: list[str], tree: Tree) -> None:
        literal, query = document(7, texts), asked(written(tree), [7], "_content")
        row = connection.execute("select %s::tsvector @@ %s::tsquery", [literal, query]).fetchone()
        assert row == (holds(tree, [plain(text) for text in texts]),)

    agrees()


def test_the_largest_document_fits(connection: Connection[Any]) -> None:
    several = (" ".join(f"{start}{number}" for number in range(50_000)) for start in ("w", "é" * 60))
    for text in (*several, "a " * 50_000):
        literal = document(7, [text])
        assert connection.execute("select length(%s::tsvector)", [literal]).fetchone() is not None
