"""What overtakes all other messages where it arrives."""

from __future__ import annotations

import pytest

from care_services.chat.alarm import alarming
from care_services.triage.rule_set import rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("minha mãe acordou com a boca torta", True),
        ("SOCORRO!!", True),
        ("192", True),
        ("Rosto ou fala alterados", True),  # a row of the safety screen, tapped
        ("não consigo respirar", True),
        ("Nenhum destes", False),
        ("Tenho um sintoma", False),
        ("quero a segunda via do boleto", False),
        ("não tenho dor no peito", False),
        ("o protocolo é 192837", False),
        ("", False),
    ],
)
def test_alarming(text: str, expected: bool) -> None:
    assert alarming(text, rules()) is expected
