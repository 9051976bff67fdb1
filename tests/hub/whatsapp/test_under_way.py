"""An event waits for what its own process is sending, and goes on by itself where that fails, hangs or is forgotten."""

from __future__ import annotations

import threading

import pytest

from hub.whatsapp import under_way
from hub.whatsapp.under_way import UnderWay


@pytest.mark.parametrize("sent", [True, False])
def test_an_event_waits_for_the_end_of_a_send_and_asks_once(sent: bool) -> None:
    sends = UnderWay()
    told = sends.begins("CommunicationRequest/1")
    threading.Timer(0.05, told.set_result, [sent]).start()
    assert sends.done("CommunicationRequest/1", 10) is sent
    assert not sends.done("CommunicationRequest/1", 10)


def test_what_hangs_or_is_not_known_is_not_done() -> None:
    sends = UnderWay()
    sends.begins("CommunicationRequest/1")
    assert not sends.done("CommunicationRequest/1", 0.01)
    assert not sends.done("CommunicationRequest/2", 10)


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MOST", 2)
    sends = UnderWay()
    for number in range(3):
        sends.begins(f"CommunicationRequest/{number}").set_result(True)
    assert [sends.done(f"CommunicationRequest/{number}", 1) for number in range(3)] == [False, True, True]
