"""`hub serve`: the FHIR API, until Ctrl-C."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import told
from hub.settings import Settings


def parser(commands: Any) -> None:
    """The command line."""
    serve = commands.add_parser("serve", help="serve the FHIR API until Ctrl-C")
    serve.add_argument("--host", help="loopback address to listen on (HUB_HOST, 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on (HUB_PORT, 8080)")
    serve.add_argument("--workers", help="server processes (HUB_WORKERS, 1)")
    serve.add_argument(
        "--sample-data", action="store_true", help="first load the shipped patients into an empty record"
    )
    serve.add_argument(
        "--demo", action="store_true",
        help="with HUB_ACCESS=smart: first make people to try it with, where there is nobody, and serve the apps at the"
        " next port, where their parts are there; never in production",
    )  # fmt: skip
    serve.add_argument(
        "--simulate", action="store_true",
        help="with a simulated ERP (Tasy) beside it and its members synchronised, unless HUB_TASY_URL names one, and a"
        " simulated WhatsApp with a telephone, unless HUB_WHATSAPP_URL names one; never in production",
    )  # fmt: skip
    serve.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.apps import PartsMissing
    from hub.sealing_key import KeyUnusable
    from hub.serve import CannotListen, serve
    from hub.tasy.connection import CertificateUnusable
    from hub.tasy.site import SiteUnusable
    from hub.tls import TlsUnusable

    for name in ("demo", "simulate"):
        if getattr(chosen, name) and settings.env == "production":
            return told(ValueError(f"--{name}: not with HUB_ENV=production"), 2)
    try:
        return serve(settings, sample_data=chosen.sample_data, demo=chosen.demo, simulate=chosen.simulate)
    except (CannotListen, CertificateUnusable, KeyUnusable, PartsMissing, SiteUnusable, TlsUnusable) as error:
        return told(error, 1)
