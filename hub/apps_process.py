"""What runs in the process of the apps: they and a web server, with nothing of the record or the database."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from adapters.connections import http_client
from apps.clinician.app import clinician
from apps.console.app import console
from apps.desk.app import desk
from apps.privacy.app import privacy
from apps.smart.config import Config
from hub.apps_served import CLINICIAN, CONSOLE, DESK, PARTS, PRIVACY, SCOPES
from hub.logs import configure_logs
from hub.push_key import subscribed_with
from hub.settings import HSTS, Settings
from hub.tls import Tls, trusted

STOP_SECONDS = 3


def run(settings: Settings, secrets: Mapping[str, str], listener: socket.socket) -> None:
    """Serves until SIGTERM. secrets: of the apps at the authorization server, by their ids."""
    configure_logs(settings.log_level)
    http = http_client(trusted(settings), timeout=30)

    @asynccontextmanager
    async def life(app: FastAPI):  # type: ignore[no-untyped-def]
        yield
        await http.aclose()

    root = FastAPI(title="Apps", openapi_url=None, docs_url=None, redoc_url=None, lifespan=life)
    of_patient = {
        name: Config(settings.base, f"{settings.apps}/{name}", name, secrets[name], SCOPES[name])
        for name in (CLINICIAN, PRIVACY)
    }
    root.mount(f"/{CLINICIAN}", clinician(of_patient[CLINICIAN], http, PARTS))
    root.mount(f"/{PRIVACY}", privacy(of_patient[PRIVACY], http, PARTS, push_key=subscribed_with(settings)))
    of_nobody = {
        name: Config(settings.base, f"{settings.apps}/{name}", name, secrets[name], SCOPES[name], of_patient=False)
        for name in (CONSOLE, DESK)
    }
    root.mount(f"/{CONSOLE}", console(of_nobody[CONSOLE], http, PARTS, settings.operations))
    root.mount(f"/{DESK}", desk(of_nobody[DESK], http, PARTS))
    served = uvicorn.Config(
        root, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS, headers=[HSTS] if settings.apps.startswith("https://") else [],
    )  # fmt: skip
    served.load()
    tls = Tls.of(settings)
    served.ssl = None if tls is None else tls.context
    asyncio.run(uvicorn.Server(served).serve(sockets=[listener]))
