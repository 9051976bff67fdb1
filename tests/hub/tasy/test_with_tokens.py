"""The same where every request needs a token: the hub's own services come through the door as everybody does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.fhir_client import FhirClient, FhirRefused
from hub import own_clients
from mappings import r4
from tests.hub.tasy.conftest import PROVIDERS, Joined, claim, joined, question

Json = Any


@pytest.fixture(scope="module")
def secured(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    yield from joined(Path(tmp_path_factory.mktemp("secured")), module_database, access="smart")


async def submit(door: FhirClient, resource: Json) -> Json:
    return (await door.send("POST", f"{resource['resourceType']}/$submit", r4.serialize(resource))).resource


async def test_services_answer_with_tokens_of_their_own(secured: Joined) -> None:
    settings = replace(secured.served, access="smart")
    good = [one for one in secured.plan.members if one["segurado"]["ie_situacao"] == "A"]
    member = next(one for one in good if not one["segurado"]["dt_rescisao"])
    async with own_clients.door(settings, own_clients.BATCH) as batch:
        patient = f"pf-{member['segurado']['cd_pessoa_fisica']}"
        for resource in (
            *PROVIDERS,
            {"resourceType": "Patient", "id": patient},
            {"resourceType": "Coverage", "id": f"seg-{member['segurado']['nr_seq_segurado']}", "status": "active",
             "subscriberId": member["carteira"]["cd_usuario_plano"], "payor": [{"display": "Plano"}],
             "beneficiary": {"reference": f"Patient/{patient}"}},
        ):  # fmt: skip
            await batch.update(resource)
        with pytest.raises(FhirRefused) as refused:
            await submit(batch, question(member))
        assert refused.value.status == 403
    async with own_clients.door(settings, own_clients.SIMULATORS) as caller:
        assert (await submit(caller, question(member)))["insurance"][0]["inforce"]
        taken = await submit(caller, claim(member, "TOKEN-1"))
        assert taken["outcome"] in ("queued", "complete")
        while (await caller.read(f"ClaimResponse/{taken['id']}"))["outcome"] == "queued":
            pass


def test_nothing_is_submitted_without_a_token(secured: Joined) -> None:
    assert secured.post("Claim/$submit", {"resourceType": "Claim"}).status == 401
