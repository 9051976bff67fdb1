"""The tables of messages, in a schema of their own; `migrations/` creates them. Tasy contract, section 16.

Bodies are sealed (`bodies.py`). What is plain here is no health data: keys of the ERP, codes, names of elements.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "messages"
metadata = MetaData(schema=SCHEMA)
_KEY = Text(collation="C")
_INSTANT = DateTime(timezone=True)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


run = Table(
    "run",
    metadata,
    _id(),
    # B-1 to B-4.
    Column("flow", Text, nullable=False),
    Column("set_name", _KEY, nullable=False),
    # nr_sequencia_fluxo.
    Column("sequence", BigInteger),
    # DELTA or FULL.
    Column("mode", Text, nullable=False),
    # A state of `runs.py`.
    Column("state", Text, nullable=False),
    # SHA-256.
    Column("manifest_hash", LargeBinary, nullable=False),
    Column("started", _INSTANT, nullable=False),
    Column("finished", _INSTANT),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("accepted", BigInteger, nullable=False, server_default="0"),
    Column("rejected", BigInteger, nullable=False, server_default="0"),
    Column("in_review", BigInteger, nullable=False, server_default="0"),
    Column("unchanged", BigInteger, nullable=False, server_default="0"),
    # Guards that tripped, or why it was refused: an array of {name, text}. Figures, nobody's data.
    Column("guards", JSONB, nullable=False, server_default="[]"),
    # A person who released or refused it.
    Column("decided_by", Text),
    Column("decided_at", _INSTANT),
    Column("decision_reason", Text),
    # As it was sent.
    Column("receipt", LargeBinary),
    Index("run_manifest", "flow", "manifest_hash", unique=True, postgresql_where=text("state <> 'DUPLICATE'")),
    Index("run_sequence", "flow", "sequence"),
)
"""Sets of files, from their manifest to their receipt."""

run_file = Table(
    "run_file",
    metadata,
    Column("run_id", BigInteger, ForeignKey(run.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    # Sealed.
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_id", "name"),
)
"""What a run leaves for people: reports."""

message = Table(
    "message",
    metadata,
    _id(),
    Column("correlation", Uuid, nullable=False),
    # RT-1 to RT-4, callback, B-1 to B-4, event.
    Column("flow", Text, nullable=False),
    # in or out.
    Column("direction", Text, nullable=False),
    # tasy or hub: who sent it.
    Column("source", Text, nullable=False),
    # What its sender knows it by: number of a guide, id of an event, "file:line".
    Column("business_key", _KEY, nullable=False),
    # SHA-256 of the raw bytes.
    Column("hash", LargeBinary, nullable=False),
    # Messages with the same one are worked on one after the other: the ERP's key of the member, or a reference.
    Column("order_key", _KEY),
    Column("lane", SmallInteger, nullable=False),
    # A state of `states.py`.
    Column("state", Text, nullable=False),
    Column("received", _INSTANT, nullable=False),
    Column("changed", _INSTANT, nullable=False),
    # In the queue: when it may be worked on, or taken again if its taker does not answer. Else null.
    Column("due", _INSTANT),
    # Of whoever works on it.
    Column("lease", Uuid),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # How often it came again.
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("run_id", BigInteger, ForeignKey(run.c.id)),
    # Sealed.
    Column("raw", LargeBinary, nullable=False),
    Column("mapped", LargeBinary),
    # Versioned references of what it became in the record.
    Column("applied", ARRAY(Text), nullable=False, server_default="{}"),
    # Why it cannot go on: never a value.
    Column("fault_code", Text),
    Column("fault_element", Text),
    Column("fault_reason", Text),
    Index("message_unique", "source", "business_key", "hash", unique=True),
    Index("message_correlation", "correlation"),
    Index("message_business_key", "business_key"),
    Index("message_order", "order_key", "id"),
    Index("message_run", "run_id", "id", postgresql_where=text("run_id is not null")),
    Index("message_state", "flow", "state", "id"),
    Index("message_received", "received"),
    Index("message_due", "lane", "due", "id", postgresql_where=text("due is not null")),
    Index("message_queued", "order_key", "id", postgresql_where=text("due is not null")),
    # Of a key one at a time, whatever takers see of each other.
    Index("message_taken", "order_key", unique=True, postgresql_where=text("lease is not null")),
)
"""Messages."""

transition = Table(
    "transition",
    metadata,
    _id(),
    Column("message_id", BigInteger, ForeignKey(message.c.id, ondelete="CASCADE"), nullable=False),
    Column("at", _INSTANT, nullable=False),
    # Null: it arrived.
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    # A part of the hub, or a person's subject.
    Column("actor", Text, nullable=False),
    # That of the message; of one that came again, its own.
    Column("correlation", Uuid, nullable=False),
    # SHA-256 of the body it is about: raw, edited or mapped.
    Column("hash", LargeBinary, nullable=False),
    Column("reason", Text),
    # That of the message: rates are counted without looking at it.
    Column("flow", Text, nullable=False),
    Index("transition_message", "message_id", "id"),
    Index("transition_at", "at", postgresql_include=["flow", "to_state"]),
    Index("transition_again", "correlation", postgresql_where=text("to_state = 'DUPLICADA'")),
)
"""What became of messages; rows are only added."""

edit = Table(
    "edit",
    metadata,
    Column("message_id", BigInteger, ForeignKey(message.c.id, ondelete="CASCADE"), nullable=False),
    # From 1; the last one is in force.
    Column("number", Integer, nullable=False),
    Column("at", _INSTANT, nullable=False),
    # A person's subject.
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # SHA-256 of the body.
    Column("hash", LargeBinary, nullable=False),
    # Sealed.
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("message_id", "number"),
)
"""Bodies that people corrected; the raw one stays."""

partner_state = Table(
    "partner_state",
    metadata,
    Column("partner", Text, nullable=False),
    # circuit, rate, certificate, key, host-key, token, number or template.
    Column("what", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", JSONB, nullable=False),
    Column("expires", _INSTANT),
    Column("reported", _INSTANT, nullable=False),
    PrimaryKeyConstraint("partner", "what", "name"),
)
"""What is known of partners."""

protocol_day = Table(
    "protocol_day",
    metadata,
    Column("day", Date, primary_key=True),
    # What the sequence `protocol` said first on this day.
    Column("first", BigInteger, nullable=False),
)
"""Where the numbers of a day begin; see `protocol.py`."""

callback = Table(
    "callback",
    metadata,
    # X-Evento-Id.
    Column("event", _KEY, primary_key=True),
    # Kind and key of the object: "autorizacoes/5500321".
    Column("subject", _KEY, nullable=False),
    # X-Evento-Seq, of the object.
    Column("sequence", BigInteger, nullable=False),
    Column("received", _INSTANT, nullable=False),
    Index("callback_subject", "subject", "sequence"),
)
"""Events that Tasy told of, so that each is taken once and gaps are seen."""

mark = Table(
    "mark",
    metadata,
    Column("name", _KEY, primary_key=True),
    # A time of Tasy's.
    Column("value", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
)
"""How far incremental reading has come."""

unanswered = Table(
    "unanswered",
    metadata,
    # Of the event that told of it.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    # A version of a Communication.
    Column("reference", _KEY, nullable=False),
    # When that left the outbox, in microseconds since 1970 UTC.
    Column("since", BigInteger, nullable=False),
)
"""Messages of members that have had no turn yet: a few seconds' worth."""

