"""What a client has not read yet: how much may be under way, and what its pongs say."""

from __future__ import annotations

from fhir_server.subscriptions.unread import Unread


def test_a_pong_says_that_all_before_it_was_read() -> None:
    unread = Unread(3, 100)
    assert unread.oldest is None
    assert [unread.sent(1, 7, 10, 5.0), unread.sent(2, 0, 0, 6.0), unread.sent(1, 8, 10, 7.0)] == [1, 2, 3]
    assert (unread.full, unread.oldest) == (True, 5.0)
    unread.acknowledged(2)
    assert (unread.full, unread.oldest) == (False, 7.0)
    assert unread.read() == {1: 7}  # what has no event tells of none
    assert unread.read() == {}
    unread.acknowledged(9)
    assert unread.read() == {1: 8}
    unread.acknowledged(1)
    assert (unread.oldest, unread.read()) == (None, {})


def test_one_message_may_be_longer_than_all() -> None:
    unread = Unread(3, 100)
    assert not unread.full
    unread.sent(1, 1, 99, 0.0)
    assert not unread.full
    unread.sent(1, 2, 500, 0.0)
    assert unread.full
