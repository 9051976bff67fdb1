"""Full text of a served hub: what was written before a kill -9 is found after it, and what was while it was off."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

import httpx2

from tests.hub.running import Hub

FHIR = {"Content-Type": "application/fhir+json"}


def put(hub: Hub, id: str, city: str) -> None:
    patient = {"resourceType": "Patient", "id": id, "address": [{"city": city}]}
    assert httpx2.put(f"{hub.url}/fhir/Patient/{id}", json=patient, headers=FHIR).is_success


def bundle(hub: Hub, words: str) -> tuple[set[str], list[str]]:
    """Ids of matches, and warnings."""
    found: dict[str, Any] = httpx2.get(f"{hub.url}/fhir/Patient?_content={words}&_count=500").json()
    entries = found.get("entry", [])
    matches = {entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"}
    outcomes = [entry["resource"] for entry in entries if entry["search"]["mode"] == "outcome"]
    return matches, [issue["diagnostics"] for outcome in outcomes for issue in outcome["issue"]]


def settled(hub: Hub, words: str) -> set[str]:
    """What is found once nothing waits to be indexed; until then each answer says so."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        matches, warnings = bundle(hub, words)
        if not warnings:
            return matches
        assert all("indexed" in warning for warning in warnings)
        time.sleep(0.05)
    raise AssertionError("the index does not catch up")


def test_words_survive_whoever_dies(hub: Hub) -> None:
    hub.settings["full_text"] = "true"
    hub.serve()
    for number in range(60):
        put(hub, f"p{number}", "Curitiba")
    hub.kill()
    hub.serve()
    everyone = {f"p{number}" for number in range(60)}
    assert settled(hub, "curitiba") == everyone
    put(hub, "p0", "Belém")
    assert settled(hub, "belem") == {"p0"}
    assert settled(hub, "curitiba") == everyone - {"p0"}
    end = time.monotonic() + 30
    while not re.search(r"(?m)^fhir_full_text_waiting 0\.0$", httpx2.get(f"{hub.url}/metrics").text):
        assert time.monotonic() < end
        time.sleep(0.2)
    hub.end(signal.SIGTERM)

    hub.settings["full_text"] = "false"
    hub.serve()
    put(hub, "p1", "Recife")
    refused = httpx2.get(f"{hub.url}/fhir/Patient?_content=recife")
    assert refused.status_code == 400
    assert "HUB_FULL_TEXT=true" in refused.text
    hub.end(signal.SIGTERM)

    hub.settings["full_text"] = "true"
    hub.serve("--workers", "2")
    assert settled(hub, "recife") == {"p1"}
    assert settled(hub, "curitiba") == everyone - {"p0", "p1"}
    hub.end(signal.SIGTERM)
    reindexed = hub.run("reindex", "Patient", HUB_FULL_TEXT="true")
    assert "Words: 60 resources indexed" in reindexed.stdout, reindexed.stderr
