"""What is sent, and the limits it is held to."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import MappingError
from mappings.whatsapp.outgoing import Choice, File, Template, Text, To, body

TO = To(phone="5517988887777")
YES = Choice("q:1:a:sim:3", "Sim")


def of(content: Any) -> Any:
    made = body(TO, content)
    assert made["to"] == "5517988887777"
    assert made["messaging_product"] == "whatsapp"
    return made[made["type"]]


def test_a_text() -> None:
    assert of(Text("Olá")) == {"body": "Olá", "preview_url": False}


def test_buttons() -> None:
    made = of(Text("Tem febre?", buttons=[YES, Choice("q:1:a:nao:3", "Não")]))
    assert made["type"] == "button"
    assert [one["reply"]["title"] for one in made["action"]["buttons"]] == ["Sim", "Não"]


def test_a_location_is_asked_for() -> None:
    asked = {"type": "location_request_message", "body": {"text": "Onde?"}, "action": {"name": "send_location"}}
    assert of(Text("Onde?", place=True)) == asked
    with pytest.raises(MappingError, match="place"):
        body(TO, Text("Onde?", [YES], place=True))
    with pytest.raises(MappingError, match="body"):
        body(TO, Text("o" * 1025, place=True))


def test_a_list() -> None:
    made = of(Text("Escolha", rows=[Choice("1", "Dor no peito", "ou aperto")], opener="Ver sinais"))
    assert made["action"] == {
        "button": "Ver sinais",
        "sections": [{"rows": [{"id": "1", "title": "Dor no peito", "description": "ou aperto"}]}],
    }


def test_a_template() -> None:
    made = of(Template("retorno", "pt_BR", ["Ana"], ["voltar"]))
    assert made["components"][0] == {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}
    assert made["components"][1]["parameters"] == [{"type": "payload", "payload": "voltar"}]


def test_a_file() -> None:
    assert of(File("document", "77", "Guia", "guia.pdf")) == {"id": "77", "caption": "Guia", "filename": "guia.pdf"}


def test_who_gets_it() -> None:
    made = body(To(user="BR.123", tracking="r1", answers="wamid.1"), Text("Oi"))
    assert made["recipient"] == "BR.123"
    assert "to" not in made
    assert made["biz_opaque_callback_data"] == "r1"
    assert made["context"] == {"message_id": "wamid.1"}


@pytest.mark.parametrize(
    ("to", "content", "element"),
    [
        (To(), Text("Oi"), "to"),
        (TO, Text(""), "body"),
        (TO, Text("x" * 4097), "body"),
        (TO, Text("x" * 1025, buttons=[YES]), "body"),
        (TO, Text("x" * 1025, rows=[YES], opener="Ver"), "body"),
        (TO, Text("Oi", buttons=[Choice(str(n), str(n)) for n in range(4)]), "buttons"),
        (TO, Text("Oi", buttons=[YES, YES]), "buttons"),
        (TO, Text("Oi", buttons=[YES, Choice("2", "Sim")]), "buttons"),
        (TO, Text("Oi", buttons=[Choice("1", "x" * 21)]), "buttons[0].title"),
        (TO, Text("Oi", rows=[Choice(str(n), str(n)) for n in range(11)], opener="Ver"), "rows"),
        (TO, Text("Oi", rows=[Choice("1", "x" * 25)], opener="Ver"), "rows[0].title"),
        (TO, Text("Oi", rows=[Choice("1", "a", "x" * 73)], opener="Ver"), "rows[0].detail"),
        (TO, Text("Oi", rows=[YES]), "opener"),
        (TO, Text("Oi", buttons=[YES], rows=[YES]), "buttons"),
        (TO, Template("a", "pt_BR", [""]), "slots"),
        (To(phone="1", tracking="x" * 513), Text("Oi"), "tracking"),
    ],
)
def test_limits(to: To, content: Any, element: str) -> None:
    with pytest.raises(MappingError) as refused:
        body(to, content)
    assert refused.value.element == element


@pytest.mark.parametrize(
    "content",
    [
        Text("x" * 4096),
        Text("x" * 1024, buttons=[Choice("1", "x" * 20)]),
        Text("x" * 1024, rows=[Choice("1", "x" * 24, "x" * 72)], opener="x" * 20),
    ],
)
def test_what_just_fits(content: Text) -> None:
    body(TO, content)
