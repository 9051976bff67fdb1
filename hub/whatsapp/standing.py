"""What `hub whatsapp` tells and does: numbers, templates and messages, line by line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from adapters.connections import http_client
from adapters.whatsapp.client import Door, WhatsApp
from care_services.delivery.templates import TEMPLATES
from care_services.triage.rule_set import rules
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.whatsapp.analytics import table
from hub.whatsapp.lines import GOOD, OFF, Lines
from hub.whatsapp.numbers import synchronised
from messages import tally


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed, and whether something is not as it should be."""

    lines: Sequence[str]
    wrong: bool = False


async def told(settings: Settings, url: str, chosen: argparse.Namespace) -> Told:
    """Does what was chosen. url: of the database. Raises PartnerUnavailable, PartnerRefused, ValueError."""
    with closing(Ledger(url, bodies(settings), threads=1)) as ledger:
        if chosen.action == "analytics":
            return Told(table(await ledger(tally.listed)))
        lines = Lines(settings.whatsapp_numbers, ledger, now)
        if chosen.action == "numbers":
            return await _numbers(settings, lines, chosen.on, chosen.off)
        wrong = await _synchronised(settings, lines) if chosen.sync else []
        known = (await lines.standing(fresh=True)).templates
        shown = [
            f"{one.name}  {one.category}, {one.kind}, {one.language}: {known.get(one.name, 'not known')}"
            for one in TEMPLATES
        ]
        return Told([*shown, *wrong], bool(wrong))


async def _numbers(settings: Settings, lines: Lines, on: str | None, off: str | None) -> Told:
    for id, state in ((on, GOOD), (off, OFF)):
        if id is None:
            continue
        if id not in [known for _, known in settings.whatsapp_numbers]:
            raise ValueError("HUB_WHATSAPP_NUMBERS has no number of this id")
        await lines.say(id, state, "" if state == GOOD else "switched off here")
    found = (await lines.standing(fresh=True)).lines.values()
    shown = [
        f"{one.id}  {one.purpose}: {one.state}" + (f" since {one.since}, {one.why}" if one.state != GOOD else "")
        for one in found
    ]
    return Told(shown, any(one.state != GOOD for one in found))


async def _synchronised(settings: Settings, lines: Lines) -> list[str]:
    if settings.whatsapp_account is None or settings.whatsapp_url is None or settings.whatsapp_token is None:
        raise ValueError("HUB_WHATSAPP_ACCOUNT must be set: the templates are those of the business account")
    async with http_client() as http:
        channel = WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
        return await synchronised(channel, settings.whatsapp_account, lines, dict(rules().texts))
