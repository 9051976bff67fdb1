"""What the worker tells of Tasy (circuits, rate, token, certificates), and certificates taken up when they change."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from functools import partial

from adapters.tasy.client import FLOWS
from hub.ledger import Rows, now
from hub.settings import Settings
from hub.tasy.connection import CertificateUnusable, Pair, chosen, door, pairs
from hub.tasy.parts import Parts
from messages import partners

PARTNER = "tasy"
SECONDS = 5.0
"""Between two reports, and two looks at the certificates."""
_log = logging.getLogger("hub.worker")


async def report(parts: Parts, settings: Settings, shown: Pair) -> None:
    """Reports until it is cancelled. shown: the certificate in use."""
    told: dict[str, int | None] = {}
    while True:
        try:
            found = pairs(settings)
            wanted = chosen(found, now())
            if wanted != shown:
                await parts.wire.renew(door(settings, wanted, parts.place))
                shown = wanted
                _log.info("another certificate is shown to Tasy")
            for one in found:
                name, days = one.certificate.name, partners.alarm(one.ends, now())
                if days is not None and told.get(name) != days:
                    _log.warning("a certificate ends within %s days: %s", days, name)
                told[name] = days
        except (CertificateUnusable, OSError) as error:
            _log.error("the certificate before is kept: %s", type(error).__name__)
            found = []
        await parts.ledger(partial(_note, parts=parts, found=found, shown=shown))
        await asyncio.sleep(SECONDS)


def _note(connection: Rows, parts: Parts, found: list[Pair], shown: Pair) -> None:
    moment, wire = now(), parts.wire
    for flow in FLOWS:
        partners.report(connection, PARTNER, "circuit", flow.name, {"state": wire.breaker(flow).state}, moment)
    partners.report(connection, PARTNER, "rate", "calls", wire.lanes.told(), moment)
    if wire.token_until:
        until = moment + timedelta(seconds=max(0.0, wire.token_until - time.monotonic()))
        partners.report(connection, PARTNER, "token", "access", {}, moment, expires=until)
    for one in found:
        value = {"shown": one == shown, "alarm": partners.alarm(one.ends, moment)}
        partners.report(connection, PARTNER, "certificate", one.certificate.name, value, moment, expires=one.ends)
