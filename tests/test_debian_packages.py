"""scripts/debian-packages: what it installs, what it says, how it ends. Commands it calls are played by scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "debian-packages"
LIST = "# a comment\n\nnodejs node sessions with clients\nnpm npm sessions with clients\n"


def play(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("there", "user", "apt", "ci", "code", "installed", "said"),
    [
        (["node", "npm"], 0, 0, True, 0, "", ""),
        ([], 0, 0, True, 0, "nodejs npm", "Installing Debian packages: nodejs npm"),
        (["node"], 0, 0, False, 0, "npm", "Installing Debian packages: npm"),
        ([], 0, 100, False, 0, "nodejs npm", "nodejs: sessions with clients"),
        ([], 0, 100, True, 1, "nodejs npm", "npm: sessions with clients"),
        ([], 0, None, False, 0, "", "nodejs: sessions with clients"),
        (["npm"], 1000, 0, False, 0, "", "nodejs: sessions with clients"),
        (["npm"], 1000, 0, True, 1, "", "nodejs: sessions with clients"),
    ],
)
def test_it(
    tmp_path: Path, there: list[str], user: int, apt: int | None, ci: bool, code: int, installed: str, said: str
) -> None:
    commands, log = tmp_path / "bin", tmp_path / "apt.log"
    commands.mkdir()
    bash = shutil.which("bash")
    assert bash is not None
    (commands / "bash").symlink_to(bash)
    play(commands, "id", f"echo {user}")
    for name in there:
        play(commands, name, "exit 0")
    if apt is not None:
        play(commands, "apt-get", f'[ "$2" = update ] && exit 0\nshift 4\necho "$@" >"{log}"\nexit {apt}')
    (tmp_path / "list").write_text(LIST)
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PATH": str(commands)}
    done = subprocess.run(
        [bash, SCRIPT, tmp_path / "list"],
        env=environment | ({"CI": "true"} if ci else {}), capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout
    assert bool(said) == bool(done.stdout)
    assert (log.read_text().strip() if log.exists() else "") == installed
