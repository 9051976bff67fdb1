"""Search parameters: those of the record's own, and which ones each resource has values of."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, Table, Text

from fhir_server.schema.columns import TEXT_C, key, metadata

parameter_set = Table(
    "parameter_set",
    metadata,
    Column("type_id", SmallInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("param_ids", ARRAY(Integer), nullable=False),
    PrimaryKeyConstraint("type_id", "number"),
)
"""The different sets of search parameters that resources of a type have values of; none is ever changed or removed."""

search_parameter = Table(
    "search_parameter",
    metadata,
    # Distinguishes the search rows of this definition from those of any other.
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    # Of the SearchParameter resource.
    key("rid"),
    # indexing, ready, off or removing; see search/registry.py.
    Column("state", TEXT_C, nullable=False),
    # What of the resource counts, as JSON text.
    Column("definition", Text, nullable=False),
    # The job that writes the rows of what was there before.
    Column("job", TEXT_C),
    Index("search_parameter_rid", "rid"),
)

search_generation = Table(
    "search_generation",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
)
"""One row: a number that changes whenever `search_parameter` says something else."""
