"""A hub as it runs in production, behind a proxy that speaks https with its clients."""

from __future__ import annotations

from pathlib import Path

from smart_auth.seal import new_key
from tests.hub_process import HubProcess


def test_headers_and_pages(database: str, tmp_path: Path) -> None:
    settings = {
        "env": "production", "database_url": database, "access": "smart", "key": new_key(),
        "base_url": "https://hub.example.org/fhir",
    }  # fmt: skip
    with HubProcess(tmp_path, settings) as served:
        for path, status in (
            ("metadata", 200), ("Patient", 401), ("/auth/jwks", 200), ("/auth/sign-in", 200), ("/auth/apps", 303),
            ("/nothing", 404), ("/auth/launcher", 404),
        ):  # fmt: skip
            answer = served.client.request("GET", path)
            assert answer.status == status, path
            assert answer.headers["strict-transport-security"] == "max-age=31536000", path
        cookie = served.client.request("GET", "/auth/sign-in").headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        smart = served.client.get(".well-known/smart-configuration")
        assert smart["management_endpoint"] == "https://hub.example.org/auth/apps"
