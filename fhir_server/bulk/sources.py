"""Where an import may read from: only what the operator named. Pure; the reading itself is handed in by `hub`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from fhir_server.outcome import Forbidden, Invalid

DEFAULT_PORTS = {"http": 80, "https": 443}


def check(url: str, allowed: Sequence[str]) -> None:
    """Raises Invalid for what is no absolute URL of a file, Forbidden for one that is not below an allowed place.

    allowed: URLs that end in a slash, of the schemes http, https and file.
    """
    wanted = _parts(url)
    for place in allowed:
        scheme, host, path = _parts(place)
        if (scheme, host) == wanted[:2] and wanted[2].is_relative_to(path) and wanted[2] != path:
            return
    raise Forbidden("the hub may not read from there: HUB_IMPORT_SOURCES names the places it may")


def _parts(url: str) -> tuple[str, tuple[str, int], PurePosixPath]:
    """Scheme, host and port, path. Raises Invalid."""
    try:
        found = urlsplit(url)
        port = found.port or DEFAULT_PORTS.get(found.scheme, 0)
    except ValueError:
        raise Invalid("an input is no URL", code="value") from None
    path = PurePosixPath(unquote(found.path))
    plain = found.username is None and found.password is None and not found.fragment and "\\" not in url
    if found.scheme == "file":
        plain = plain and found.netloc == "" and not found.query
    elif found.scheme not in DEFAULT_PORTS or not found.hostname:
        raise Invalid("an input is an http, https or file URL", code="value")
    # Encoded twice, or with steps upwards: another reader may understand another place.
    if not plain or not path.is_absolute() or ".." in path.parts or "%" in str(path) or "\0" in str(path):
        raise Invalid("an input's URL has parts that are not taken here", code="value")
    return found.scheme, (found.hostname or "", port), path
