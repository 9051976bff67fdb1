"""Parser: precedence as a table; and no text whatever makes it fail in any other way than FhirPathError."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.fhirpath import FhirPathError, compile_expression
from fhir_server.fhirpath.checker import check_expression
from fhir_server.fhirpath.functions import FUNCTIONS
from fhir_server.fhirpath.parser import parse

SAME = [
    ("1 + 2 * 3", "1 + (2 * 3)"),
    ("1 - 2 - 3", "(1 - 2) - 3"),
    ("-a.b", "-(a.b)"),
    ("-1 + 2", "(-1) + 2"),
    ("a or b and c", "a or (b and c)"),
    ("a implies b or c", "a implies (b or c)"),
    ("a and b = c", "a and (b = c)"),
    ("a = b in c", "(a = b) in c"),
    ("a | b = c", "(a | b) = c"),
    ("1 < 2 | 3", "1 < (2 | 3)"),
    ("'#' + id in a", "('#' + id) in a"),
    ("a is Patient | b", "(a is Patient) | b"),
    ("a & b is String", "(a & b) is String"),
    ("a // to the end\n + b", "a + b"),
    ("a /* inside */ + b", "a + b"),
    ("a.contains.is.as", "a.`contains`.`is`.`as`"),
]


def shape(tree: Any) -> Any:
    """The tree without positions."""
    if hasattr(tree, "__dataclass_fields__"):
        fields = [shape(getattr(tree, name)) for name in tree.__dataclass_fields__ if name != "position"]
        return (type(tree).__name__, *fields)
    return tuple(shape(part) for part in tree) if isinstance(tree, tuple) else tree


@pytest.mark.parametrize(("text", "explicit"), SAME)
def test_precedence(text: str, explicit: str) -> None:
    assert shape(parse(text)) == shape(parse(explicit))


def test_escapes() -> None:
    assert shape(parse(r"'\\\/\f\r\n\t\"\`\'\u00e3'"))[1] == "\\/\f\r\n\t\"`'ã"
    assert shape(parse(r"'\ud83d\ude00'"))[1] == "\U0001f600"


WORDS = ["name", "given", "'a'", "'", "`", "1", "1.5", "(", ")", ".", ",", "[", "]", "{", "}", "+", "-", "*", "/", "|"]
WORDS += [
    "=",
    "!=",
    "~",
    "<",
    ">=",
    "and",
    "or",
    "is",
    "as",
    "in",
    "contains",
    "div",
    "days",
    "5 days",
    "$this",
    "%ucum",
]
WORDS += ["@2020-01-01", "@T10", "@2020T", "true", "Patient", "string", "//", "/*", "\\", "é", *FUNCTIONS]

PATIENT = {"resourceType": "Patient", "name": [{"given": ["A", "B"], "use": "usual"}], "birthDate": "2000-01-01"}


def survives(text: str) -> None:
    with suppress(FhirPathError):
        expression = compile_expression(text)
        expression.nodes(PATIENT)
        expression.holds(PATIENT)
        check_expression(expression, "Patient")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    survives(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join))
def test_any_sequence_of_words(text: str) -> None:
    survives(text)


ATOMS = st.sampled_from(
    ["1", "0", "-1", "2.5", "'a'", "''", "{}", "true", "name", "name.given", "birthDate", "$this", "(1 | 2 | 3)", "1e",
     "@2020-01-31", "@2020-02-29T10:00:00Z", "@T10:30", "4 'mg'", "2 days", "1 year", "%resource", "@9999-12-31"]
)  # fmt: skip
OPERATORS = st.sampled_from(
    [
        "+",
        "-",
        "*",
        "/",
        "div",
        "mod",
        "&",
        "|",
        "=",
        "!=",
        "~",
        "<",
        ">=",
        "and",
        "or",
        "xor",
        "implies",
        "in",
        "contains",
    ]
)


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.builds(lambda a, operator, b: f"({a} {operator} {b})", inner, OPERATORS, inner)
    names = sorted(name for name in FUNCTIONS if name not in ("is", "as", "ofType"))

    def call(source: str, name: str, arguments: list[str]) -> str:
        function = FUNCTIONS[name]
        return f"({source}).{name}({', '.join(arguments[: max(function.least, min(function.most, 2))])})"

    functions = st.builds(call, inner, st.sampled_from(names), st.lists(inner, min_size=2, max_size=2))
    return binary | functions


@settings(max_examples=150, deadline=None)
@given(st.recursive(ATOMS, _calls, max_leaves=8))
def test_any_well_formed_expression(text: str) -> None:
    survives(text)
