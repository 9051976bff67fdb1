"""JSON logs: one object per line, and nothing in them that speaks of a person."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from hub.logs import JsonFormatter, RequestLog, timestamp


def test_exception_tells_type_and_place_but_not_its_text() -> None:
    try:
        raise ValueError("Maria da Silva")
    except ValueError as error:
        record = logging.LogRecord("hub", logging.ERROR, __file__, 1, "failed", (), (type(error), error, None))
    line = JsonFormatter().format(record)
    assert "Maria" not in line
    assert json.loads(line)["message"] == "failed"
    assert "ValueError" in json.loads(line)["trace"]


@pytest.mark.parametrize(
    ("level", "shown"), [("debug", ["info", "error"]), ("info", ["info", "error"]), ("warning", ["error"])]
)
async def test_request_log_writes_lines_together(level: str, shown: list[str]) -> None:
    stream = io.BytesIO()
    log = RequestLog(level, 2, stream)
    log({"message": "request", "status": 200})
    log({"message": "fault", "level": "error"})
    assert not stream.getvalue()
    await asyncio.sleep(0.3)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines] == shown
    assert all(line["worker"] == 2 and line["time"].endswith("Z") for line in lines)


def test_timestamp() -> None:
    assert timestamp(0.25) == "1970-01-01T00:00:00.250Z"
