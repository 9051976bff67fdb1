"""The rows by which searches find resources, each table with the index it is read by. Hashes: `search/rows.py`."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Numeric, PrimaryKeyConstraint, SmallInteger, Table, text

from fhir_server.schema.columns import TEXT_C, key, metadata

DAY = 86_400_000_000

_SHORT = f"low > -9000000000000000000 and high < 9000000000000000000 and high - low <= {DAY}"
"""Bounds stay clear of overflow: BEGIN and END never stand in an index of short spans."""

token = Table(
    "token",
    metadata,
    Column("param_id", Integer, nullable=False),
    Column("system_hash", Integer, nullable=False),
    key("code_hash"),
    key("rid"),
    # Of a resource's code, the bounds of its clinical date: see search/timeline.py.
    key("low", null=True),
    key("high", null=True),
    Index("token_code", "param_id", "code_hash", "rid", postgresql_include=["system_hash"]),
    # A code by date, newest or oldest first, as in `date`.
    Index("token_date_short", "param_id", "code_hash", "low", "rid", postgresql_where=text(_SHORT)),
    Index("token_date_long", "param_id", "code_hash", "low", "rid", postgresql_where=text(f"not ({_SHORT})")),
    # A sum, so that only a search for a system alone can be answered by it: see search/by_token.py. Without rid its
    # entries share index tuples.
    Index("token_system", "param_id", text("(system_hash + 0)")),
    # :missing, and second criteria that only a resource's own rows can answer.
    Index("token_resource", "rid"),
)

token_pair = Table(
    "token_pair",
    metadata,
    Column("first_param", Integer, nullable=False),
    key("first_hash"),
    Column("second_param", Integer, nullable=False),
    key("second_hash"),
    PrimaryKeyConstraint("first_param", "first_hash", "second_param", "second_hash"),
)
"""Codes that occur together in a resource, or did: see `search/pairs.py`."""

reference = Table(
    "reference",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("target_rid"),
    key("rid"),
    Index("reference_target", "param_id", "target_rid", "rid"),
    # From a resource to what it refers to: _include, chains walked forward. On rid alone the entries of a resource
    # share one index tuple, half the size of an index by parameter; its rows stand together in the table anyway.
    Index("reference_source", "rid"),
)

reference_other = Table(
    "reference_other",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("target_hash"),
    key("rid"),
    Index("reference_other_target", "param_id", "target_hash", "rid"),
)

canonical = Table(
    "canonical",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("target_hash"),
    key("rid"),
    Index("canonical_target", "param_id", "target_hash", "rid"),
    Index("canonical_resource", "rid"),
)
"""From canonical references to the resources that have the URL; few resources have any."""

CODES_OF_PATIENTS = (
    -1731481872, -1464337297, -1431748233, -1419152523, -1372445665, -470733199, -412929549, -277939034,
    -85449121, -66084537, 23341317, 314346427, 613285100, 1510801497, 1520831164, 1945635245, 1993374509,
    2086503115,
)  # fmt: skip
"""param_ids of the codes with a clinical date (search/timeline.py) of what patients have."""

patient_value = Table(
    "patient_value",
    metadata,
    key("patient_rid"),
    key("value_hash"),
    key("rid"),
    Column("param_id", Integer, nullable=False),
    Column("system_hash", Integer, nullable=False),
    Index("patient_value_key", "patient_rid", "param_id", "value_hash", "rid", postgresql_include=["system_hash"]),
    # Who has a code, newest patient first. Without rid a patient's entries of one code share index tuples.
    Index(
        "patient_value_code",
        "param_id",
        "value_hash",
        "patient_rid",
        postgresql_where=text(f"param_id in ({', '.join(map(str, CODES_OF_PATIENTS))})"),
    ),
)

patient_date = Table(
    "patient_date",
    metadata,
    key("patient_rid"),
    key("low"),
    key("high"),
    key("rid"),
    Column("type_id", SmallInteger, nullable=False),
    Index("patient_date_key", "patient_rid", "type_id", "low", "rid", postgresql_include=["high"]),
)

date = Table(
    "date",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("low"),
    key("high"),
    key("rid"),
    Index("date_short", "param_id", "low", "rid", postgresql_include=["high"], postgresql_where=text(_SHORT)),
    Index("date_long", "param_id", "low", "high", "rid", postgresql_where=text(f"not ({_SHORT})")),
    # By rid alone: sort keys and second criteria are looked up for one resource at a time.
    Index("date_resource", "rid"),
)

quantity = Table(
    "quantity",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("unit_hash"),
    key("rid"),
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Index("quantity_low", "param_id", "unit_hash", "low", "rid", postgresql_include=["high"]),
    Index("quantity_resource", "rid"),
)

number = Table(
    "number",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("rid"),
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Index("number_low", "param_id", "low", "rid", postgresql_include=["high"]),
    Index("number_resource", "rid"),
)

PLACES_AND_PEOPLE = (
    -2115872861, -2075584719, -1733442071, -1729732771, -1663598526, -1646352967, -1582371998, -1195296851,
    -1056764277, -1040421293, -974032757, -885967869, -859641163, -653949030, -378306274, -304076386, -269683437,
    -269111831, -31444427, -23963185, 83068171, 94185273, 103490152, 236916614, 398379074, 417579053, 523204014,
    726722583, 828459618, 888122320, 914418898, 933515946, 939880283, 1027572157, 1253922061, 1261004470,
    1397710319, 1472417707, 1929389769, 1940272260, 2010056927, 2037506917,
)  # fmt: skip
"""param_ids of the names and addresses in which the middle of a word is found by index."""

string = Table(
    "string",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("exact_hash"),
    key("rid"),
    # At most 500 characters, so that an index row stays below a third of a page.
    Column("normalised", TEXT_C, nullable=False),
    Index("string_normalised", "param_id", "normalised", "rid"),
    Index("string_resource", "rid", "param_id"),
    # There only where PostgreSQL has the extensions pg_trgm and btree_gin.
    Index(
        "string_trigrams",
        "param_id",
        "normalised",
        postgresql_using="gin",
        postgresql_ops={"normalised": "gin_trgm_ops"},
        postgresql_where=text(f"param_id in ({', '.join(map(str, PLACES_AND_PEOPLE))})"),
        postgresql_with={"gin_pending_list_limit": "64"},
    ),
)

uri = Table(
    "uri",
    metadata,
    Column("param_id", Integer, nullable=False),
    key("rid"),
    Column("uri", TEXT_C, nullable=False),
    Index("uri_uri", "param_id", "uri", "rid"),
    Index("uri_resource", "rid"),
)

composite = Table(
    "composite",
    metadata,
    Column("param_id", Integer, nullable=False),
    Column("first_system", Integer, nullable=False),
    key("first_hash"),
    key("second_hash"),
    key("rid"),
    Column("second_system", Integer, nullable=False),
    Column("low", Numeric),
    Column("high", Numeric),
    Column("low2", Numeric),
    Column("high2", Numeric),
    # By the unit of a quantity, then its value; of other components second_hash or low is the same everywhere.
    Index("composite_value", "param_id", "first_hash", "second_hash", "low", "rid"),
    Index("composite_resource", "rid"),
)
