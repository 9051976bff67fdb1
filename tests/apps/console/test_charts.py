"""Rates as drawings, and places of faults as pointers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.console.charts import HEIGHT, WIDTH, bars
from apps.console.pointers import pointer

SERIES = st.dictionaries(
    st.sampled_from(["received", "applied", "dead"]), st.lists(st.integers(0, 10**6), min_size=1, max_size=60)
)


@given(SERIES, st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_every_count_is_drawn_within_the_picture(series: dict[str, list[int]], title: str) -> None:
    drawn = ElementTree.fromstring(bars(series, title))
    shown = drawn.findall("rect")
    assert len(shown) == sum(count > 0 for counts in series.values() for count in counts)
    for one in shown:
        x, y, width, height = (float(one.get(name, "nan")) for name in ("x", "y", "width", "height"))
        assert x >= -0.1
        assert x + width <= WIDTH + 0.6
        assert y >= -0.1
        assert y + height <= HEIGHT + 0.1


def test_heights_are_on_one_scale() -> None:
    drawn = ElementTree.fromstring(bars({"received": [100], "dead": [50]}, "x"))
    high = [float(one.get("height", "nan")) for one in drawn.findall("rect")]
    assert high == [HEIGHT - 4, (HEIGHT - 4) / 2]


@pytest.mark.parametrize(
    ("element", "found"),
    [
        ("identifier[0].value", "/identifier/0/value"),
        ("Patient.identifier[1].value", "/identifier/1/value"),
        ("itens[1].ie_status", "/itens/1/ie_status"),
        ("birthDate", "/birthDate"),
        ("", ""),
        (None, ""),
        ("$", ""),
        ("a..b", ""),
        ("a.", ""),
    ],
)
def test_pointers(element: str | None, found: str) -> None:
    assert pointer(element) == found
