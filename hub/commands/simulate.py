"""`hub simulate`: partners of the hub to try it with, on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described
from hub.settings import Settings

DESCRIPTION = """\
tasy: the ERP's REST interface over mutual TLS, with a synthetic plan, until Ctrl-C. It prints its URL, where the
certificates are, and a call to try. To have it misbehave, post what goes wrong to /_simulador:

  {"name": "silence-after-commit", "path": "/autorizacoes", "times": 1}

A name that is none is answered with all names. GET /_simulador tells the calls and guides so far.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "simulate", help="run a simulated partner", description=DESCRIPTION)
    command.add_argument("partner", choices=("tasy",))
    command.add_argument("--members", type=int, default=1000, metavar="N", help="of the plan; default 1000")
    command.add_argument("--seed", type=int, default=1, help="another one, another plan; default 1")
    # Not `port`: that would be taken for the hub's own.
    where = "on 127.0.0.1; 0: any that is free; default 8443"
    command.add_argument("--port", dest="listen", type=int, default=8443, metavar="PORT", help=where)
    command.add_argument("--folder", type=Path, default=Path(".hub/tasy"), help="for certificates; default .hub/tasy")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.simulate import tasy

    return tasy(chosen.members, chosen.seed, chosen.listen, chosen.folder)
