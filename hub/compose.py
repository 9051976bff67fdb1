"""The composition root: builds every object and joins the rooms. Nothing else knows how they are joined."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.multiprocess import MultiProcessCollector

from fhir_server.app import App, everybody, free
from fhir_server.audit.sealing import Sealer
from fhir_server.audit.told import nobody
from fhir_server.dispatch import Server
from fhir_server.dispatch import Settings as ApiSettings
from fhir_server.metrics import Metrics
from fhir_server.postgres import ConnectionLost, DatabaseError
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.owners import Owners
from fhir_server.subscriptions.relay import Relay
from fhir_server.subscriptions.switchboard import Switchboard
from fhir_server.trouble import places
from hub import VERSION, encryption
from hub.agents import agents
from hub.api.app import Api
from hub.authorization import authorization
from hub.brands import Brands
from hub.cross_origin import CrossOrigin
from hub.ledger import Ledger
from hub.logs import RequestLog
from hub.operations.app import Operations
from hub.operations.asked import Parts
from hub.operations.simulate import simulations
from hub.outbound import Allowed, Door
from hub.pages import pages
from hub.sealing_key import bodies
from hub.services import Services, listened
from hub.settings import Settings
from hub.shared_counts import SharedCounts
from hub.tasy.callbacks import Callbacks
from hub.tasy.desk import Desk
from hub.tasy.responding import responding
from hub.tasy.site import site
from hub.whatsapp.mounted import WhatsAppWebhook

MULTIPROCESS_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Set by prometheus-client's convention where several workers count together."""


LEARN_SECONDS = 1.0
"""Between two looks at the search parameters that are in force."""


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def server(settings: Settings, database_url: str) -> Server:
    """The FHIR server without any way in: for the application, and for commands that work in the same process."""
    encryption.begin(settings, database_url)
    store = ResourceStore(
        database_url,
        settings.base,
        referential_integrity=settings.referential_integrity,
        now=now,
        connections=settings.connections,
    )
    api = ApiSettings(
        conditional_delete_multiple=settings.conditional_delete_multiple,
        expunge=settings.expunge,
        full_text=settings.full_text,
        payer=settings.tasy_url is not None,
        max_body=settings.max_body,
        max_bundle_body=settings.max_bundle_body,
        max_entries=settings.max_entries,
        max_concurrent=settings.max_concurrent,
        deadline=settings.deadline,
        bulk_files=settings.bulk_files,
        import_sources=settings.import_sources,
    )
    known = agents(store) if settings.access == "smart" else nobody
    return Server(
        store=store, base=settings.base, now=now, settings=api, software_version=VERSION, agents=known
    )  # fmt: skip


