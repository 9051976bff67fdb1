"""$versions."""

from __future__ import annotations

import httpx2


async def test_versions(shared_client: httpx2.AsyncClient) -> None:
    body = (await shared_client.get("$versions")).json()
    assert body["resourceType"] == "Parameters"
    assert {"name": "version", "valueCode": "4.0"} in body["parameter"]
    plain = await shared_client.get("$versions", headers={"accept": "application/json"})
    assert plain.json() == {"versions": ["4.0"], "default": "4.0"}
    posted = await shared_client.post("$versions", json={"resourceType": "Parameters"})
    assert posted.status_code == 200
