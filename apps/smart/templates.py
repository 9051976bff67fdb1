"""The templates of an app: what is put into them is escaped, and a name that is not there is an error."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates(app: Path) -> Environment:
    """Those in the folder `templates` of an app's folder."""
    loader = FileSystemLoader(app / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
