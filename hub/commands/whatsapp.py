"""`hub whatsapp`: how numbers and templates stand, the channel's list of templates, how messages have fared."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
  hub whatsapp numbers                    how each business number stands
  hub whatsapp numbers --on ID            it can be sent from again (or --off)
  hub whatsapp templates                  how each template stands, as far as it is known
  hub whatsapp templates --sync           takes over the list of the account HUB_WHATSAPP_ACCOUNT names, and tells which
                                          template is missing, not approved, of another category or another text
  hub whatsapp analytics                  how many messages came how far, by template, number and code, since ever
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "whatsapp", help="business numbers, templates, messages", description=DESCRIPTION)
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    numbers = actions.add_parser("numbers", help="how each business number stands")
    numbers.add_argument("--on", metavar="ID", help="it can be sent from again")
    numbers.add_argument("--off", metavar="ID", help="it cannot be sent from")
    templates = actions.add_parser("templates", help="how each template stands")
    templates.add_argument("--sync", action="store_true", help="take over the channel's list")
    analytics = actions.add_parser("analytics", help="how many messages came how far")
    for one in (numbers, templates, analytics):
        one.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code: 1 where something is not as it should be."""
    from adapters.partner_errors import PartnerRefused, PartnerUnavailable
    from hub.migrate import prepared
    from hub.whatsapp import standing

    if settings.whatsapp_url is None:
        return told(ValueError("without HUB_WHATSAPP_URL there is no WhatsApp"), 2)
    try:
        with prepared(settings) as found:
            lines = asyncio.run(standing.told(settings, found.url, chosen))
    except (PartnerUnavailable, PartnerRefused, ValueError) as error:
        return told(error, 1)
    print("\n".join(lines.lines))
    return 1 if lines.wrong else 0
