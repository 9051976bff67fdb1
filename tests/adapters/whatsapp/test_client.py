"""Messages are sent over a real socket, and every way in which that fails is told from the others."""

from __future__ import annotations

import httpx2
import pytest

from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import Altered, Door, Later, Refused, Unclear, WhatsApp, content_type
from mappings.whatsapp.codes import Do
from mappings.whatsapp.ladder import state
from mappings.whatsapp.outgoing import Choice, Template, Text, To
from simulators.whatsapp.troubles import Trouble
from tests.adapters.whatsapp.conftest import ANA, CARE, Partner

TO = To(phone=ANA, tracking="r7")
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20


@pytest.mark.parametrize(
    "content",
    [
        Text("Olá"),
        Text("Tem febre?", buttons=[Choice("1", "Sim"), Choice("2", "Não")]),
        Text("Escolha", rows=[Choice("1", "Dor no peito")], opener="Ver sinais"),
        Template("retorno", "pt_BR", ["Ana"]),
    ],
)
async def test_a_message_and_what_becomes_of_it(partner: Partner, content: Text | Template) -> None:
    id = await partner.client.send(CARE, TO, content)
    assert await partner.statuses_of(id, 3) == ["sent", "delivered", "read"]
    assert {one.tracking for one in partner.receiver.statuses()} == {"r7"}


@pytest.mark.parametrize("trouble", ["status-first", "status-shuffled"])
async def test_statuses_in_any_order(partner: Partner, trouble: str) -> None:
    partner.account.troubles.append(Trouble(trouble))
    id = await partner.client.send(CARE, TO, Text("Olá"))
    assert state(await partner.statuses_of(id, 3)) == "read"


async def test_a_message_that_was_accepted_and_failed(partner: Partner) -> None:
    partner.account.troubles.append(Trouble("failed", code=131026))
    id = await partner.client.send(CARE, TO, Text("Olá"))
    assert await partner.statuses_of(id, 1) == ["failed"]
    assert partner.receiver.statuses()[0].errors == (131026,)


async def test_somebody_without_a_telephone_number(partner: Partner) -> None:
    person = partner.account.person(ANA, "Ana")
    await partner.client.send(CARE, To(user=person.user), Text("Olá"))
    assert partner.account.lines[ANA][-1].content["text"]["body"] == "Olá"


@pytest.mark.parametrize(
    ("code", "do"), [(131047, Do.AS_TEMPLATE), (131050, Do.STOPPED), (132015, Do.TEMPLATE_OFF), (190, Do.NUMBER_OFF)]
)
async def test_refusals(partner: Partner, code: int, do: Do) -> None:
    partner.account.troubles.append(Trouble("error", code=code))
    with pytest.raises(Refused) as refused:
        await partner.client.send(CARE, TO, Text("Olá"))
    assert refused.value.reaction.do is do
    assert partner.account.calls == []


@pytest.mark.parametrize(
    ("trouble", "pauses"),
    [
        (Trouble("error", code=131056), (6, 24, 96)),
        (Trouble("error", code=130429), (5, 30, 120, 600, 3600)),
        (Trouble("unavailable"), (5, 30, 120, 600, 3600)),
    ],
)
async def test_what_may_be_tried_later(partner: Partner, trouble: Trouble, pauses: tuple[int, ...]) -> None:
    partner.account.troubles.append(trouble)
    with pytest.raises(Later) as later:
        await partner.client.send(CARE, TO, Text("Olá"))
    assert later.value.reaction.pauses == pauses


async def test_nobody_knows(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.whatsapp.client.TIMEOUT", httpx2.Timeout(0.3))
    for trouble, sent in (("hang-up", 0), ("silence", 1)):
        partner.account.troubles.append(Trouble(trouble))
        with pytest.raises(Unclear):
            await partner.client.send(CARE, TO, Text("Olá"))
        assert len(partner.account.calls) == sent
    [told] = partner.account.calls
    assert told["biz_opaque_callback_data"] == "r7"  # by which its statuses tell that it was sent after all


async def test_nobody_is_there(partner: Partner) -> None:
    away = WhatsApp(partner.http, Door("http://127.0.0.1:9", "token"))
    with pytest.raises(PartnerUnavailable) as found:
        await away.send(CARE, TO, Text("Olá"))
    assert not isinstance(found.value, Unclear)  # it cannot have been sent


async def test_a_wrong_token(partner: Partner) -> None:
    other = WhatsApp(partner.http, Door(partner.served.url, "another"))
    with pytest.raises(Refused) as refused:
        await other.send(CARE, TO, Text("Olá"))
    assert refused.value.reaction.do is Do.NUMBER_OFF


async def test_a_file(partner: Partner) -> None:
    id = partner.account.keep(PNG, "image/png")
    found = await partner.client.fetch(id, partner.account.digest(id))
    assert (found.content, found.content_type) == (PNG, "image/png")


async def test_a_file_that_is_not_the_one_told_of(partner: Partner) -> None:
    id = partner.account.keep(PNG, "image/png")
    partner.account.troubles.append(Trouble("media-altered"))
    with pytest.raises(Altered):
        await partner.client.fetch(id, partner.account.digest(id))
    with pytest.raises(Refused):
        await partner.client.fetch("none", None)


async def test_a_file_that_is_elsewhere_is_not_fetched(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    id = partner.account.keep(PNG, "image/png")
    monkeypatch.setattr(WhatsApp, "_trusted", lambda self, url: False)
    with pytest.raises(Altered):
        await partner.client.fetch(id, None)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://mmg.whatsapp.net/x", True),
        ("https://graph.example/media/1", True),
        ("http://lookaside.fbsbx.com/x", False),
        ("https://fbsbx.com.evil.example/x", False),
        ("https://evilfbsbx.com/x", False),
        ("https://169.254.169.254/latest", False),
        ("https://graph.example:444/media/1", False),
    ],
)
async def test_whom_files_are_fetched_from(url: str, trusted: bool) -> None:
    async with httpx2.AsyncClient() as http:
        assert WhatsApp(http, Door("https://graph.example", "t"))._trusted(url) is trusted


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF1234WEBPVP8 ", "image/webp"),
        (b"OggS\0\2", "audio/ogg"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"MZ\x90", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_what_a_file_is(content: bytes, kind: str) -> None:
    assert content_type(content) == kind
