"""smart-fetch as a backend service: its key, our tokens, its export. https://docs.smarthealthit.org/cumulus/fetch/

Nothing is arranged for it but what every operator does: `hub client add` with a public key.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from smart_auth.seal import new_key
from tests.hub_process import HubProcess

TYPES = "Patient,Observation,Condition"
SCOPE = "system/Patient.rs system/Observation.rs system/Condition.rs"
PROGRAM = Path(sys.executable).parent / "smart-fetch"


@pytest.fixture(scope="module")
def served(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that asks for tokens, with the sample patients."""
    settings = {"database_url": sample_database, "access": "smart", "key": new_key()}
    with HubProcess(tmp_path_factory.mktemp("hub"), settings) as hub:
        yield hub


def register(served: HubProcess, id: str, scope: str, folder: Path) -> Path:
    """Makes a key pair and registers the public one; file of the private one."""
    key = ECKey.generate_key("P-384", {"kid": id, "use": "sig", "alg": "ES384"})
    private, public = folder / "private.jwks", folder / "public.jwks"
    private.write_text(json.dumps({"keys": [key.as_dict(private=True) | {"key_ops": ["sign"]}]}))
    public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    done = served.command("client", "add", id, "--scope", scope, "--jwks", str(public))
    assert done.returncode == 0, done.stderr
    return private


def fetch(served: HubProcess, id: str, key: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Its bulk export of TYPES into the folder."""
    return subprocess.run(
        [PROGRAM, "bulk", folder, "--fhir-url", served.client.base, "--smart-client-id", id, "--smart-key", key,
         "--type", TYPES, "--no-default-filters"],
        capture_output=True, text=True, timeout=120, cwd=folder.parent, check=False,
    )  # fmt: skip


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Resources of the files written."""
    for path in sorted(folder.glob("*.ndjson.gz")):
        with gzip.open(path, "rt") as file:
            yield from map(json.loads, file)


def test_export(served: HubProcess, tmp_path: Path) -> None:
    key = register(served, "cumulus", SCOPE, tmp_path)
    done = fetch(served, "cumulus", key, tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    token = served.command("token", "--demo").stdout.strip()
    found: dict[str, set[str]] = {}
    for resource in lines(tmp_path / "out"):
        found.setdefault(resource["resourceType"], set()).add(resource["id"])
    assert set(found) == set(TYPES.split(","))
    for kind, ids in found.items():
        answer = served.client.request("GET", f"{kind}?_summary=count", headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["total"] == len(ids) > 0, kind


def test_not_beyond_what_is_registered(served: HubProcess, tmp_path: Path) -> None:
    key = register(served, "narrow", "system/Patient.rs", tmp_path)
    done = fetch(served, "narrow", key, tmp_path / "out")
    assert {resource["resourceType"] for resource in lines(tmp_path / "out")} <= {"Patient"}
    assert done.returncode != 0 or not list((tmp_path / "out").glob("Observation*")), done.stdout


def test_not_without_the_key(served: HubProcess, tmp_path: Path) -> None:
    register(served, "theirs", SCOPE, tmp_path)
    (tmp_path / "other").mkdir()
    stranger = register(served, "stranger", SCOPE, tmp_path / "other")
    done = fetch(served, "theirs", stranger, tmp_path / "out")
    assert done.returncode != 0
    assert not list(lines(tmp_path / "out"))
