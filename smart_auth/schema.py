"""The tables of the authorization server, in a schema of their own; `migrations/` creates them.

Instants are bigint: seconds since 1970-01-01 UTC, as in tokens.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

SCHEMA = "auth"
metadata = MetaData(schema=SCHEMA)

client = Table(
    "client",
    metadata,
    Column("client_id", Text, primary_key=True),
    # For people to read; shown as text, never as markup.
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    # none, client_secret_basic, client_secret_post or private_key_jwt.
    Column("auth_method", Text, nullable=False),
    # Argon2id.
    Column("secret_hash", Text),
    # Public keys: a JWK set as JSON text, or where one is kept; never both.
    Column("jwks", Text),
    Column("jwks_uri", Text),
    # What it may be granted at most.
    Column("scope", Text, nullable=False),
    Column("grant_types", ARRAY(Text), nullable=False),
    Column("redirect_uris", ARRAY(Text), nullable=False, server_default="{}"),
    # Whether it may ask about tokens of others.
    Column("introspect", Boolean, nullable=False, server_default="false"),
    Column("created", BigInteger, nullable=False),
)
"""Registered apps and services."""

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    # ES256 signs access tokens, RS256 id tokens.
    Column("alg", Text, nullable=False),
    # next, current or retired.
    Column("state", Text, nullable=False),
    # PKCS #8, sealed by a key that is not in the database.
    Column("sealed", LargeBinary, nullable=False),
    # JWK as JSON text.
    Column("public", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    # Of a retired one: when the last token signed with it is over.
    Column("leaves", BigInteger),
    Index("signing_key_state", "alg", "state", unique=True, postgresql_where=text("state <> 'retired'")),
)

revocation = Table(
    "revocation",
    metadata,
    # grant:..., client:... or subject:...
    Column("key", Text, primary_key=True),
    # Tokens issued up to here no longer hold: microseconds of the database's clock.
    Column("before", BigInteger, nullable=False),
    # By then the last of them has ended by itself.
    Column("expires", BigInteger, nullable=False),
    # Its transaction: readers go on from the oldest one that was under way when they last read.
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Index("revocation_xid", "xid"),
    Index("revocation_expires", "expires"),
)
"""What ended before its time; every process keeps these in memory."""

assertion = Table(
    "assertion",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Index("assertion_expires", "expires"),
)
"""Client assertions seen: each works once."""

counter = Table(
    "counter",
    metadata,
    Column("key", Text, primary_key=True),
    # Since 1970.
    Column("minute", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    prefixes=["UNLOGGED"],
)
"""How often something was done in a minute; see `limits.py`."""
