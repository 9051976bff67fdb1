"""Web push by a served hub with tokens: turned on, sent by its round, opened at the push service, gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.browsers import turned_on
from hub.own_clients import BATCH, CHAT, door
from hub.push_key import subscribed_with
from hub.tasy.site import site
from hub.whatsapp.requested import BROWSERS, PUSH
from mappings.r4 import serialize
from simulators.push_service import PushService, serving
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import until
from tests.hub.whatsapp.test_further_channels import MODE


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    more = {
        "HUB_PUSH_CONTACT": "mailto:avisos@austa.example", "HUB_OUTBOUND_SCHEMES": "http,https",
        "HUB_OUTBOUND_LOOPBACK": "true",
    }  # fmt: skip
    with joined_hub(Path(tmp_path_factory.mktemp("hub")), module_database, **more) as found:
        yield found


async def test_a_browser_is_told_and_ends_once_it_is_gone(joined: Joined) -> None:
    systems, service = site(joined.settings).site.systems, PushService()
    key = subscribed_with(joined.settings)
    assert key is not None
    async with (
        serving(service), door(joined.settings, BATCH) as batch, door(joined.settings, CHAT) as record
    ):  # fmt: skip
        await batch.update({"resourceType": "Patient", "id": "pf-30", "active": True})
        made = service.subscribed(key)
        values = {"endpoint": made["endpoint"], "key": made["keys"]["p256dh"], "secret": made["keys"]["auth"]}
        parameters = [{"name": name, "valueString": value} for name, value in values.items()]
        body = serialize({"resourceType": "Parameters", "parameter": parameters})
        await record.send("POST", "Patient/pf-30/$browser-on", body)

        async def asked() -> str:
            """Of a category that goes at any hour; its id."""
            request = await record.create(
                {
                    "resourceType": "CommunicationRequest", "status": "active",
                    "authoredOn": datetime.now(UTC).isoformat(), "priority": "routine",
                    "category": [{"coding": [{"system": systems.codes("aviso"), "code": "answer"}]}],
                    "medium": [{"coding": [{"system": MODE, "code": PUSH}]}],
                    "payload": [{"contentString": "Ressonância do joelho autorizada"}],
                    "recipient": [
                        {
                            "reference": "Patient/pf-30",
                            "identifier": {"system": systems.sid(BROWSERS), "value": "pf-30"},
                        }
                    ],
                }
            )  # fmt: skip
            return str(request["id"])

        async def status(id: str) -> str | None:
            found = await record.read(f"CommunicationRequest/{id}")
            return str(found["status"]) if found["status"] != "active" else None

        first = await asked()
        assert await until(lambda: status(first)) == "completed"
        [came] = service.came.values()
        said = json.loads(came.text)
        assert said["tag"] == first
        assert "joelho" not in came.text
        assert came.urgency == "high"
        service.browsers.clear()
        second = await asked()
        assert await until(lambda: status(second)) == "revoked"
        assert await turned_on(record, "pf-30") == []
        assert service.refused == ["no such browser"]
