"""The one way out for files others offer: only to places the operator named, no redirects, streamed to disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2

from fhir_server.bulk.sources import check
from fhir_server.outcome import Forbidden, Unprocessable

SECONDS = 60.0
"""For a connection, and for each piece."""
_PIECE = 2**18


def door(allowed: Sequence[str]) -> Callable[[str, Path], None]:
    """(url, path) -> the file is at path, whole. Raises Forbidden, Unprocessable, OSError."""

    def bring(url: str, path: Path) -> None:
        check(url, allowed)
        part = path.with_suffix(".part")
        with part.open("wb") as target:
            if urlsplit(url).scheme == "file":
                with _local(url, allowed).open("rb") as source:
                    shutil.copyfileobj(source, target, _PIECE)
            else:
                try:
                    with (
                        httpx2.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
                        client.stream("GET", url, headers={"accept": "application/fhir+ndjson"}) as answer,
                    ):
                        if answer.status_code != 200:
                            raise Unprocessable(f"an input was not to be had: HTTP status {answer.status_code}")
                        for piece in answer.iter_bytes(_PIECE):
                            target.write(piece)
                except httpx2.HTTPError as error:
                    raise Unprocessable(f"an input was not to be had: {type(error).__name__}") from None
            target.flush()
            os.fsync(target.fileno())
        part.rename(path)

    return bring


def _local(url: str, allowed: Sequence[str]) -> Path:
    """The file, links followed. Raises Forbidden where they lead elsewhere, Unprocessable where there is none."""
    path = Path(unquote(urlsplit(url).path)).resolve()
    places = [Path(unquote(urlsplit(one).path)).resolve() for one in allowed if one.startswith("file:")]
    if not any(path.is_relative_to(place) for place in places):
        raise Forbidden("a link leads to where the hub may not read from")
    if not path.is_file():
        raise Unprocessable("an input is no file")
    return path
