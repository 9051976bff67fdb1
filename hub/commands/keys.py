"""`hub keys`: those that sign tokens, and those that encrypt identifiers."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

COMMANDS = ("status", "apply", "rotate", "rewrap")

DESCRIPTION = """\
Encryption of the identifiers that HUB_ENCRYPT_IDENTIFIERS names:

  hub keys encryption            keys, systems, and what each key has encrypted
  hub keys encryption apply      encrypt what was stored before, while the hub is running
  hub keys encryption rotate     a new data key, and everything encrypted anew by it
  hub keys encryption rewrap     all keys wrapped by the first one in HUB_ENCRYPTION_KEY

What was broken off goes on where it stopped when it is started again.
"""


def parser(commands: Any) -> None:
    """The command line."""
    keys = described(commands, "keys", "keys that sign tokens, and that encrypt identifiers", DESCRIPTION)
    keys.add_argument(
        "do", choices=("list", "rotate", "new-seal", "encryption"),
        help="list; rotate: the next key signs from now on; new-seal: print a new key for HUB_KEY or"
        " HUB_ENCRYPTION_KEY; encryption: see above",
    )  # fmt: skip
    keys.add_argument("what", nargs="?", choices=COMMANDS, help="of encryption (status)")
    keys.add_argument("--index", action="store_true", help="of encryption rotate: the key of the search codes, too")
    keys.add_argument("--alg", choices=("PS256", "RS256"), default="PS256", help="of access or of id tokens (PS256)")
    keys.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    if chosen.do == "encryption":
        return _encryption(settings, chosen)
    if chosen.what is not None:
        return told(ValueError(f"keys {chosen.do} takes no {chosen.what}"), 2)
    from hub.commands.operator import carry_out
    from hub.tokens import show_keys

    return carry_out(show_keys, settings, chosen)


def _encryption(settings: Settings, chosen: argparse.Namespace) -> int:
    from fhir_server.encryption.run import Unfinished
    from fhir_server.outcome import FhirError
    from hub.encryption import NotGiven, show, turn
    from hub.migrate import prepared

    what = chosen.what or "status"
    try:
        with prepared(settings) as found:
            if what == "status":
                show(found.url)
            else:
                turn(settings, found.url, what, index=chosen.index)
    except NotGiven as error:
        return told(error, 2)
    except (Unfinished, FhirError) as error:
        return told(error, 1)
    except KeyboardInterrupt:
        print("\nStopped. `hub keys encryption apply` goes on from here.", file=sys.stderr)
        return 130
    return 0
