"""Operators of a hub that is open to its machine need no token."""

from __future__ import annotations

from tests.hub_process import HubProcess


def test_without_tokens(hub: HubProcess) -> None:
    assert hub.client.request("GET", "/operations/me").json() == {
        "subject": "local", "roles": [], "mayAct": True, "mayUnmask": True,
    }  # fmt: skip
    assert hub.client.request("GET", "/operations/flows").json()["flows"] == []
    assert hub.client.request("GET", "/operations/messages").json() == {"items": []}
    refused = hub.client.request("POST", "/operations/messages/resubmit-in-order", {"orderKey": "seg-1"})
    assert (refused.status, refused.json()["issue"][0]["expression"]) == (400, ["reason"])