def application(
    settings: Settings, database_url: str, database: str, worker: int = 1, care: Services | None = None
) -> CrossOrigin:
    """The ASGI application of one worker process. `database` says in words which database it is; care: services that
    are told of events, those that the settings switch on unless others are given."""
    heard = listened(settings, care)
    fhir = server(settings, database_url)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    counts = SharedCounts(None)
    if MULTIPROCESS_METRICS in os.environ:
        counts = SharedCounts(Path(os.environ[MULTIPROCESS_METRICS]) / "requests", worker, settings.workers)
        scraped = CollectorRegistry()
        MultiProcessCollector(scraped)  # type: ignore[no-untyped-call]
    else:
        scraped = registry
    ProcessCollector(registry=scraped)
    log = RequestLog(settings.log_level, worker)
    ledger, place = Ledger(database_url, bodies(settings)), site(settings).site

    async def ping() -> None:
        await fhir.store.select(Statement("select 1"))

    other = pages(settings.base, facts(settings, database), scraped, ping)
    if settings.brands:
        other = Brands(fhir, settings.brands, other)
    desk = None
    if settings.tasy_url is not None:
        fhir.payer = desk = Desk(database_url, ledger, place, responding(settings, fhir, ledger, place))
        if settings.tasy_callback_secret is not None:
            other = Callbacks(ledger, settings.tasy_callback_secret, other, place.names)
    chat = None
    if settings.whatsapp_url is not None:
        other = chat = WhatsAppWebhook(settings, ledger, place, database_url, other)
    auth = authorization(settings, database_url, other, log, fhir, counts) if settings.access == "smart" else None

    async def keep_learning() -> None:
        """What others change is known soon, even by a worker that neither writes nor is asked for it."""
        while True:
            await asyncio.sleep(LEARN_SECONDS)
            with suppress(ConnectionLost, DatabaseError):  # the requests tell
                await fhir.store.learn()
                await owners.look()

    door = Door(Allowed(frozenset(settings.outbound_schemes), settings.outbound_loopback))
    sealer = Sealer(fhir.store, log)
    behind = Gauge(
        "fhir_full_text_waiting", "Changes not indexed for _text and _content yet", registry=registry,
        multiprocess_mode="mostrecent",
    )  # fmt: skip
    owners = Owners(fhir.store, auth.revoked if auth else None)
    relay = Relay(
        fhir.store, door.send, now=now, access=owners.access, log=log, full_text=settings.full_text,
        listened=heard, waiting=behind.set,
    )  # fmt: skip
    switchboard = Switchboard(fhir.store, now=now, log=log, lost=owners.lost)
    tasks: list[asyncio.Task[None]] = []

    async def start() -> None:
        # The first read opens a connection and fails here, not at a client, if there is no database.
        await fhir.store.learn()
        tasks.append(asyncio.create_task(keep_learning()))
        if auth:
            await auth.start()
        await owners.look()
        if desk:
            await desk.start()
        if chat:
            await chat.start(app)
            from hub.whatsapp.counting import keep_counting as keep_counting_messages

            tasks.append(asyncio.create_task(keep_counting_messages(settings, ledger, registry)))
        if heard:
            from hub.events.counting import keep_counting

            tasks.append(asyncio.create_task(keep_counting(fhir.store, registry)))
        tasks.append(asyncio.create_task(relay.run()))
        tasks.append(asyncio.create_task(sealer.run()))

    async def stop() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        switchboard.close()
        await door.close()
        if desk:
            await desk.stop()
        if chat:
            await chat.stop()
        if auth:
            await auth.stop()
        await asyncio.to_thread(ledger.close)
        fhir.store.close()
        log.flush()

    def tell(path: str, error: BaseException) -> None:
        record = {"message": "fault", "level": "error", "interaction": "operations"}
        log(record | {"error": type(error).__qualname__, "trace": places(error)})

    parts = Parts(
        ledger, fhir, simulations(fhir, place), place, settings.audited, now=lambda: datetime.now(UTC)
    )  # fmt: skip
    operations = Operations(parts, auth.gate if auth else everybody, tell, auth.app if auth else other)

    app = App(
        fhir,
        operations,
        metrics=metrics,
        path=urlsplit(settings.base).path,
        access=auth.gate if auth else everybody,
        at_once=auth.gate.at_once if auth else free,
        audit=fhir.store.intake.note if settings.audited else None,
        log=log,
        startup=start,
        shutdown=stop,
        switchboard=switchboard,
    )
    api = Api(
        settings, place.systems, app, fhir, auth.gate if auth else everybody, auth.holds if auth else None,
        fhir.store.intake.note if settings.audited else None, log,
    )  # fmt: skip
    return CrossOrigin(api, settings.base, settings.authorization, auth.origins if auth else frozenset)


def facts(settings: Settings, database: str) -> Mapping[str, str]:
    """What the start page says of this installation."""
    return {
        "Version": VERSION,
        "FHIR": "R4 (4.0.1), JSON",
        "Database": database,
        "Server processes": str(settings.workers),
        "Referential integrity": "checked on write" if settings.referential_integrity else "not checked",
        "Access": "with a token (SMART on FHIR)" if settings.access == "smart" else "open to everybody on this machine",
        "Audit trail": "on" if settings.audited else "off",
        "Environment": settings.env,
        **({"ERP (Tasy)": f"{settings.tasy_url}, simulated"} if settings.tasy_is_simulated else {}),
    }
