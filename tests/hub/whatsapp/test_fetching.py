"""Files of members' messages: fetched, proved, kept restricted; what is not as it was told is not kept."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hub.whatsapp.fetching import Fetching
from tests.hub.whatsapp.channel import CARE, SYSTEMS, Channel

Json = Any
JPEG, PDF = b"\xff\xd8\xff" + bytes(2000), b"%PDF-1.7 " + bytes(500)


async def wrote(channel: Channel, kind: str, content: bytes, told: str) -> str:
    """A person sends a file; the message's reference."""
    id = channel.account.keep(content, told)
    part = {"id": id, "mime_type": told, "sha256": channel.account.digest(id), "caption": "veja"}
    channel.served.webhooks.tell(channel.account.wrote(channel.phone, CARE, {"type": kind, kind: part}))
    await channel.served.webhooks.settled()
    own = channel.account.lines[channel.phone][-1].id
    criteria = {"identifier": f"{SYSTEMS.sid('whatsapp/mensagem')}|{own}"}
    [message] = [one async for one in channel.record.search("Communication", criteria)]
    return f"Communication/{message['id']}"


async def look(channel: Channel) -> None:
    await Fetching(channel.settings, channel.ledger, channel.clock).look()


def attachment(message: Json) -> Json:
    return next(one for one in message["payload"] if "contentAttachment" in one)


@pytest.mark.parametrize(
    ("kind", "content", "told", "found"),
    [
        ("image", JPEG, "image/jpeg", "image/jpeg"),
        ("document", PDF, "application/pdf", "application/pdf"),
        ("document", b"nome;data", "text/csv", "application/octet-stream"),
        ("audio", b"OggS" + bytes(100), "audio/ogg; codecs=opus", "audio/ogg"),
    ],
)
async def test_a_file_is_kept_once(channel: Channel, kind: str, content: bytes, told: str, found: str) -> None:
    reference = await wrote(channel, kind, content, told)
    for _ in range(2):
        await look(channel)
    message = await channel.record.read(reference)
    kept = attachment(message)["contentAttachment"]
    assert (kept["contentType"], kept["size"]) == (found, len(content))
    assert message["meta"]["versionId"] == "2"
    binary = await channel.record.read(kept["url"])
    assert base64.b64decode(binary["data"]) == content
    assert [one["code"] for one in binary["meta"]["security"]] == ["R"]
    assert binary["securityContext"] == {"reference": reference}
    assert await channel.tasks(reference) == []


@pytest.mark.parametrize(
    ("kind", "content", "trouble", "reason"),
    [
        ("image", PDF, None, "the file is of another type than its message"),
        ("image", b"MZ" + bytes(100), None, "the file is of another type than its message"),
        ("image", JPEG, "media-altered", "the file is not the one the message told of"),
    ],
)
async def test_what_is_not_as_it_was_told(
    channel: Channel, kind: str, content: bytes, trouble: str | None, reason: str
) -> None:
    if trouble:
        channel.trouble(trouble)
    reference = await wrote(channel, kind, content, "image/jpeg")
    for _ in range(2):
        await look(channel)
    assert "url" not in attachment(await channel.record.read(reference))["contentAttachment"]
    [task] = await channel.tasks(reference)
    assert (task["description"], task["code"]["coding"][0]["code"]) == (reason, "service-desk")


async def test_a_file_of_the_record_is_sent(channel: Channel) -> None:
    channel.trouble("media-away")
    binary = await channel.record.update(
        {
            "resourceType": "Binary", "id": channel.phone, "contentType": "application/pdf",
            "data": base64.b64encode(PDF).decode(),
        }
    )  # fmt: skip
    payload = [
        {"contentAttachment": {"url": f"Binary/{binary['id']}", "title": "guia.pdf"}}, {"contentString": "Sua guia"},
    ]  # fmt: skip
    asked = await channel.asks(payload=payload)
    await channel.sending.send(asked)
    assert channel.heard() == []
    channel.clock.passes(31)
    await channel.sending.send(asked)
    [heard] = channel.heard()
    assert {name: heard["document"][name] for name in ("caption", "filename")} == {
        "caption": "Sua guia", "filename": "guia.pdf",
    }  # fmt: skip
    assert channel.account.media[heard["document"]["id"]] == ("application/pdf", PDF)
    await channel.told()
    assert (await channel.message(asked))["status"] == "completed"
    lost = await channel.asks(payload=[{"contentAttachment": {"url": "Binary/nowhere"}}])
    await channel.sending.send(lost)
    assert len(await channel.tasks(lost)) == 1


async def test_what_cannot_be_had_is_tried_for_half_an_hour(channel: Channel) -> None:
    reference = await wrote(channel, "image", JPEG, "image/jpeg")
    channel.trouble("media-away", times=3)
    await look(channel)
    assert await channel.tasks(reference) == []
    channel.clock.passes(1801)
    await look(channel)
    [task] = await channel.tasks(reference)
    assert task["description"] == "the file could not be fetched in half an hour"
