"""Which passwords may be chosen, and that looking for nobody's takes as long as for somebody's."""

from __future__ import annotations

import pytest

from smart_auth import passwords
from smart_auth.passwords import hashed, unusable, verified


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "short"),
        ("k9#Lm2$vQz!", "short"),
        ("x" * 201, "long"),
        ("password1234", "common"),
        ("123456789012", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("qwertyuiop12", "common"),
        ("senhasenha12", "common"),
        ("Brasil123456", "common"),
        ("ana.souza1234", "common"),
        ("meu cachorro late muito", None),
        ("k9#Lm2$vQz!7", None),
        ("paçoca-girassol-trem", None),
    ],
)
def test_choice(password: str, reason: str | None) -> None:
    assert unusable(password, ("ana.souza", "Ana Souza")) == reason


def test_kept() -> None:
    kept = hashed("paçoca-girassol-trem")
    assert kept.startswith("$argon2id$")
    assert verified(kept, "paçoca-girassol-trem")
    assert verified(kept, "pac\u0327oca-girassol-trem"), "composed otherwise"
    assert not verified(kept, "pacoca-girassol-trem")
    assert not verified(None, "paçoca-girassol-trem")


def test_nobody_takes_as_long() -> None:
    assert passwords._NOBODY.split("$")[:4] == hashed("x").split("$")[:4]
