"""How a command describes itself, and how a fault is told: in a line instead of a traceback."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def described(commands: Any, name: str, help: str, description: str) -> argparse.ArgumentParser:
    """The parser of a command whose description is shown line by line as it stands."""
    found: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return found


def told(error: Exception, code: int) -> int:
    """Tells the fault; the exit code."""
    print(f"hub: {error}", file=sys.stderr)
    return code
