"""The door out: whole files from allowed places, nothing from elsewhere, links and redirects included."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fhir_server.outcome import FhirError
from hub.door import door


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/out/moved":
            self.send_response(302)
            self.send_header("Location", "/secret")
        else:
            self.send_response(200 if self.path == "/out/a" else 404)
        self.end_headers()
        self.wfile.write(b"{}\n")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_over_http(site: str, tmp_path: Path) -> None:
    bring, path = door([f"{site}/out/"]), tmp_path / "got"
    bring(f"{site}/out/a", path)
    assert path.read_bytes() == b"{}\n"
    for url in (f"{site}/out/none", f"{site}/out/moved", f"{site}/secret"):
        with pytest.raises(FhirError):
            bring(url, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_from_files(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    (place / "a").write_bytes(b"{}\n")
    (tmp_path / "secret").write_bytes(b"x")
    (place / "link").symlink_to(tmp_path / "secret")
    bring = door([f"file://{place}/"])
    bring(f"file://{place}/a", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"{}\n"
    for name in ("link", "none"):
        with pytest.raises(FhirError):
            bring(f"file://{place}/{name}", tmp_path / "other")
    assert not (tmp_path / "other").exists()
