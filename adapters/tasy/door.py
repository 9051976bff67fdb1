"""Where Tasy is, and how the hub proves there who it is: client certificate and client credentials."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.tasy import paths
from mappings.tasy import names

SCOPES = "pls.elegibilidade pls.autorizacao pls.rede.ler pls.conta.ler"


@dataclass(frozen=True, slots=True)
class Door:
    """One installation."""

    url: str
    """https://host[:port], without path."""
    client_id: str
    client_secret: str = field(repr=False)
    certificate: Path
    """PEM: the client's certificate and those above it."""
    key: Path
    """PEM: its private key."""
    authority: Path
    """PEM: whom the server's certificate must come from."""
    establishment: int = 1
    paths: Mapping[str, str] = field(default_factory=lambda: paths.CONTRACT)
    """The contract's -> its own, as `paths_of` gives them."""
    names: names.Names = names.CONTRACT
    """Of fields."""

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, the server proved by its authority and name, and the hub's certificate shown.

        Raises OSError, ssl.SSLError: a file that is not there or not what it should be.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context
