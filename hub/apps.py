"""The process beside `hub serve` that serves the apps of `apps/`: clients of the FHIR API like any others.

They have a port of their own, hence an origin of their own: no page of theirs comes near the authorization server's.
What they know of the hub is its URL and their own client's secret.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing import connection as waiting
from pathlib import Path

from sqlalchemy import Connection

from hub.authorization import tables
from hub.beside import beside
from hub.logs import configure_logs
from hub.sealing_key import seal
from hub.settings import HSTS, Settings
from smart_auth import clients

PARTS = Path(__file__).parents[1] / "apps" / "parts" / "node_modules"
CLINICIAN = "clinician"
STOP_SECONDS = 3
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
    secret = seal(settings).derived(f"client:{CLINICIAN}")
    with tables(url) as connection:
        register(connection, f"{settings.apps}/{CLINICIAN}", secret)
    listener.listen(BACKLOG)  # who comes before the process is ready, or while it is replaced, waits
    with beside("hub-apps", run, settings, secret, listener):
        yield


def register(connection: Connection, url: str, secret: str) -> None:
    """Registers the clinician's app, or mends its registration; one that was switched off stays so."""
    from apps.clinician.smart import FROM_EHR, SCOPES, STANDALONE

    scope, redirects = " ".join((FROM_EHR, STANDALONE, *SCOPES)), (f"{url}/callback",)
    found = next((one for one in clients.listed(connection) if one.client_id == CLINICIAN), None)
    same = found is not None and found.check_client_secret(secret) and found.redirect_uris == redirects
    if found is None or (found.active and not (same and set(found.scope.split()) == set(scope.split()))):
        clients.register(
            connection, CLINICIAN, "Prontuário", "client_secret_basic", scope, int(time.time()),
            grant_types=["authorization_code", "refresh_token"], redirect_uris=redirects, secret=secret,
        )  # fmt: skip


def run(settings: Settings, secret: str, listener: socket.socket) -> None:
    """Serves until SIGTERM, or until the process that started this one is gone."""
    import httpx2
    import uvicorn
    from fastapi import FastAPI

    from apps.clinician.app import clinician
    from apps.clinician.config import Config

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a terminal it reaches everybody; the parent decides
    configure_logs(settings.log_level)
    parent = multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def watch() -> None:
        waiting.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="apps-parent", daemon=True).start()
    http = httpx2.AsyncClient(timeout=30, follow_redirects=False, trust_env=False)

    @asynccontextmanager
    async def life(app: FastAPI):  # type: ignore[no-untyped-def]
        yield
        await http.aclose()

    root = FastAPI(title="Apps", openapi_url=None, docs_url=None, redoc_url=None, lifespan=life)
    config = Config(settings.base, f"{settings.apps}/{CLINICIAN}", CLINICIAN, secret)
    root.mount(f"/{CLINICIAN}", clinician(config, http, PARTS))
    served = uvicorn.Config(
        root, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS, headers=[HSTS] if settings.apps.startswith("https://") else [],
    )  # fmt: skip
    asyncio.run(uvicorn.Server(served).serve(sockets=[listener]))
