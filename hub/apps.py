"""The process beside `hub serve` that serves the apps of `apps/`: clients of the FHIR API like any others.

They have a port of their own, hence an origin of their own: no page of theirs comes near the authorization server's.
What they know of the hub is its URL and their own client's secret.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from hub.apps_served import NAMES, PARTS, SCOPES
from hub.authorization import tables
from hub.beside import beside
from hub.sealing_key import seal
from hub.settings import Settings
from smart_auth import clients

BACKLOG = 100


class PartsMissing(RuntimeError):
    """The front-end packages of the apps are not there; the text says how to get them."""


@contextmanager
def apps_process(settings: Settings, url: str, listener: socket.socket | None) -> Iterator[None]:
    """Serves the apps as long as the block, if there is a port for them. Raises PartsMissing."""
    if listener is None:
        yield
        return
    if not PARTS.is_dir():
        raise PartsMissing("HUB_APPS_PORT: the apps' front-end packages are missing; `make parts` installs them (npm)")
    sealed = seal(settings)
    secrets = {name: sealed.derived(f"client:{name}") for name in NAMES}
    with tables(url) as connection:
        for name, secret in secrets.items():
            register(connection, name, f"{settings.apps}/{name}", secret)
    listener.listen(BACKLOG)  # who comes before the process is ready, or while it is replaced, waits
    with beside("hub-apps", "hub.apps_process", settings, secrets, listener, serves=True):
        yield


def demo_port(settings: Settings, parts: Path | None = None) -> tuple[int | None, str]:
    """Where `hub serve --demo` serves the apps if nobody says where; None: it does not, and why.

    parts: the folder of their front-end packages.
    """
    if not (parts or PARTS).is_dir():
        return None, "its front-end parts are missing, which `make parts` installs, with npm"
    return settings.port + (1 if settings.port < 65535 else -1), ""


def register(connection: Connection, app: str, url: str, secret: str) -> None:
    """Registers an app, or mends its registration; one that was switched off stays so."""
    from apps.smart.launch import FROM_EHR, STANDALONE

    scope, redirects = " ".join((FROM_EHR, STANDALONE, *SCOPES[app])), (f"{url}/callback",)
    found = next((one for one in clients.listed(connection) if one.client_id == app), None)
    same = found is not None and found.check_client_secret(secret) and found.redirect_uris == redirects
    if found is None or (found.active and not (same and set(found.scope.split()) == set(scope.split()))):
        clients.register(
            connection, app, NAMES[app], "client_secret_basic", scope, int(time.time()),
            grant_types=["authorization_code", "refresh_token"], redirect_uris=redirects, secret=secret,
        )  # fmt: skip
