"""`hub map`: cases are shown, compared and accepted; an analyst needs no Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.cli import main

CASES = Path(__file__).parent.parent / "mappings" / "cases"


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A case of its own, not yet accepted."""
    folder = tmp_path / "provider"
    folder.mkdir()
    for name in ("clinic.json", "clinic.with.json"):
        shutil.copy(CASES / "provider" / name, folder / name)
    return folder / "clinic.json"


def test_a_case_is_written_accepted_and_then_differs(clinic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(clinic)]) == 1
    assert "Nobody has said what is expected" in capsys.readouterr().out
    assert main(["map", "--accept", str(clinic)]) == 0
    capsys.readouterr()
    assert main(["map", str(clinic)]) == 0
    out = capsys.readouterr().out
    assert "CLINICA EXEMPLO LTDA" in out
    assert "OrganizationAffiliation" in out
    assert "as expected" in out
    clinic.write_text(clinic.read_text("utf-8").replace('"ie_situacao":"A"', '"ie_situacao":"I"'), "utf-8")
    assert main(["map", str(clinic)]) == 1
    out = capsys.readouterr().out
    assert '-      "active": true,' in out
    assert '+      "active": false,' in out


def test_a_folder_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(CASES)]) == 0
    out = capsys.readouterr().out
    assert "cannot be mapped" in out
    assert "PaymentReconciliation" in out


def test_faults_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(CASES / "authorization-reply" / "denial-without-grounds.json")]) == 0
    assert "a denial needs the person who decided it" in capsys.readouterr().out
    assert main(["map", str(CASES / "eligibility-reply" / "unknown-state.json")]) == 0
    assert "unknown-code" in capsys.readouterr().out


def test_asked_for_wrongly(clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    other = tmp_path / "other" / "a.json"
    other.parent.mkdir()
    shutil.copy(clinic, other)
    for path, words in [
        (tmp_path / "nothing.json", "no such file"),
        (tmp_path / "empty", "a folder without cases"),
        (other, "say --as ENTITY"),
    ]:
        assert main(["map", str(path)]) == 2
        assert words in capsys.readouterr().err
    assert main(["map", "--as", "provider", str(other)]) == 2
    assert "needs 'today' beside its source" in capsys.readouterr().err
    other.with_name("a.with.json").write_text("{", "utf-8")
    assert main(["map", "--as", "provider", str(other)]) == 2
    assert "a.with.json" in capsys.readouterr().err
