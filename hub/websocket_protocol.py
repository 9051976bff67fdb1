"""Websockets as uvicorn speaks them, with what ASGI does not carry: pings of the application, and their pongs.

Beside ASGI's messages the application may send {"type": "websocket.ping", "bytes": 8 bytes}; when the client has
answered it receives {"type": "websocket.pong", "bytes": ...}. A pong stands for earlier pings too (RFC 6455 5.5.3).
"""

from __future__ import annotations

from collections import deque
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

CLOSE_SECONDS = 10.0
"""A client that was told that it is closed gets this long to read it, and to say so."""


class AcknowledgedProtocol(WebSocketsSansIOProtocol):
    """One websocket. Keeping it alive is left to the application."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.close_timeout = CLOSE_SECONDS
        self._pinged: deque[bytes] = deque()

    def pause_writing(self) -> None:
        """What is to go out does not; so nothing is read either that would have to be answered."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def handle_pong(self, event: Frame) -> None:
        """Tells the application; pongs nobody asked for are ignored, so that they fill no queue."""
        payload = bytes(event.data)
        if payload in self._pinged:
            while self._pinged.popleft() != payload:
                pass
            self.queue.put_nowait({"type": "websocket.pong", "bytes": payload})  # type: ignore[typeddict-item]

    async def send(self, message: Any) -> None:
        """Takes a message of the application. Raises ClientDisconnected."""
        if message["type"] == "websocket.ping":
            if self.disconnected or self.transport.is_closing():
                raise ClientDisconnected
            self._pinged.append(message["bytes"])
            self.conn.send_ping(message["bytes"])
            self.transport.write(b"".join(self.conn.data_to_send()))
            return
        if message["type"] == "websocket.close" and self.handshake_complete:
            # A client that does not read would hold this up, and the connection for ever.
            self.writable.set()
            self.loop.call_later(self.close_timeout, self.transport.abort)
        await super().send(message)
