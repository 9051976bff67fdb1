"""The sample data that ship with the hub, loaded into an empty record."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files

import psycopg

from hub.load.command import Target, load
from hub.load.files import file_hash, find
from hub.load.journal import Journal
from hub.settings import Settings


def load_samples(settings: Settings, url: str, say: Callable[[str], None]) -> None:
    """Loads the sample data, or the rest of them; not into a record that was begun with something else."""
    with psycopg.connect(url) as connection:
        empty = connection.execute("select from resource limit 1").fetchone() is None
    with as_file(files("hub") / "sample_data") as folder:
        journal = Journal.of_database(url)
        digests = [file_hash(path) for group in find([folder]) for path in group]
        begun = any(journal.known(digest) for digest in digests)
        finished = all(journal.finished(digest) is not None for digest in digests)
        journal.close()
        if empty:
            say("Loading sample data (made-up patients) ...")
        if empty or (begun and not finished):
            load(Target(settings, url), [folder], processes=1, say=say, quiet=not empty)
