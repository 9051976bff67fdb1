"""Keys at a URL: kept as long as their Cache-Control says, asked for again no more than once a minute."""

from __future__ import annotations

import pytest
from joserfc.jwk import ECKey

from smart_auth.assertion import ClientKeysUnknown
from smart_auth.client_keys import ClientKeys
from smart_auth.clients import Client
from tests.attacks.caller import EC, jwks

OTHER = ECKey.generate_key("P-384", {"kid": "other"})
AT_URL = Client("c", "c", True, "private_key_jwt", None, None, "https://c.example.org/jwks", "", (), (), False)


class Place:
    """Where keys are kept, and a clock."""

    def __init__(self, control: str = "") -> None:
        self.now, self.asked, self.control = 0.0, 0, control
        self.body: str | None = jwks(EC)
        self.keys = ClientKeys(self.fetch, lambda: self.now)

    def fetch(self, url: str) -> tuple[bytes, str]:
        self.asked += 1
        if self.body is None:
            raise ClientKeysUnknown("cannot be had")
        return self.body.encode(), self.control


@pytest.mark.parametrize(
    ("control", "kept"),
    [("", 300), ("max-age=600", 600), ("public, max-age=600", 600), ("max-age=0", 60), ("no-store", 300),
     ("max-age=99999999", 86400), ("s-max-age=5", 300)],
)  # fmt: skip
def test_kept(control: str, kept: int) -> None:
    place = Place(control)
    for at, asked in ((0, 1), (kept - 1, 1), (kept, 2)):
        place.now = at
        assert [key.kid for key in place.keys(AT_URL, "ec")] == ["ec"]
        assert place.asked == asked, at


def test_an_unknown_kid_asks_once_a_minute() -> None:
    place = Place("max-age=3600")
    place.keys(AT_URL, "ec")
    place.body = jwks(EC, OTHER)
    for at, asked in ((1, 1), (59, 1), (61, 2), (62, 2)):
        place.now = at
        found = {key.kid for key in place.keys(AT_URL, "other" if at < 62 else "third")}
        assert place.asked == asked, at
        assert found == ({"ec"} if at < 61 else {"ec", "other"})


def test_a_failure_is_remembered_for_a_minute() -> None:
    place = Place()
    place.body = None
    for at, asked in ((0, 1), (30, 1), (61, 2)):
        place.now = at
        with pytest.raises(ClientKeysUnknown):
            place.keys(AT_URL, "ec")
        assert place.asked == asked
    place.body, place.now = jwks(EC), 130
    assert place.keys(AT_URL, "ec")
