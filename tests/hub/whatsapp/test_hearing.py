"""A transcript joins a message that others change at the same moment, and takes nothing of theirs away."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.fhir_client import FhirRefused
from adapters.language_model.client import Call
from adapters.partner_errors import PartnerUnavailable
from hub.whatsapp.hearing import Hearing, voice
from mappings.identifiers import Systems

Json = Any
SYSTEMS = Systems("https://hub.example")
CALL = Call("transcribe", "m", "1", "ok")


def message(version: int, **attachment: str) -> Json:
    url = SYSTEMS.extension("arquivo-do-canal")
    file = {"extension": [{"url": url, "valueString": "f1"}], "contentAttachment": {"title": "audio", **attachment}}
    category = [{"coding": [{"system": SYSTEMS.codes("mensagem"), "code": "audio"}]}]
    return {"id": "c1", "meta": {"versionId": str(version)}, "category": category, "payload": [file]}


class Record:
    """A record in which somebody else writes just before us, so many times."""

    def __init__(self, races: int) -> None:
        self.stored, self.races = message(1), races

    async def update(self, resource: Json, version: str | None = None) -> Json:
        if self.races:
            self.races -= 1
            self.stored = message(int(self.stored["meta"]["versionId"]) + 1, url="Binary/c1")
        if version != self.stored["meta"]["versionId"]:
            raise FhirRefused(412)
        self.stored = resource
        return resource

    async def read(self, reference: str) -> Json:
        return self.stored


def hearing(record: Any) -> Hearing:
    nothing: Any = None
    return Hearing(record, nothing, nothing, nothing, SYSTEMS)


@pytest.mark.parametrize("races", [0, 1, 3])
async def test_both_stay(races: int) -> None:
    record = Record(races)
    made = await hearing(record)._kept(message(1), "estou tonta", CALL)
    assert made["payload"][1]["contentString"] == "estou tonta"
    assert made["payload"][0]["contentAttachment"].get("url") == ("Binary/c1" if races else None)
    assert voice(made, SYSTEMS) is None


async def test_who_loses_again_and_again_leaves_it_to_people() -> None:
    with pytest.raises(PartnerUnavailable):
        await hearing(Record(99))._kept(message(1), "estou tonta", CALL)


def test_what_is_spoken() -> None:
    assert voice(message(1), SYSTEMS) == ("f1", None)
    assert voice({**message(1), "payload": []}, SYSTEMS) is None
