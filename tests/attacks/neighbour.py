"""A server of somebody else that the hub calls: it keeps what it was sent, and answers as it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Neighbour:
    """On a port of its own."""

    url: str
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    """Status, headers and body of every answer."""
    heard: list[str] = field(default_factory=list)
    """Requests, as they came."""


@contextmanager
def listening() -> Iterator[Neighbour]:
    """One that listens meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", "0")))
            found.heard.append(f"{self.requestline}\n{self.headers}\n{sent.decode()}")
            status, headers, body = found.answer
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Neighbour(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
