"""`hub serve`: one or several worker processes behind one socket, and a clean end for all of them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.process import BaseProcess
from types import FrameType

import uvicorn

from hub import own_clients
from hub.apps import apps_process, demo_port
from hub.beside import beside, made_of
from hub.compose import MULTIPROCESS_METRICS, application
from hub.database import Database
from hub.garbage import collect_seldom
from hub.http_server import Server, allow_files
from hub.logs import configure_logs
from hub.migrate import prepared
from hub.one_write import MOST_CONNECTIONS
from hub.rounds import rounds
from hub.sealing_key import seal
from hub.services import listened
from hub.settings import HSTS, Settings
from hub.tasy.connection import pairs
from hub.tasy.site import site
from hub.tls import Tls
from hub.websocket_protocol import AcknowledgedProtocol
from hub.welcome import welcome

STOP_SECONDS = 10
"""Requests under way get this long when the hub stops."""
BACKLOG = 2048
KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than clients and proxies keep theirs, so that they close first."""
WEBSOCKET_MESSAGE = 4096
"""Bytes of the longest message that is read from a websocket."""
BESIDE: dict[str, tuple[str, Callable[[Settings], object]]] = {
    "hub-jobs": ("hub.jobs", lambda settings: True),
    "hub-worker": ("hub.worker", lambda settings: settings.tasy_url),
    "hub-scheduler": ("hub.scheduler", lambda settings: settings.tasy_sftp),
    "hub-events": ("hub.events.run", listened),
    "hub-rounds": ("hub.rounds", rounds),
}
"""The processes beside the workers: the module whose `run` each is, and whether the settings call for it."""


class CannotListen(RuntimeError):
    """The address is not to be had; the text says why."""


def serve(
    settings: Settings,
    *,
    sample_data: bool = False,
    demo: bool = False,
    simulate: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Serves until Ctrl-C or SIGTERM; the exit code. Raises DatabaseUnusable, EmbeddedError, CannotListen,
    TlsUnusable, SiteUnusable, CertificateUnusable.

    sample_data: load the shipped patients first, if the record is empty; demo: and make people to try it with;
    simulate: with a simulated ERP, WhatsApp and on-call webhook beside it, unless the settings name one.
    """
    configure_logs(settings.log_level)
    Tls.of(settings)
    if settings.tasy_url is not None:
        site(settings)
        pairs(settings)
    with ExitStack() as stack:
        # Before the database is started: a second hub on the same port should say so at once.
        listener = stack.enter_context(_listen(settings.host, settings.port))
        apps_listener, lacking = None, ""
        if settings.apps_port is not None:
            apps_listener = stack.enter_context(_listen(settings.host, settings.apps_port))
        elif demo and settings.access == "smart":
            port, lacking = demo_port(settings)
            if port is not None:
                try:
                    apps_listener = stack.enter_context(_listen(settings.host, port))
                    settings = replace(settings, apps_port=port)
                except CannotListen:
                    lacking = f"port {port} is taken; HUB_APPS_PORT names another"
        # From here on a signal unwinds the stack, wherever it finds us.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _interrupt)
        try:
            if settings.access == "smart":
                seal(settings)
            erp = None
            if simulate and settings.tasy_url is None:
                from hub import simulated_tasy

                try:
                    erp, settings = stack.enter_context(simulated_tasy.prepared(settings))
                except OSError as error:
                    say(f"No ERP is simulated: {error}")
            channels = None
            if simulate and settings.whatsapp_url is None:
                from hub import simulated_channels

                try:
                    channels, settings = stack.enter_context(simulated_channels.prepared(settings))
                except (OSError, ValueError) as error:
                    say(f"No WhatsApp is simulated: {error}")
            parts = {name: module for name, (module, wanted) in BESIDE.items() if wanted(settings)}
            simulated = [name for name, one in (("tasy", erp), ("channels", channels)) if one is not None]
            made_of([*parts.values(), *(f"hub.simulated_{name}" for name in simulated)])
            found = stack.enter_context(prepared(settings))
            if sample_data:
                from hub.load.samples import load_samples

                load_samples(settings, found.url, say)
            if demo and settings.access == "smart":
                from hub.demo import make

                make(settings, found.url, say)
            if settings.tasy_url is not None or settings.tasy_sftp is not None or settings.whatsapp_url is not None:
                own_clients.make_sure(settings, found.url)
            if erp is not None:
                stack.enter_context(simulated_tasy.simulated_tasy(settings, found.url, erp))
            if channels is not None:
                stack.enter_context(simulated_channels.simulated_channels(settings, channels))
            for name, module in parts.items():
                stack.enter_context(beside(name, module, settings, found.url))
            stack.enter_context(apps_process(settings, found.url, apps_listener))
            telephone = channels.url if channels else None
            say(welcome(settings, found, lacking, simulated=erp is not None, telephone=telephone))
            if settings.workers == 1:
                _work(settings, found, 1, listener)
                return 0
            return _supervise(settings, found, listener, stack)
        except KeyboardInterrupt:
            return 0
        finally:
            # A second Ctrl-C must not leave the embedded database running.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            say("Stopping.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {host}:{port}: {error.strerror}. Is another hub running? "
            "Choose another port with --port or HUB_PORT."
        ) from None
    return listener


def _work(settings: Settings, found: Database, number: int, listener: socket.socket) -> None:
    """One worker: serves until SIGTERM or SIGINT. Its process ends with 1 if the start fails."""
    config = uvicorn.Config(
        application(settings, found.url, found.words, number),
        loop="uvloop",
        ws=AcknowledgedProtocol,
        ws_max_size=WEBSOCKET_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=STOP_SECONDS,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        headers=[HSTS] if settings.base.startswith("https://") else [],
    )
    server = Server(config, Tls.of(settings))
    listener.listen(BACKLOG)
    allow_files(MOST_CONNECTIONS + 1000)
    collect_seldom()
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


def _worker_process(settings: Settings, found: Database, number: int, listener: socket.socket) -> None:
    # Ctrl-C in a terminal reaches every process of the group; only the supervisor decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(settings.log_level)
    _work(settings, found, number, listener)


def _supervise(settings: Settings, found: Database, listener: socket.socket, stack: ExitStack) -> int:
    """Keeps the workers running; one that dies is replaced, unless it dies at once."""
    folder = tempfile.mkdtemp(prefix="hub-metrics-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ[MULTIPROCESS_METRICS] = folder
    listener.listen(BACKLOG)
    context = multiprocessing.get_context("spawn")
    born: dict[int, float] = {}
    workers: dict[int, BaseProcess] = {}

    def start(number: int) -> None:
        worker = context.Process(
            target=_worker_process, args=(settings, found, number, listener), name=f"hub-worker-{number}"
        )
        worker.start()
        workers[number], born[number] = worker, time.monotonic()

    try:
        for number in range(1, settings.workers + 1):
            start(number)
        while True:
            multiprocessing.connection.wait([worker.sentinel for worker in workers.values()])
            for number, worker in workers.items():
                if worker.exitcode is not None:
                    if time.monotonic() - born[number] < STOP_SECONDS:
                        return 1
                    start(number)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.join(STOP_SECONDS + 5)
            worker.kill()
