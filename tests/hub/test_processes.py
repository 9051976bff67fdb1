"""Whoever operates the hub finds each of its processes, rounds and settings where these are described."""

from __future__ import annotations

import re
from dataclasses import fields

from hub.rounds import WHATSAPP
from hub.serve import BESIDE
from hub.settings import Settings
from tests.hub_process import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_process_is_described() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "hub").rglob("*.py"))
    names = BESIDE.keys() | set(re.findall(r'beside\(\s*"([a-z-]+)"', sources))
    assert {"hub-jobs", "hub-rounds", "hub-events", "hub-apps"} <= names
    described = OPERATIONS.partition("## Processes")[2].partition("\n## ")[0]
    assert names == set(re.findall(r"`(hub-[a-z-]+)`", described))
    assert [one.name for one in WHATSAPP if f"`{one.name}`" not in described] == []


def test_each_setting_has_its_row() -> None:
    rows = set(re.findall(r"`(HUB_[A-Z_0-9]+)`", "\n".join(re.findall(r"(?m)^\|.*$", README))))
    known = {f"HUB_{one.name.upper()}" for one in fields(Settings)}
    assert known - rows == set()
