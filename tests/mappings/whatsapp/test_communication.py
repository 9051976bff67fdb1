"""A message as Communication: valid FHIR, and everything that was said is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.validation import validate
from mappings.identifiers import Systems
from mappings.whatsapp.communication import to_communication
from mappings.whatsapp.webhook import Media, Message, Place, Sender

SYSTEMS = Systems()
NOW = datetime(2026, 3, 10, 14, 20, 7, tzinfo=UTC)
ANA = Sender("BR.1", "551788887777", "Ana")


def made(**more: Any) -> Any:
    message = Message(**{"id": "wamid.1", "number": "100", "sender": ANA, "at": 1773148807, "kind": "text", **more})
    found = to_communication(message, SYSTEMS, received=NOW, subject=None)
    assert [issue for issue in validate(found) if issue.severity in ("error", "fatal")] == []
    return found


def test_a_text() -> None:
    found = made(text="Estou com febre", answers="wamid.0")
    assert found["identifier"] == [{"system": "https://austa.example/fhir/sid/whatsapp/mensagem", "value": "wamid.1"}]
    assert found["payload"] == [{"contentString": "Estou com febre"}]
    assert found["sent"] == "2026-03-10T13:20:07Z"
    assert found["received"] == "2026-03-10T14:20:07.000Z"
    assert found["sender"]["identifier"]["value"] == "BR.1"
    assert found["sender"]["extension"][0]["valueString"] == "551788887777"
    assert found["inResponseTo"][0]["identifier"]["value"] == "wamid.0"
    assert "subject" not in found


def test_what_was_tapped_and_sent_along() -> None:
    assert made(kind="interactive", text="Sim", tapped="q:1")["payload"][0]["extension"][0]["valueString"] == "q:1"
    image = made(kind="image", text="olha", media=Media("5", "image/jpeg", None, None))
    assert image["payload"][1]["contentAttachment"] == {"contentType": "image/jpeg"}
    assert image["payload"][1]["extension"][0]["valueString"] == "5"
    voice = made(kind="audio", media=Media("6", " audio/ogg;  codecs=opus", None, None))
    assert voice["payload"][0]["contentAttachment"] == {"contentType": "audio/ogg; codecs=opus"}
    assert made(kind="location", place=Place(-20.8, -49.4))["payload"] == [{"contentString": "geo:-20.8,-49.4"}]
    assert made(kind="revoke", changes="wamid.0")["partOf"][0]["identifier"]["value"] == "wamid.0"


@pytest.mark.parametrize("who", [Sender("BR.1", None), Sender(None, "551788887777"), Sender(None, None)])
def test_whoever_wrote_is_named(who: Sender) -> None:
    assert made(sender=who)["sender"]["identifier"]["value"] == (who.user or who.phone or "desconhecido")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


@given(st.one_of(st.none(), TEXT), st.one_of(st.none(), st.builds(Media, NAME, NAME, NAME, NAME)))
def test_whatever_is_said_is_valid(text: str | None, media: Media | None) -> None:
    made(text=text, media=media)
