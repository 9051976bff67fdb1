"""An HTTP protocol that sends head and body of an answer in one system call.

uvicorn writes them one after the other, and each write is a system call, which for a small answer costs more than
anything else its connection does.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 5000
"""Of one process; whoever comes then is told so and sent away, before anything of a request is read."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


MOST_UNREAD = 16 * 2**20
"""Bytes of a body that still come in after its answer and are thrown away; then the connection is cut.
With fewer, clients that send a whole body before they look would not see why it was refused."""


class _Joined:
    """A transport whose writes of one turn of the event loop go out together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []
        self.written = 0

    def write(self, data: bytes) -> None:
        """Keeps the data until the loop's next turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Closes after everything is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            if not self._transport.is_closing():
                whole = b"".join(parts)
                self.written += len(whole)
                self._transport.write(whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it with httptools."""

    received = 0
    """Bytes of bodies that have come."""
    answered = 0
    """Requests that have been answered."""
    rests = False
    """Whether one has been answered and nothing of another has come."""
    _read = 0
    """Bytes of bodies that had come when the last answer was complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._joined = _Joined(cast("asyncio.Transport", transport), self.loop)
        if len(self.connections) >= MOST_CONNECTIONS:
            transport.write(_FULL)  # type: ignore[attr-defined]
            transport.close()
        super().connection_made(cast("asyncio.Transport", self._joined))

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        self.rests = False
        super().data_received(data)

    def on_response_complete(self) -> None:
        """A request is answered. Who rests too long is found by looking now and then: a timer of each costs more."""
        self._read = self.received
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.answered += 1
        self.rests = True

    def on_body(self, body: bytes) -> None:
        """Some of a body has come."""
        self.received += len(body)
        if self.cycle.response_complete and self.received - self._read > MOST_UNREAD:
            self.transport.close()
        super().on_body(body)

    def unsent(self) -> int:
        """Bytes of answers the client has not taken."""
        size: int = self._joined.get_write_buffer_size()
        return size

    def taken(self) -> int:
        """Bytes of answers the client has taken."""
        return self._joined.written - self.unsent()
