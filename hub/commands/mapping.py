"""`hub map`: what a message of another system becomes, and how that differs from what was expected."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Shows a source, what it becomes, what a person should look at, whether the result is valid FHIR R4, and how it
differs from what was expected. Nothing is stored or sent.

A case is a file in a folder named by what it is, JSON or (of TISS) XML, and two files beside it:

  provider/clinic.json             the message, as Tasy sends it (or, of a request, a Bundle: first what is
                                   asked, then the resources it refers to)
  provider/clinic.with.json        what else is needed, if anything is: {"today": "2026-03-10"}
  provider/clinic.expected.json    what it should become

To add one: write the first two, run `hub map --accept provider/clinic.json`, and read what it wrote.
tests/mappings/cases/ has examples of each; `make test` maps all that stand there. A folder is shown as a table.

Exit code 0: as expected. 1: it differs, or nobody has said what is expected. 2: asked for wrongly.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(
        commands, "map", help="show what a message becomes, beside what was expected", description=DESCRIPTION
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="cases, or folders of them")
    command.add_argument("--as", dest="entity", metavar="ENTITY", help="what it is; else its folder's name says it")
    command.add_argument("--accept", action="store_true", help="write what it becomes as what is expected")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.map_cases import NoCase, show

    try:
        return 0 if show(chosen.paths, chosen.entity, chosen.accept) else 1
    except NoCase as error:
        return told(error, 2)
