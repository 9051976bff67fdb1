"""`hub reindex`: compares and mends the search rows of stored resources, type by type, with a progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from fhir_server.full_text.indexing import index_anew
from fhir_server.job_work import LOCKS
from fhir_server.jobs import REINDEX
from fhir_server.outcome import FhirError
from fhir_server.reindex.goal import STORED
from fhir_server.reindex.run import Outcome, run_reindex
from fhir_server.resource_types import TYPE_ID
from hub.settings import Settings

WAIT_SECONDS = 1.0


class AskedWrongly(ValueError):
    """No such resource type, or search parameter."""


class ReindexFailed(RuntimeError):
    """The rows are not what they should be; the text says where."""


def reindex(
    settings: Settings, url: str, types: Sequence[str], parameter: str | None, say: Callable[[str], None] = print
) -> list[Outcome]:
    """Reindexes some types (none named: all, and parameters that wait for it), or one search parameter by its URL.

    Started again after it was broken off, it goes on there. Raises AskedWrongly, ReindexFailed.
    """
    for name in types:
        if name not in TYPE_ID:
            raise AskedWrongly(f"{name} is not a resource type of R4")
    if parameter is not None and types:
        raise AskedWrongly("name resource types or a parameter, not both")
    orders: list[dict[str, Any]] = [{"types": sorted(set(types))} if parameter is None else {"url": parameter}]
    if not types and parameter is None:
        orders.append(STORED)
    with _alone(url, say):
        outcomes = [_carry_out(settings, url, order, say) for order in orders]
        seen = [TYPE_ID[name] for name in outcomes[0].types]
        with psycopg.connect(url, autocommit=True) as connection:
            if settings.full_text and parameter is None and seen:
                indexed = index_anew(connection, seen)
                say("Words: the running hub indexes them" if indexed is None
                    else f"Words: {indexed:,} resources indexed")  # fmt: skip
            if any(one.added or one.removed for outcome in outcomes for one in outcome.types.values()):
                connection.execute("vacuum (analyze)")
    return outcomes


@contextmanager
def _alone(url: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock that allows one reindex at a time."""
    with psycopg.connect(url, autocommit=True, application_name="hub-reindex") as connection:
        told = False
        while True:
            row = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [LOCKS, REINDEX]).fetchone()
            if row is not None and row[0]:
                break
            if not told:
                say("Waiting for another reindex to end.")
                told = True
            time.sleep(WAIT_SECONDS)
        yield


def _carry_out(settings: Settings, url: str, order: dict[str, Any], say: Callable[[str], None]) -> Outcome:
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("reindexed", total=None)

        def moved(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        run = "hub reindex " + " ".join(order.get("types") or [order.get("url", "")])
        try:
            outcome = run_reindex(url, settings.base, run, order, moved)
        except FhirError as error:
            raise (AskedWrongly if error.status < 500 else ReindexFailed)(str(error)) from None
    for name, one in outcome.types.items():
        say(f"{name}: {one.resources:,} resources, {one.added:,} search rows added, {one.removed:,} removed")
    for parameter in outcome.parameters:
        say(f"{parameter} can be searched by")
    return outcome
