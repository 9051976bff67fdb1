"""The tables of the record, as SQLAlchemy knows them; `migrations/` creates them, `store.py` and `search/` use them.

Instants are bigint: microseconds since 1970-01-01 UTC. Hashes and param_id come from `search/rows.py`.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

metadata = MetaData()

TEXT_C = Text(collation="C")


def _key(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


resource = Table(
    "resource",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    Column("type_id", SmallInteger, nullable=False),
    # Which search parameters it has values of; 1: not known. See search/presence.py.
    Column("parameter_set", SmallInteger, nullable=False, server_default="1"),
    # 0 is a placeholder: something refers to it, nobody has created it.
    Column("version", Integer, nullable=False),
    Column("last_updated", BigInteger, nullable=False),
    Column("fhir_id", TEXT_C, nullable=False),
    Column("method", String(6), nullable=False),
    # Bytes exactly as sent; null when deleted.
    Column("body", LargeBinary),
    Index("resource_id", "type_id", "fhir_id", unique=True),
    # Without rid: what one transaction wrote shares its instant, and then one index tuple.
    Index("resource_updated", "type_id", "last_updated"),
    Index("resource_changes", "last_updated"),
    Index("resource_live", "type_id", "rid", postgresql_where=text("body is not null")),
    # What has, or lacks, a parameter. By 256 rids at a time, so that entries share index tuples.
    Index(
        "resource_parameter_set",
        "type_id",
        "parameter_set",
        text("((rid >> 8)::integer)"),
        postgresql_where=text("body is not null"),
    ),
)
"""The current version of every resource. rid never changes, also not through delete and recreation."""

parameter_set = Table(
    "parameter_set",
    metadata,
    Column("type_id", SmallInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("param_ids", ARRAY(Integer), nullable=False),
    PrimaryKeyConstraint("type_id", "number"),
)
"""The different sets of search parameters that resources of a type have values of; none is ever changed or removed."""

resource_version = Table(
    "resource_version",
    metadata,
    _key("rid"),
    Column("type_id", SmallInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_updated", BigInteger, nullable=False),
    Column("method", String(6), nullable=False),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("rid", "version"),
    Index("resource_version_updated", "type_id", "last_updated"),
    Index("resource_version_changes", "last_updated"),
)
"""Previous versions; the current one stands in `resource` only."""

DAY = 86_400_000_000
_SHORT = f"low > -9000000000000000000 and high < 9000000000000000000 and high - low <= {DAY}"
"""Bounds stay clear of overflow: BEGIN and END never stand in an index of short spans."""

token = Table(
    "token",
    metadata,
    Column("param_id", Integer, nullable=False),
    Column("system_hash", Integer, nullable=False),
    _key("code_hash"),
    _key("rid"),
    # Of a resource's code, the bounds of its clinical date: see `dated_code` in search/index.py.
    _key("low", null=True),
    _key("high", null=True),
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
    _key("first_hash"),
    Column("second_param", Integer, nullable=False),
    _key("second_hash"),
    PrimaryKeyConstraint("first_param", "first_hash", "second_param", "second_hash"),
)
"""Codes that occur together in a resource, or did: see `search/pairs.py`."""

reference = Table(
    "reference",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("target_rid"),
    _key("rid"),
    Index("reference_target", "param_id", "target_rid", "rid"),
    # From a resource to what it refers to: _include, chains walked forward. On rid alone the entries of a resource
    # share one index tuple, half the size of an index by parameter; its rows stand together in the table anyway.
    Index("reference_source", "rid"),
)

reference_other = Table(
    "reference_other",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("target_hash"),
    _key("rid"),
    Index("reference_other_target", "param_id", "target_hash", "rid"),
)

canonical = Table(
    "canonical",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("target_hash"),
    _key("rid"),
    Index("canonical_target", "param_id", "target_hash", "rid"),
    Index("canonical_resource", "rid"),
)
"""From canonical references to the resources that have the URL; few resources have any."""

moved = Table(
    "moved",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
"""The version since which a resource is in the compartments of the patients that it is in now, if not since its first.

