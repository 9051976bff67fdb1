"""Code tables: all of them can be read, and nothing is guessed."""

from __future__ import annotations

from importlib import resources

import pytest

from mappings.errors import MappingError
from mappings.terminology import table

NAMES = sorted(
    one.name.removesuffix(".csv")
    for one in resources.files("mappings").joinpath("tables").iterdir()
    if one.name.endswith(".csv")
)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_can_be_read(name: str) -> None:
    one = table(name)
    assert one.version
    assert one.forward
    for code, to in one.forward.items():
        assert one.to(one.back(to, "x"), "x") == to
        assert code in one.displays


@pytest.mark.parametrize("name", NAMES)
def test_a_code_in_no_row(name: str) -> None:
    with pytest.raises(MappingError, match=rf"^ie_sexo: code in no row of the table {name} ") as failed:
        table(name).to("nothing like it", "ie_sexo")
    assert "nothing like it" not in str(failed.value)
    with pytest.raises(MappingError):
        table(name).back("nothing like it", "gender")


@pytest.mark.parametrize(
    ("name", "code", "to"),
    [
        ("sex", "M", "male"),
        ("sex", "I", "unknown"),
        ("priority", "U", "stat"),
        ("uf", "SP", "35"),
        ("council", "06", "crm"),
        ("kinship", "6", "child"),
        ("request-status", "7", "partial"),
        ("item-status", "M", "denied"),
        ("protocol-status", "6", "complete"),
    ],
)
def test_rows(name: str, code: str, to: str) -> None:
    assert table(name).to(code, "x") == to


def test_read_backwards_by_the_first_row() -> None:
    assert table("kinship").back("child", "x") == "4"
    assert table("guide-type").back("professional", "x") == "SADT"
