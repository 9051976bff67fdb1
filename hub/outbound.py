"""The way out: HTTP requests of the hub's own, to addresses it may reach.

Whoever may write a Subscription chooses where the hub sends requests. So the scheme must be allowed, no redirect is
followed, and the address a name stands for is judged before it is connected to, and then connected to itself: a name
that is looked up again could mean another.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx2

from adapters.connections import http_client
from fhir_server.subscriptions.courier import Headers, Undelivered

CONNECT_SECONDS = 5.0
CONNECTIONS = 16
"""To one host."""
HOSTS = 200
"""Kept connections to, beside those at work."""
ANSWER_BYTES = 64 * 1024
"""An endpoint's answer is read up to here, so that the connection can be used again; longer ones close it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where requests may go."""

    schemes: frozenset[str] = frozenset({"https"})
    loopback: bool = False
    """This machine itself too: for tests, and for receivers beside the hub."""
    private: bool = True
    """Addresses of private networks too."""


def reachable(address: str, allowed: Allowed) -> bool:
    """Whether requests may go to an IP address."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return allowed.loopback
    if not allowed.private and not ip.is_global:
        return False
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved)


class Barred(Undelivered):
    """No request goes there, today or tomorrow."""


@dataclass(slots=True)
class _Line:
    """The connections to one host."""

    client: httpx2.AsyncClient
    busy: int = 0


class Door:
    """Sends, with connections kept open from one request to the next.

    Each host has connections of its own: the certificate of one that shares its address must not stand for another.
    """

    def __init__(self, allowed: Allowed, tls: ssl.SSLContext | None = None) -> None:
        """tls: whose certificates are trusted; else those of the machine's authorities."""
        self._allowed, self._tls = allowed, tls
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    async def close(self) -> None:
        """Closes all connections."""
        lines, self._lines = self._lines, OrderedDict()
        for line in lines.values():
            await line.client.aclose()

    async def _line(self, host: str) -> _Line:
        """The line to a host; of too many, one that has been idle longest is closed."""
        line = self._lines.get(host)
        if line is None:
            idle = next((name for name, one in self._lines.items() if not one.busy), None)
            if len(self._lines) >= HOSTS and idle is not None:
                await self._lines.pop(idle).client.aclose()
            limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
            client = http_client(self._tls, limits)
            line = self._lines.setdefault(host, _Line(client))
        self._lines.move_to_end(host)
        return line

    async def send(self, method: str, url: str, headers: Headers, body: bytes | None, seconds: float) -> None:
        """One request; returns when it was answered 2xx within the time. Raises Undelivered."""
        await self._timed(method, url, headers, body, seconds)

    async def fetch(self, url: str, headers: Headers, seconds: float, limit: int) -> tuple[bytes, httpx2.Headers]:
        """Body and headers of a GET that is answered 200 within the time. Raises Undelivered, also for a body of more
        than `limit` bytes."""
        response = await self._timed("GET", url, headers, None, seconds, limit)
        if response.status_code != 200:
            raise Undelivered(f"the endpoint answered {response.status_code}")
        return response.content, response.headers

    async def _timed(
        self, method: str, url: str, headers: Headers, body: bytes | None, seconds: float, limit: int | None = None
    ) -> httpx2.Response:
        """Raises Undelivered."""
        try:
            async with asyncio.timeout(seconds):
                return await self._send(method, url, headers, body, limit)
        except (TimeoutError, httpx2.TimeoutException):
            raise Undelivered(f"the endpoint did not answer within {seconds:g} s") from None
        except httpx2.InvalidURL:
            raise Barred("the endpoint is not a URL") from None
        except httpx2.ConnectError:
            raise Undelivered("the endpoint cannot be connected to") from None
        except httpx2.HTTPError as error:
            raise Undelivered(f"the connection to the endpoint failed ({type(error).__name__})") from None

    async def _send(
        self, method: str, url: str, headers: Headers, body: bytes | None, limit: int | None
    ) -> httpx2.Response:
        """Raises Undelivered, or what httpx2 raises."""
        target = httpx2.URL(url)
        if target.scheme not in self._allowed.schemes:
            raise Barred("the scheme of the endpoint is not allowed here")
        if not target.host or target.userinfo:
            raise Barred("the endpoint must have a host, and no user name or password")
        address = await self._address(target.host, target.port or {"http": 80, "https": 443}[target.scheme])
        line = await self._line(target.host)
        line.busy += 1
        try:
            return await self._through(line, target, address, method, headers, body, limit)
        finally:
            line.busy -= 1

    async def _through(
        self,
        line: _Line,
        target: httpx2.URL,
        address: str,
        method: str,
        headers: Headers,
        body: bytes | None,
        limit: int | None,
    ) -> httpx2.Response:
        """limit: of a body that is wanted; None: it is not."""
        sent = [("Host", target.netloc.decode("ascii")), *headers]
        request = line.client.build_request(
            method,
            target.copy_with(host=address),
            content=body,
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in sent],
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        request.extensions["timeout"] = {"connect": CONNECT_SECONDS, "pool": None, "read": None, "write": None}
        response = await line.client.send(request, stream=True)
        try:
            raw = await _drain(response, limit or ANSWER_BYTES)
        finally:
            await response.aclose()
        if not response.is_success:
            raise Undelivered(f"the endpoint answered {response.status_code}", response.status_code)
        if limit is not None and len(raw) > limit:
            raise Undelivered("the endpoint's answer is too large")
        return httpx2.Response(response.status_code, headers=_plain(response.headers), content=raw)

    async def _address(self, host: str, port: int) -> str:
        """An address of the host that may be reached."""
        loop = asyncio.get_running_loop()
        try:
            found: Sequence[tuple[object, ...]] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Undelivered("the name of the endpoint's host is not known") from None
        addresses = [str(entry[4][0]) for entry in found if isinstance(entry[4], tuple)]
        for address in addresses:
            if reachable(address, self._allowed):
                return address
        raise Barred("the address of the endpoint is not allowed here")


async def _drain(response: httpx2.Response, limit: int) -> bytes:
    """The answer as it is sent, read until it is larger than the limit."""
    raw = b""
    async for chunk in response.aiter_raw():
        raw += chunk
        if len(raw) > limit:
            break
    return raw


def _plain(headers: httpx2.Headers) -> list[tuple[str, str]]:
    """The headers less those about the bytes on the wire: a packed body is not unpacked."""
    return [(name, value) for name, value in headers.multi_items() if name.lower() in ("cache-control", "content-type")]