pace = Table(
    "pace",
    metadata,
    # A place that sends, or a place and the hash of a person.
    Column("key", _KEY, primary_key=True),
    # How far its sends so far reach.
    Column("until", _INSTANT, nullable=False),
)
"""How fast partners are sent to; see `pace.py`."""

model_use = Table(
    "model_use",
    metadata,
    Column("day", Date, nullable=False),
    # A member's hashed id; empty: everybody.
    Column("member", _KEY, nullable=False),
    Column("calls", Integer, nullable=False),
    PrimaryKeyConstraint("day", "member"),
)
"""Calls of the language model so far: the budgets."""

model_call = Table(
    "model_call",
    metadata,
    _id(),
    Column("at", _INSTANT, nullable=False),
    # extract, phrase or transcribe.
    Column("purpose", Text, nullable=False),
    Column("model", Text, nullable=False),
    # Version of the system text.
    Column("prompt", Text, nullable=False),
    # ok, timeout, refused, ...; suspicious, budget-member, budget-day: nobody was asked.
    Column("outcome", Text, nullable=False),
    # Tokens.
    Column("input", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("output", Integer, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    # Items of the answer that counted, and that did not.
    Column("accepted", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    # Date of the price table by which it is reckoned.
    Column("prices", Date),
    Index("model_call_at", "at"),
)
"""Calls of the language model, one by one, without a word of what was said."""

tally = Table(
    "tally",
    metadata,
    # Business number.
    Column("line", _KEY, nullable=False),
    # Empty: its own words.
    Column("template", _KEY, nullable=False),
    Column("state", _KEY, nullable=False),
    # The channel's, of what failed.
    Column("code", _KEY, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("line", "template", "state", "code"),
)
"""How many messages to persons have come how far, since ever; see `tally.py`."""
