"""Everything in a webhook's body is taken, whatever stands beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import MappingError
from mappings.whatsapp.webhook import Media, Message, Place, Sender, read

ANA = {"profile": {"name": "Ana"}, "wa_id": "551788887777", "user_id": "BR.1"}


def value(**parts: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551700000000", "phone_number_id": "100"},
        **parts,
    }


def webhook(*values: dict[str, Any], field: str = "messages") -> bytes:
    changes = [{"field": field, "value": one} for one in values]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": changes}]}).encode()


def message(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"from": "551788887777", "id": "wamid.1", "timestamp": "1773148807", "type": kind, kind: content, **more}


def one(source: dict[str, Any]) -> Message:
    told = read(webhook(value(contacts=[ANA], messages=[source])))
    assert not told.faults
    [found] = told.messages
    return found


def test_a_text() -> None:
    found = one(message("text", {"body": "Estou com febre"}, context={"id": "wamid.0"}))
    assert found.text == "Estou com febre"
    assert found.sender == Sender("BR.1", "551788887777", "Ana")
    assert (found.number, found.at, found.answers) == ("100", 1773148807, "wamid.0")


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("interactive", {"type": "button_reply", "button_reply": {"id": "b1", "title": "Sim"}}, ("Sim", "b1")),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "r1", "title": "Dor"}}, ("Dor", "r1")),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent"}}, ("Sent", "flow")),
        ("button", {"payload": "voltar", "text": "Voltar"}, ("Voltar", "voltar")),
        ("sticker", {"id": "5", "mime_type": "image/webp"}, (None, None)),
        ("image", {"id": "5", "mime_type": "image/jpeg", "caption": "olha isso"}, ("olha isso", None)),
        ("unsupported", {"type": "unknown"}, (None, None)),
        ("contacts", [{"name": {"formatted_name": "X"}}], (None, None)),
    ],
)  # fmt: skip
def test_what_is_said(kind: str, content: Any, said: tuple[str | None, str | None]) -> None:
    found = one(message(kind, content))
    assert (found.text, found.tapped) == said
    assert found.kind == kind


def test_files_and_places() -> None:
    voice = one(
        message("audio", {"id": "7", "mime_type": "audio/ogg; codecs=opus", "sha256": "aGFzaA==", "voice": True})
    )
    assert voice.media == Media("7", "audio/ogg; codecs=opus", "aGFzaA==", None, voice=True)
    assert one(message("location", {"latitude": -20.8, "longitude": -49.4})).place == Place(-20.8, -49.4)


def test_edits_and_what_is_taken_back() -> None:
    edited = one(
        message(
            "edit", {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "dor no peito"}}}
        )
    )
    assert (edited.text, edited.changes) == ("dor no peito", "wamid.0")
    assert one(message("revoke", {"original_message_id": "wamid.0"})).changes == "wamid.0"
    assert one(message("reaction", {"message_id": "wamid.0", "emoji": "👍"})).changes == "wamid.0"


def test_a_person_without_a_number() -> None:
    source = message("text", {"body": "oi"}, from_user_id="BR.1")
    del source["from"]
    told = read(webhook(value(contacts=[{"profile": {"name": "Ana"}, "user_id": "BR.1"}], messages=[source])))
    assert told.messages[0].sender == Sender("BR.1", None, "Ana")


def test_several_people_in_one_change() -> None:
    rui = {"profile": {"name": "Rui"}, "wa_id": "551799996666", "user_id": "BR.2"}
    other = {**message("text", {"body": "oi"}), "from": "551799996666", "id": "wamid.2"}
    told = read(webhook(value(contacts=[ANA, rui], messages=[message("text", {"body": "oi"}), other])))
    assert [found.sender.user for found in told.messages] == ["BR.1", "BR.2"]


def test_statuses() -> None:
    told = {"id": "wamid.9", "status": "delivered", "timestamp": "1", "recipient_id": "551788887777"}
    lost = {"id": "wamid.8", "status": "failed", "timestamp": "2", "recipient_user_id": "BR.1"}
    statuses = [{**told, "biz_opaque_callback_data": "r7"}, {**lost, "errors": [{"code": 131026}]}]
    assert [(one.state, one.tracking, one.errors) for one in read(webhook(value(statuses=statuses))).statuses] == [
        ("delivered", "r7", ()),
        ("failed", None, (131026,)),
    ]


def test_a_part_that_cannot_be_read_takes_no_other_with_it() -> None:
    good = message("text", {"body": "não respira"}, id="wamid.3")
    bad: list[Any] = [message("text", {}), 7, {"type": "text"}, {**good, "timestamp": "soon"}, {**good, "id": ""}]
    told = read(webhook(value(contacts=[ANA], messages=[*bad, good]), value(statuses=[{"id": "x"}])))
    assert [found.id for found in told.messages] == ["wamid.3"]
    assert sorted(fault.element for fault in told.faults) == [
        *(f"entry[0].changes[0].value.messages[{n}]" for n in range(5)),
        "entry[0].changes[1].value.statuses[0]",
    ]
    assert "respira" not in str(told.faults)


def test_other_fields_are_notices() -> None:
    told = read(webhook({"event": "DISABLED"}, field="message_template_status_update"))
    assert [notice.field for notice in told.notices] == ["message_template_status_update"]
    assert [notice.field for notice in read(webhook(value(errors=[{"code": 130429}]))).notices] == ["messages"]


@pytest.mark.parametrize(
    ("body", "element"), [(b"", "$"), (b"{", "$"), (b"[]", "object"), (b'{"object":"page","entry":[]}', "object")]
)
def test_what_is_no_webhook(body: bytes, element: str) -> None:
    with pytest.raises(MappingError) as refused:
        read(body)
    assert refused.value.element == element


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "from", "type", "text", "body", "timestamp", "context", "image", "statuses", "messages",
                         "contacts", "metadata", "phone_number_id", "value", "field", "changes", "entry", "edit"]),
        inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(JSON)
def test_nothing_that_is_sent_breaks_it(found: Any) -> None:
    body = json.dumps({"object": "whatsapp_business_account", "entry": found}).encode()
    read(body)
    read(webhook(value(messages=[found, message("text", {"body": "oi"})], statuses=found, contacts=found)))
