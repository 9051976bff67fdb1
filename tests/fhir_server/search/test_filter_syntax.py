from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import Invalid
from fhir_server.search.filter_syntax import OPERATORS, Comparison, Filter, Logical, Not, Step, parsed


def shown(filter: Filter) -> str:
    """The tree with all parentheses written out, without positions."""
    match filter:
        case Comparison():
            return f"{path(filter.path)} {filter.operator} {json.dumps(filter.value)}"
        case Not():
            return f"not({shown(filter.filter)})"
        case Logical():
            return f" {filter.operator} ".join(f"({shown(part)})" for part in filter.parts)


def path(steps: tuple[Step, ...]) -> str:
    return ".".join(
        step.name + (f":{step.type}" if step.type else "") + (f"[{shown(step.within)}]" if step.within else "")
        for step in steps
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('name co "pet"', 'name co "pet"'),
        ('  name   co"pet" ', 'name co "pet"'),
        ("birthdate ge 2014-10-10", 'birthdate ge "2014-10-10"'),
        ("code eq http://loinc.org|1234-5", 'code eq "http://loinc.org|1234-5"'),
        ('a eq "x)] \\" \\u00e9"', 'a eq "x)] \\" \\u00e9"'),
        ("a eq 1 and b eq 2", '(a eq "1") and (b eq "2")'),
        ("a eq 1 and b eq 2 and c eq 3", '(a eq "1") and (b eq "2") and (c eq "3")'),
        ("a eq 1 or b eq 2 and c eq 3", '((a eq "1") or (b eq "2")) and (c eq "3")'),
        ("a eq 1 and b eq 2 or c eq 3", '((a eq "1") and (b eq "2")) or (c eq "3")'),
        ("a eq 1 or (b eq 2 and c eq 3)", '(a eq "1") or ((b eq "2") and (c eq "3"))'),
        ("(a eq 1) and (b eq 2 and c eq 3)", '(a eq "1") and ((b eq "2") and (c eq "3"))'),
        ("not(a eq 1)", 'not(a eq "1")'),
        ("not (a eq 1 or b eq 2) and c pr true", '(not((a eq "1") or (b eq "2"))) and (c pr "true")'),
        ("not a eq 1 and c pr true", '(not(a eq "1")) and (c pr "true")'),
        ("not not(a eq 1)", 'not(not(a eq "1"))'),
        ("((a eq 1))", 'a eq "1"'),
        ("(a eq and)", 'a eq "and"'),
        ("order eq or", 'order eq "or"'),
        ('subject.name co "pet"', 'subject.name co "pet"'),
        ("subject:Patient.name eq x", 'subject:Patient.name eq "x"'),
        ("related[type eq has-component].target pr true", 'related[type eq "has-component"].target pr "true"'),
        ("r[ a eq 1 or b eq 2 ].t[c eq 3].d re X/1", 'r[(a eq "1") or (b eq "2")].t[c eq "3"].d re "X/1"'),
    ],
)
def test_a_filter_is_read_from_the_left(text: str, tree: str) -> None:
    assert shown(parsed(text)) == tree


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "name of a search parameter"),
        ("   ", 4, "name of a search parameter"),
        ("name", 5, "operator is expected"),
        ("name is x", 6, "operator is expected"),
        ("name eq", 8, "value is expected"),
        ("name eq )", 9, "value is expected"),
        ('name eq "x', 9, "not closed"),
        ('name eq "\\q"', 9, "not closed"),
        ('name eq "\\u0000"', 9, "no text has"),
        ('name eq "\\ud800"', 9, "no text has"),
        ("name eq x y", 11, "'and', 'or' or the end"),
        ("name eq x and", 14, "name of a search parameter"),
        ("(name eq x", 11, "'\\)', 'and' or 'or'"),
        ("name eq x)", 10, "'and', 'or' or the end"),
        ("a[b eq c", 9, "'\\]', 'and' or 'or'"),
        ("a[b eq c] eq x", 10, "'.' and what is tested"),
        ("a[b eq c].", 11, "name of a search parameter"),
        ("a..b eq x", 3, "name of a search parameter"),
        ("a: eq x", 3, "resource type is expected"),
        ("a eq x or or b eq x", 14, "operator is expected"),
        ("not", 4, "name of a search parameter"),
        ("(" * 21 + "a eq b" + ")" * 21, 22, "nested at most 20"),
        (" and ".join(["a eq b"] * 101), 1103, "at most 100 tests"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(Invalid, match=f"^_filter, character {position}: .*{words}"):
        parsed(text)


_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(lambda name: name != "not")
_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def _steps(within: st.SearchStrategy[Filter]) -> st.SearchStrategy[Step]:
    return st.builds(Step, _names, st.none() | st.just("Patient"), st.none() | within, st.just(0))


def _tests(within: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    plain = st.builds(Step, _names, st.none(), st.none(), st.just(0))
    paths = st.tuples(plain) | st.tuples(_steps(within), plain) | st.tuples(_steps(within), _steps(within), plain)
    return st.builds(Comparison, paths, st.sampled_from(sorted(OPERATORS)), _values, st.just(0), st.just(0))


def _larger(smaller: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(smaller, min_size=2, max_size=3).map(tuple)
    return st.builds(Logical, st.sampled_from(["and", "or"]), parts) | st.builds(Not, smaller) | _tests(smaller)


filters: st.SearchStrategy[Filter] = st.recursive(_tests(st.nothing()), _larger, max_leaves=8)


def flat(filter: Filter) -> Filter:
    """The same with what stands on the left of its like put into it: `(a and b) and c` is `a and b and c`."""
    match filter:
        case Logical():
            first, *rest = (flat(part) for part in filter.parts)
            if isinstance(first, Logical) and first.operator == filter.operator:
                return Logical(filter.operator, (*first.parts, *rest))
            return Logical(filter.operator, (first, *rest))
        case Not():
            return Not(flat(filter.filter))
        case Comparison():
            steps = [Step(s.name, s.type, s.within and flat(s.within), 0) for s in filter.path]
            return Comparison(tuple(steps), filter.operator, filter.value, 0, 0)


@given(filters)
def test_what_is_written_is_read_again(filter: Filter) -> None:
    assert shown(parsed(shown(filter))) == shown(flat(filter))


@given(
    st.text('ab:.[]()"\\ ')
    | st.lists(st.sampled_from(["a", "eq", "and", "or", "not", "(", ")", "[", "]", ".", '"x"'])).map(" ".join)
)
def test_any_text_is_a_filter_or_told_to_be_none(text: str) -> None:
    try:
        tree = parsed(text)
    except Invalid as error:
        found = re.match(r"_filter, character (\d+): ", str(error))
        assert found is not None
        assert 1 <= int(found[1]) <= len(text) + 1
    else:
        assert shown(parsed(shown(tree))) == shown(tree)
