"""`hub simulate`: partners of the hub to try it with, on this machine, and synthetic plans of any size."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
A simulated ERP with a synthetic plan, until Ctrl-C:

  hub simulate tasy --members 1000

What it should do next:

  hub simulate do cenarios '{"number": 17}'

A synthetic plan as FHIR files, one for each type:

  hub simulate population --members 50000 --out plan

A simulated WhatsApp, with a page that looks like a telephone:

  hub simulate whatsapp

A simulated language model:

  hub simulate model

docs/simulators.md tells how its people are made, and how the ERP is made to misbehave.
"""

TASY = """\
The ERP's REST interface over mutual TLS, and its sets of files by SFTP. It prints where they are, calls to try, and how
a hub is set to it. Its folder remembers keys, plan, days and the numbers of its sets.

To have it misbehave, post to /_simulador what is to go wrong, or start it with a scenario of the contract:

  {"name": "silence-after-commit", "path": "/autorizacoes", "times": 1}
  hub simulate tasy --scenario 17

A name that is none is answered with all names; GET /_simulador tells what happened so far.
"""

DO = """\
Posts to the simulated ERP that runs in a folder (that of `make run`, or of `hub simulate tasy`); without anything tells
what happened there so far.

  hub simulate do cenarios '{"number": 17}'
  hub simulate do conjuntos '{"flow": "MEMBROS", "full": false}'
  hub simulate do guias '{"nr_seq_guia": 5500001, "ie_status": "N"}'
"""

WHATSAPP = """\
The channel's API on a socket of this machine, its webhooks to a hub, and a page on which anybody writes to the hub as
by telephone. It prints the page's URL, and how a hub is set to it. Its folder remembers token and secrets.
"""

MODEL = """\
An OpenAI-compatible server on a socket of this machine that answers by simple rules of its own. It prints how a hub is
set to it. Made to misbehave at every call, or by what is posted to /_simulador/problemas:

  hub simulate model --trouble all-no

A name that is none is answered with all of them; GET /_simulador tells what it received.
"""

ONCALL = """\
Whoever is on call, as a webhook on a socket of this machine. It prints how a hub is set to it, and each page as it
comes.
"""

SMS = """\
An SMS gateway on a socket of this machine. It prints how a hub is set to it, and each message as it comes.
"""

PUSH = """\
A push service with browsers on a socket of this machine. It prints how a hub is set to it, and what a browser would
show as it comes.
"""

