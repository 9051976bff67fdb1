"""HTTP connections to other systems: nothing of them comes from the environment, and what is lost is lost in one way.

https://www.python-httpx.org/advanced/transports/
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import httpx2

LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20)


class Transport(httpx2.AsyncHTTPTransport):
    """The library's own; what is lost is a TransportError, whatever lost it."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request. Raises httpx2.TransportError."""
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            # anyio's, under uvloop: the connection was lost while it was made, and its socket is gone.
            if "NoneType" not in str(error):
                raise
            raise httpx2.ConnectError("lost while it was made", request=request) from error


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """A context that trusts the machine's authorities, one for all: reading them takes some 50 ms."""
    return httpx2.create_ssl_context(trust_env=False)


def http_client(
    verify: ssl.SSLContext | None = None, limits: httpx2.Limits = LIMITS, **options: Any
) -> httpx2.AsyncClient:
    """A client that follows no redirect and takes no proxy, user or certificate from the environment.

    verify: what certificates are judged by, instead of the machine's authorities; options: others of AsyncClient.
    """
    transport = Transport(verify=verify or _authorities(), limits=limits, trust_env=False)
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, **options)
