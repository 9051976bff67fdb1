"""Sessions with clients from npm, each a program for Node: fhir-kit-client and @medplum/core."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
STEPS = ["create", "search", "update", "conditional create", "patch", "transaction", "history"]
SESSIONS = {"fhir-kit-client": "fhir_kit_client.mjs", "@medplum/core": "medplum_core.mjs"}


@pytest.fixture
def node(request: pytest.FixtureRequest) -> str:
    """The program; skips the test, by its name, where it or the clients are missing."""
    program = shutil.which("node")
    if program is None:
        pytest.skip(f"{request.node.name} needs node: Debian packages nodejs and npm")
    if not (FOLDER / "node_modules" / ".installed").exists():
        pytest.skip(f"{request.node.name} needs clients from npm: make clients")
    return program


@pytest.mark.parametrize("client", SESSIONS)
def test_session(client: str, node: str, base: str) -> None:
    done = subprocess.run(
        [node, FOLDER / SESSIONS[client], base],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == STEPS