POPULATION = """\
Writes NDJSON files of a synthetic plan: members, network and products as the ERP's sets of files have them, and
conditions, visits and guides. The same members, seed and day give the same files.

  hub simulate population --members 50000 --out plan
  hub simulate population --members 50000 --out plan --type Patient,RelatedPerson,Coverage --gzip
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(
        commands, "simulate", help="run a simulated partner, make a synthetic plan", description=DESCRIPTION
    )
    what = command.add_subparsers(dest="what", metavar="WHAT", required=True)
    tasy = described(what, "tasy", help="run a simulated ERP", description=TASY)
    _plan(tasy, 1000)
    # Not `port`: that would be taken for the hub's own.
    where = "of the REST interface, on 127.0.0.1; 0: any that is free; default 8443"
    tasy.add_argument("--port", dest="listen", type=int, default=8443, metavar="PORT", help=where)
    where = "of the SFTP server; default 2022"
    tasy.add_argument("--sftp-port", type=int, default=2022, metavar="PORT", help=where)
    tasy.add_argument("--folder", type=Path, help="of what it remembers; default tasy in HUB_DATA")
    own = "TOML of names of its own: base, token, segments, fields"
    tasy.add_argument("--names", type=Path, metavar="FILE", help=own)
    tasy.add_argument("--hub", metavar="URL", help="tell this hub of decisions, by callbacks; without path")
    again = "start it with this scenario of the contract; may be repeated"
    tasy.add_argument("--scenario", type=int, action="append", default=[], metavar="N", help=again)
    do = described(what, "do", help="have the simulated ERP that runs do something", description=DO)
    do.add_argument("path", nargs="?", default="", help="below /_simulador")
    do.add_argument("body", nargs="?", default="", help="JSON")
    do.add_argument("--folder", type=Path, help="of the ERP; default tasy in HUB_DATA")
    whatsapp = described(what, "whatsapp", help="run a simulated WhatsApp", description=WHATSAPP)
    where = "on 127.0.0.1; 0: any that is free; default 8090"
    whatsapp.add_argument("--port", dest="listen", type=int, default=8090, metavar="PORT", help=where)
    whatsapp.add_argument("--folder", type=Path, help="of token and secrets; default whatsapp in HUB_DATA")
    whatsapp.add_argument("--webhook", metavar="URL", help="of the hub's webhook; default: that of these settings")
    model = described(what, "model", help="run a simulated language model", description=MODEL)
    where = "on 127.0.0.1; 0: any that is free; default 8091"
    model.add_argument("--port", dest="listen", type=int, default=8091, metavar="PORT", help=where)
    wrong = "goes wrong at every call; may be repeated"
    model.add_argument("--trouble", action="append", default=[], metavar="NAME", help=wrong)
    oncall = described(what, "oncall", help="run whoever is on call", description=ONCALL)
    where = "on 127.0.0.1; 0: any that is free; default 8092"
    oncall.add_argument("--port", dest="listen", type=int, default=8092, metavar="PORT", help=where)
    sms = described(what, "sms", help="run an SMS gateway", description=SMS)
    where = "on 127.0.0.1; 0: any that is free; default 8093"
    sms.add_argument("--port", dest="listen", type=int, default=8093, metavar="PORT", help=where)
    push = described(what, "push", help="run a push service", description=PUSH)
    where = "on 127.0.0.1; 0: any that is free; default 8094"
    push.add_argument("--port", dest="listen", type=int, default=8094, metavar="PORT", help=where)
    population = described(what, "population", help="write a synthetic plan as NDJSON", description=POPULATION)
    _plan(population, 50_000)
    population.add_argument("--out", type=Path, default=Path("population"), metavar="FOLDER", help="default population")
    population.add_argument("--type", default="", metavar="TYPE,...", help="these types alone; default: all")
    population.add_argument("--gzip", action="store_true", help="compress the files")
    command.set_defaults(run=run)


def _plan(command: argparse.ArgumentParser, members: int) -> None:
    command.add_argument("--members", type=int, default=members, metavar="N", help=f"of the plan; default {members}")
    command.add_argument("--seed", type=int, default=1, help="another one, another plan; default 1")
    day = "that ages and contracts are counted from; default: today"
    command.add_argument("--day", type=date.fromisoformat, default=date.today(), metavar="YYYY-MM-DD", help=day)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.sealing_key import KeyUnusable
    from hub.simulate import do, population, tasy
    from simulators.tasy.station import PlanOf

    if settings.env == "production":
        return told(ValueError("nothing is simulated with HUB_ENV=production"), 2)
    try:
        if chosen.what == "tasy":
            ports = (chosen.listen, chosen.sftp_port)
            plan = PlanOf(chosen.members, chosen.seed, chosen.day)
            folder = chosen.folder or settings.simulated_tasy
            return tasy(plan, ports, folder, chosen.hub, chosen.scenario, chosen.names)
        if chosen.what == "whatsapp":
            from hub.simulated_whatsapp import run as whatsapp

            webhook = chosen.webhook or settings.whatsapp_webhook
            return whatsapp(chosen.folder or settings.data / "whatsapp", chosen.listen, webhook)
        if chosen.what == "model":
            from hub.simulated_model import run as model

            return model(chosen.listen, chosen.trouble)
        if chosen.what == "oncall":
            from hub.simulated_on_call import run as on_call

            return on_call(chosen.listen)
        if chosen.what == "sms":
            from hub.simulated_sms import run as sms

            return sms(chosen.listen)
        if chosen.what == "push":
            from hub.simulated_push import run as push

            return push(settings, chosen.listen)
        if chosen.what == "do":
            return do(chosen.folder or settings.simulated_tasy, chosen.path, chosen.body)
        return population(chosen.members, chosen.seed, chosen.day, chosen.out, chosen.type, compressed=chosen.gzip)
    except (ValueError, KeyUnusable) as error:
        return told(error, 2)
    except OSError as error:
        return told(error, 1)
