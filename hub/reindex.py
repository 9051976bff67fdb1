"""`hub reindex`: writes the search rows of stored resources anew, type by type, with a progress bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from fhir_server.full_text.indexing import index_anew
from fhir_server.reindex import reindex
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from hub.compose import server
from hub.settings import Settings


class UnknownType(ValueError):
    """No such resource type."""


def reindex_types(
    settings: Settings, url: str, types: Sequence[str], say: Callable[[str], None] = print
) -> dict[str, int]:
    """Resources reindexed by type; no types given: every type that has resources. Raises UnknownType."""
    for name in types:
        if name not in TYPE_ID:
            raise UnknownType(f"{name} is not a resource type of R4")
    chosen = list(types) or _stored_types(url)
    counts = asyncio.run(_reindex(settings, url, chosen, say))
    if chosen:
        with psycopg.connect(url, autocommit=True) as connection:
            if settings.full_text:
                indexed = index_anew(connection, [TYPE_ID[name] for name in chosen])
                say(
                    "Words: the running hub indexes them"
                    if indexed is None
                    else f"Words: {indexed:,} resources indexed"
                )
            connection.execute("vacuum (analyze)")
    return counts


def _stored_types(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select distinct type_id from resource").fetchall()
    return sorted(RESOURCE_TYPES[number - 1] for (number,) in rows)


async def _reindex(settings: Settings, url: str, types: list[str], say: Callable[[str], None]) -> dict[str, int]:
    fhir = server(settings, url)
    console = Console(stderr=True)
    counts = {}
    try:
        with Progress(
            "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, disable=not console.is_terminal,
        ) as progress:  # fmt: skip
            for name in types:
                task = progress.add_task(name, total=None)

                def moved(done: int, total: int, task: int = task) -> None:
                    progress.update(task, completed=done, total=total)  # type: ignore[arg-type]

                done = await reindex(fhir.store, name, moved)
                counts[name] = done.resources
                say(f"{name}: {done.resources:,} resources, {done.rows_before:,} -> {done.rows_after:,} search rows")
    finally:
        fhir.store.close()
    return counts
