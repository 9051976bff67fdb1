"""Which certificate the hub shows Tasy, while one is replaced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.settings import Settings
from hub.tasy.connection import CertificateUnusable, Pair, chosen, pairs
from simulators.tasy.certificates import Authority

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def pair(name: str, begins: int, ends: int) -> Pair:
    """A certificate that holds from and to so many days from now."""
    return Pair(Path(name), Path(name), NOW + timedelta(begins), NOW + timedelta(ends), 0)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([pair("only", -10, 10)], "only"),
        ([pair("old", -300, 5), pair("new", -1, 365)], "new"),
        ([pair("new", -1, 365), pair("old", -300, 5)], "new"),
        ([pair("old", -300, 5), pair("of tomorrow", 1, 365)], "old"),
        ([pair("old", -300, -1), pair("older", -600, -20)], "old"),
        ([pair("old", -300, -1), pair("of tomorrow", 1, 365)], "of tomorrow"),
    ],
)
def test_the_newest_that_holds(found: list[Pair], wanted: str) -> None:
    assert chosen(found, NOW).certificate.name == wanted


def test_certificates_are_read_from_files(tmp_path: Path) -> None:
    made = Authority(tmp_path).client("hub", 30)
    [found] = pairs(Settings(tasy_certificate=(made.certificate,), tasy_key=(made.key,)))
    assert timedelta(29) < found.ends - datetime.now(UTC) <= timedelta(30)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_files_that_are_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CertificateUnusable, match="HUB_TASY_CERTIFICATE"):
        pairs(Settings(tasy_certificate=(file,), tasy_key=(file,)))
