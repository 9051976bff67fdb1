"""The batch interaction: every entry on its own, several at a time. https://hl7.org/fhir/R4/http.html#brules"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from fhir_server.dispatch import dispatch, refusal
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import FhirError, Invalid
from fhir_server.transaction import answer
from fhir_server.transaction.entries import Entry, nested, parse_entry, turn_of
from fhir_server.transaction.pace import Pace
from fhir_server.transaction.refusals import entry_path
from fhir_server.transaction.requests import answered, request_of
from fhir_server.trouble import places, trouble
from mappings.r4 import Json

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

AT_ONCE = 32
"""Entries under way together; writes among them share commits."""

_log = logging.getLogger(__name__)


async def batch(
    server: Server, request: FhirRequest, entries: Sequence[Json], headers: Mapping[str, str]
) -> list[bytes]:
    """The entries of the answer, in order. An entry's error stands in its own outcome.

    Deletions come first, then creations, updates and patches, then reading, as in a transaction; within a turn entries
    run together, except that those about one resource or the same criteria keep their order.
    """
    answers: list[bytes] = [b""] * len(entries)
    pace = Pace()
    understood: list[Entry] = []
    for index, json in enumerate(entries):
        try:
            understood.append(_understood(index, json, server.base))
        except FhirError as error:
            answers[index] = answer.entry(refusal(error), outcome=True)
        if pace.due():
            await pace.rest()

    async def work(lanes: Iterator[list[Entry]]) -> None:
        for lane in lanes:
            for entry in lane:
                response = await _perform(server, request, entry, headers)
                answers[entry.index] = answered(entry, response, server.base)
            if pace.due():
                await pace.rest()

    understood.sort(key=lambda entry: (entry.turn, entry.index))
    for _, together in groupby(understood, key=lambda entry: entry.turn):
        lanes: defaultdict[Hashable, list[Entry]] = defaultdict(list)
        for entry in together:
            lanes[_lane(entry)].append(entry)
        waiting = iter(lanes.values())
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(lanes))):
                group.create_task(work(waiting))
    return answers


def _understood(index: int, json: Json, base: str) -> Entry:
    entry = parse_entry(index, json, base)
    if nested(entry):
        raise Invalid(
            "a batch or transaction inside another is not allowed", expression=(entry_path(index, "request.url"),)
        )
    entry.turn = turn_of(entry)
    return entry


def _lane(entry: Entry) -> Hashable:
    """Entries of the same lane run one after another: what is about one resource, or decides by the same criteria."""
    if entry.method in ("GET", "HEAD", "POST"):
        if_none_exist = entry.headers.get("if-none-exist")
        return entry.index if if_none_exist is None else (entry.path, if_none_exist)
    return entry.path, tuple(sorted(entry.query))


async def _perform(server: Server, request: FhirRequest, entry: Entry, headers: Mapping[str, str]) -> FhirResponse:
    try:
        return await dispatch(server, request_of(entry, request, headers))
    except FhirError as error:
        return refusal(error)
    except Exception as error:  # noqa: BLE001 - outermost loop of an entry: the others still get their answers
        # Places only: a message may hold health data.
        _log.error("batch entry %d failed: %s", entry.index, " < ".join(reversed(places(error))))
        return trouble(error)
