"""JSON logs on standard error: one object per line, with a request id where there is one, and no health data.

A line names the interaction, never a path, query, id or body: those speak of people.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from functools import lru_cache
from typing import BinaryIO, TextIO

import orjson

from fhir_server.trouble import places

_FLUSH_SECONDS = 0.2
_LEVELS = ("debug", "info", "warning", "error")


def timestamp(seconds: float) -> str:
    """UTC with milliseconds: 2026-01-31T12:00:00.000Z."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


class RequestLog:
    """One JSON line per record, written several at a time: a write for each would cost more than many a request."""

    def __init__(self, level: str, worker: int, stream: BinaryIO | None = None) -> None:
        self._hidden = frozenset(_LEVELS[: _LEVELS.index(level)])
        self._worker, self._stream = worker, stream
        self._lines: list[bytes] = []

    def __call__(self, record: dict[str, object]) -> None:
        """Takes a record of names and numbers; its `level`, else info, decides whether it is shown."""
        level = record.get("level", "info")
        if level in self._hidden:
            return
        line = {"time": timestamp(time.time()), "level": level, "worker": self._worker, **record}
        self._lines.append(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            stream = self._stream or sys.stderr.buffer
            stream.write(b"".join(lines))
            stream.flush()


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message. Of exceptions type and place only: their text may quote a record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = places(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Sends all logging of this process through the formatter."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("alembic", "paramiko"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # They log URLs and headers, which name resources and hold secrets of Subscriptions.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its own lines say what ours say, and the access log would show paths and queries.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, getattr(logging, level.upper())))
