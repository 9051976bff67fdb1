"""Work that outlives its request, and how far it is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, Table, Text

from fhir_server.schema.columns import TEXT_C, key, metadata

job = Table(
    "job",
    metadata,
    # Nobody can guess it: who knows it may ask for it.
    Column("id", TEXT_C, primary_key=True),
    # export, import, answer, reindex or portability.
    Column("kind", TEXT_C, nullable=False),
    # waiting, running, done, failed or cancelled.
    Column("state", TEXT_C, nullable=False),
    # URL it was asked for by.
    Column("request", Text, nullable=False),
    # What is asked for, as JSON text.
    Column("job_order", Text, nullable=False),
    # The Access it runs with, as JSON text.
    Column("access", Text, nullable=False),
    key("created"),
    key("finished", null=True),
    # When it and its files are removed.
    key("expires", null=True),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger, nullable=False, server_default="0"),
    # How often it was begun: a process that dies leaves its job to the next one.
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Of a finished one what came of it, of a failed one the OperationOutcome, as JSON text.
    Column("result", Text),
    Index("job_state", "state", "created"),
)
"""Work that outlives its request; `jobs.py` says who does it."""

import_chunk = Table(
    "import_chunk",
    metadata,
    # Id of the job, or what names the run of a command.
    Column("run", TEXT_C, nullable=False),
    Column("file", TEXT_C, nullable=False),
    # Number of its first line.
    Column("line", BigInteger, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    # [[line, reason, expressions], ...] as JSON text.
    Column("refused", Text, nullable=False),
    PrimaryKeyConstraint("run", "file", "line"),
)
"""Lines an import is done with, noted in the transaction that stores their resources: it goes on exactly there."""

reindex_run = Table(
    "reindex_run",
    metadata,
    # Id of the job, or what names the run of a command.
    Column("run", TEXT_C, primary_key=True),
    # What is done, and with which definitions: a run that finds another goal begins anew.
    Column("goal", Text, nullable=False),
    key("started"),
    # The highest rid there was.
    key("high"),
    Column("total", BigInteger, nullable=False),
    # Type under way, and the last of its resources that is done.
    Column("type_id", SmallInteger, nullable=False),
    key("last"),
    # What was found so far by type, as JSON text.
    Column("found", Text, nullable=False),
)
"""How far a reindex is, noted in the transaction that writes the rows: it goes on exactly there."""
