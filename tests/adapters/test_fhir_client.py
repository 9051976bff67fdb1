"""A FHIR server that cannot be reached is away, however its connections end."""

from __future__ import annotations

import asyncio
import socket
import struct

import uvloop

from adapters.connections import http_client
from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerUnavailable

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: what is closed is reset. https://man7.org/linux/man-pages/man7/socket.7.html"""


async def _asked(times: int) -> list[object]:
    """What comes of asking so often, at the same time, where every connection is reset as it is made."""

    def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, http_client() as http:
        record = FhirClient(http, f"http://127.0.0.1:{port}/fhir")
        return list(await asyncio.gather(*(record.read("Patient/1") for _ in range(times)), return_exceptions=True))


def test_connections_that_are_reset_as_they_are_made() -> None:
    """In the event loop that the hub has."""
    assert {type(one) for one in uvloop.run(_asked(300))} == {PartnerUnavailable}
