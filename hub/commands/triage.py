"""`hub triage`: what the rules make of a text, for whoever writes the rules."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Shows how the rules read a text: its words, every finding with the member's own words for it, what was denied or lies in
the past and will be asked, the numbers, every rule that holds and by what, and the level. Nothing is stored or sent.

  hub triage explain "minha mãe acordou com a boca torta" --age 71 --about other
  hub triage check        reads the rules; tells what is wrong with them, or their version, digest and size
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "triage", help="show how the triage rules read a text", description=DESCRIPTION)
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    explain = actions.add_parser("explain", help="every match, negation, rule and level of a text")
    explain.add_argument("text")
    explain.add_argument("--age", help='as a member would say it: 71, "2 meses"')
    explain.add_argument("--sex", choices=("F", "M"))
    explain.add_argument("--pregnant", action="store_true")
    explain.add_argument("--about", choices=("self", "child", "other"), default="self")
    explain.set_defaults(run=run)
    check = actions.add_parser("check", help="read the rules and tell what is wrong with them")
    check.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from care_services.triage.explanation import checked, explained
    from care_services.triage.rule_set import BadRules, rules

    try:
        if chosen.action == "check":
            lines = checked(rules())
        else:
            lines = explained(chosen.text, rules(), chosen.age, chosen.sex, chosen.pregnant, chosen.about)
    except BadRules as error:
        return told(error, 1)
    print("\n".join(lines))
    return 0
