"""Keys of what is encrypted, and how far encryption is: see `encryption/`."""

from __future__ import annotations

from sqlalchemy import ARRAY, Boolean, Column, Integer, LargeBinary, SmallInteger, Table, Text

from fhir_server.schema.columns import TEXT_C, key, metadata

encryption_key = Table(
    "encryption_key",
    metadata,
    # Each ciphertext names it.
    Column("id", Integer, primary_key=True, autoincrement=False),
    # data: it encrypts; index: it makes the codes that values are found by.
    Column("purpose", TEXT_C, nullable=False),
    # By a key that is not in the database, and what that is called.
    Column("wrapped", LargeBinary, nullable=False),
    Column("wrapping", TEXT_C, nullable=False),
    key("made"),
    # No row has a code by it any more.
    Column("retired", Boolean, nullable=False),
)

encryption_system = Table(
    "encryption_system",
    metadata,
    Column("system", TEXT_C, primary_key=True),
    # Nothing stored says an identifier of it in plain text any more.
    Column("indexed", Boolean, nullable=False),
)
"""Systems whose identifiers have been encrypted when they were written."""

encryption_run = Table(
    "encryption_run",
    metadata,
    # current or previous versions.
    Column("part", TEXT_C, primary_key=True),
    # Keys and systems: a run that finds others begins anew.
    Column("goal", Text, nullable=False),
    # The last resource that is done, and its version.
    key("rid"),
    Column("version", Integer, nullable=False),
    # By the look under way, and rewritten by those before it.
    key("looked_at"),
    key("rewritten"),
    key("before"),
    # A look at everything found nothing more to rewrite.
    Column("complete", Boolean, nullable=False),
    # Numbers of the types of what was rewritten.
    Column("types", ARRAY(SmallInteger), nullable=False),
)
"""How far the encryption of what was stored before is, noted in the transaction that does it."""