Versions before may have been other patients': see `access/predicate.py`.
"""

patient_value = Table(
    "patient_value",
    metadata,
    _key("patient_rid"),
    _key("value_hash"),
    _key("rid"),
    Column("param_id", Integer, nullable=False),
    Column("system_hash", Integer, nullable=False),
    Index("patient_value_key", "patient_rid", "param_id", "value_hash", "rid", postgresql_include=["system_hash"]),
)

patient_date = Table(
    "patient_date",
    metadata,
    _key("patient_rid"),
    _key("low"),
    _key("high"),
    _key("rid"),
    Column("type_id", SmallInteger, nullable=False),
    Index("patient_date_key", "patient_rid", "type_id", "low", "rid", postgresql_include=["high"]),
)

date = Table(
    "date",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("low"),
    _key("high"),
    _key("rid"),
    Index("date_short", "param_id", "low", "rid", postgresql_include=["high"], postgresql_where=text(_SHORT)),
    Index("date_long", "param_id", "low", "high", "rid", postgresql_where=text(f"not ({_SHORT})")),
    # By rid alone: sort keys and second criteria are looked up for one resource at a time.
    Index("date_resource", "rid"),
)

quantity = Table(
    "quantity",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("unit_hash"),
    _key("rid"),
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Index("quantity_low", "param_id", "unit_hash", "low", "rid", postgresql_include=["high"]),
    Index("quantity_resource", "rid"),
)

number = Table(
    "number",
    metadata,
    Column("param_id", Integer, nullable=False),
    _key("rid"),
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
    _key("exact_hash"),
    _key("rid"),
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
    _key("rid"),
    Column("uri", TEXT_C, nullable=False),
    Index("uri_uri", "param_id", "uri", "rid"),
    Index("uri_resource", "rid"),
)

composite = Table(
    "composite",
    metadata,
    Column("param_id", Integer, nullable=False),
    Column("first_system", Integer, nullable=False),
    _key("first_hash"),
    _key("second_hash"),
    _key("rid"),
    Column("second_system", Integer, nullable=False),
    Column("low", Numeric),
    Column("high", Numeric),
    Column("low2", Numeric),
    Column("high2", Numeric),
    # By the unit of a quantity, then its value; of other components second_hash or low is the same everywhere.
    Index("composite_value", "param_id", "first_hash", "second_hash", "low", "rid"),
    Index("composite_resource", "rid", "param_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    _key("rid"),
    Column("version", Integer, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("method", String(6), nullable=False),
)
"""One row per version, written with it; whoever announces changes deletes it."""

full_text = Table(
    "full_text",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Of the resource when it was indexed; rows of another version than the current one are not searched.
    Column("version", Integer, nullable=False),
    Column("narrative", TSVECTOR),
    Column("content", TSVECTOR, nullable=False),
    Index("full_text_narrative", "narrative", postgresql_using="gin"),
    Index("full_text_content", "content", postgresql_using="gin"),
)
"""The words of each resource, if full text is switched on: see `full_text/`."""

full_text_due = Table(
    "full_text_due",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    _key("rid"),
)
"""Resources that changed and are not in `full_text` as they are."""

full_text_state = Table("full_text_state", metadata, Column("complete", Boolean, nullable=False))
"""One row: whether all that changed is in `full_text_due`."""

job = Table(
    "job",
    metadata,
    # Nobody can guess it: who knows it may ask for it.
    Column("id", TEXT_C, primary_key=True),
    # export or import.
    Column("kind", TEXT_C, nullable=False),
    # waiting, running, done, failed or cancelled.
    Column("state", TEXT_C, nullable=False),
    # URL it was asked for by.
    Column("request", Text, nullable=False),
    # What is asked for, as JSON text.
    Column("job_order", Text, nullable=False),
    # The Access it runs with, as JSON text.
    Column("access", Text, nullable=False),
    _key("created"),
    _key("finished", null=True),
    # When it and its files are removed.
    _key("expires", null=True),
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

search_parameter = Table(
    "search_parameter",
    metadata,
    # Distinguishes the search rows of this definition from those of any other.
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    # Of the SearchParameter resource.
    _key("rid"),
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

reindex_run = Table(
    "reindex_run",
    metadata,
    # Id of the job, or what names the run of a command.
    Column("run", TEXT_C, primary_key=True),
    # What is done, and with which definitions: a run that finds another goal begins anew.
    Column("goal", Text, nullable=False),
    _key("started"),
    # The highest rid there was.
    _key("high"),
    Column("total", BigInteger, nullable=False),
    # Type under way, and the last of its resources that is done.
    Column("type_id", SmallInteger, nullable=False),
    _key("last"),
    # What was found so far by type, as JSON text.
    Column("found", Text, nullable=False),
)
"""How far a reindex is, noted in the transaction that writes the rows: it goes on exactly there."""

audit_intake = Table(
    "audit_intake",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    # A line for each event; those of one commit share a row.
    Column("lines", LargeBinary, nullable=False),
    Column("events", Integer, nullable=False, server_default="1"),
)
"""Events of the audit trail as they come in, until they are sealed."""

audit_batch = Table(
    "audit_batch",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Number of its first event.
    Column("first", BigInteger, nullable=False, unique=True),
    _key("events"),
    _key("first_at"),
    _key("last_at"),
    # The tags before its first and of its last event.
    Column("left_tag", LargeBinary, nullable=False),
    Column("right_tag", LargeBinary, nullable=False),
    Column("tags", LargeBinary, nullable=False),
    # Compressed.
    Column("lines", LargeBinary, nullable=False),
    Index("audit_batch_time", "last_at"),
)
"""The audit trail; a trigger lets nothing but additions through."""

audit_key = Table(
    "audit_key",
    metadata,
    # `audit/sealing.py` has the kinds.
    Column("kind", SmallInteger, nullable=False),
    _key("key"),
    _key("batch"),
    PrimaryKeyConstraint("kind", "key", "batch"),
)
"""Whom the events of a batch concern, and who acted."""

subscription_state = Table(
    "subscription_state",
    metadata,
    # Of the Subscription.
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Number of the last event.
    _key("events"),
    # Hash of what the endpoint has agreed to; null until it has.
    _key("settled", null=True),
)

subscription_event = Table(
    "subscription_event",
    metadata,
    _key("subscription_rid"),
    _key("number"),
    # Of what changed.
    _key("rid"),
    # When that version came about.
    _key("happened"),
    Column("version", Integer, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("method", String(6), nullable=False),
    PrimaryKeyConstraint("subscription_rid", "number"),
    Index("subscription_event_waiting", "subscription_rid", "number", postgresql_where=text("not delivered")),
)
"""An event of a Subscription: a version that met it. Delivered ones are kept a while for $events."""

subscription_token = Table(
    "subscription_token",
    metadata,
    # SHA-256 of the token, which itself is kept by nobody but its client.
    Column("hash", LargeBinary, primary_key=True),
    _key("expires"),
    # The Access of whoever asked for it, as JSON text.
    Column("access", Text, nullable=False),
    # Of the Subscriptions it binds to.
    Column("rids", ARRAY(BigInteger), nullable=False),
)
"""What a client binds a websocket with: `subscriptions/tokens.py`."""

policy = Table(
    "policy",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=True),
    _key("changed"),
    # Who set it, as the operating system or a token names them.
    Column("author", Text, nullable=False),
    # All rows, as JSON text: see access/policies.py.
    Column("document", Text, nullable=False),
)
"""What roles may do; the newest version is in force, without any that shipped."""

label = Table(
    "label",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Bits of labels/given.py.
    Column("labels", SmallInteger, nullable=False),
)
"""Security labels that access depends on, of the resources that have any; they are in meta.security too."""

consent_effect = Table(
    "consent_effect",
    metadata,
    _key("patient_rid"),
    _key("consent_rid"),
    # Of the category; of one the newest consent rules, by `made`.
    _key("category"),
    _key("made"),
    # Deeper provisions are exceptions to those above them.
    Column("depth", SmallInteger, nullable=False),
    Column("permits", Boolean, nullable=False),
    # Bits of purposes and labels; 0: all.
    Column("purposes", SmallInteger, nullable=False),
    Column("labels", SmallInteger, nullable=False),
    # When the provision holds.
    _key("low"),
    _key("high"),
    # Null: all.
    Column("actors", ARRAY(Text)),
    Column("types", ARRAY(SmallInteger)),
    Column("codes", ARRAY(BigInteger)),
    Column("data", ARRAY(BigInteger)),
    _key("data_low", null=True),
    _key("data_high", null=True),
    Index("consent_effect_patient", "patient_rid"),
    Index("consent_effect_consent", "consent_rid"),
)
"""What the active consents of patients come to, provision by provision: see `consent/`."""

break_glass = Table(
    "break_glass",
    metadata,
    Column("subject", Text, nullable=False),
    _key("patient_rid"),
    _key("since"),
    _key("until"),
    PrimaryKeyConstraint("subject", "patient_rid"),
)
"""Who sees, in an emergency and until when, what of a patient consent and relation would keep from them."""

subscription_owner = Table(
    "subscription_owner",
    metadata,
    # Of the Subscription.
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Grant, client and subject of the token that wrote it last, as revocations name them.
    Column("names", ARRAY(Text), nullable=False),
    _key("since"),
    # One of them was revoked since.
    Column("ended", Boolean, nullable=False),
)
"""Whose Subscriptions are: see `subscriptions/owners.py`."""
