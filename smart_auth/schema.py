"""The tables of the authorization server, in a schema of their own; `migrations/` creates them.

Instants are bigint: seconds since 1970-01-01 UTC, as in tokens.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

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
    # Of one that registered by itself: SHA-256 of the token that changes it, whether it waits for an operator, and
    # members of its metadata that only it asks for again, as JSON text.
    Column("registration", Text),
    Column("waiting", Boolean, nullable=False, server_default="false"),
    Column("about", Text, nullable=False, server_default="{}"),
)
"""Registered apps and services."""

invitation = Table(
    "invitation",
    metadata,
    # SHA-256 of an initial access token.
    Column("secret", Text, primary_key=True),
    # What its clients may be granted at most.
    Column("scope", Text, nullable=False),
    # Registrations that are left.
    Column("uses", Integer, nullable=False),
    Column("expires", BigInteger, nullable=False),
)
"""Who may register clients; see `registration.py`."""

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    # PS256 signs access tokens, RS256 id tokens.
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

person = Table(
    "person",
    metadata,
    # Never changes, and says nothing of who it is.
    Column("subject", Text, primary_key=True),
    # What they type to sign in; in lower case.
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # Argon2id; none: cannot sign in.
    Column("password_hash", Text),
    Column("roles", ARRAY(Text), nullable=False),
    # Their own resource: Practitioner/1.
    Column("fhir_user", Text),
    # Where they work: Organization/1.
    Column("organization", Text),
    # Ids of the patients for whom a member or guardian may act.
    Column("patients", ARRAY(Text), nullable=False, server_default="{}"),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("created", BigInteger, nullable=False),
)
"""Whoever signs in."""

session = Table(
    "session",
    metadata,
    # Stays the same while `secret` changes.
    Column("sid", Text, primary_key=True),
    # SHA-256 of the cookie.
    Column("secret", Text, nullable=False, unique=True),
    Column("subject", Text, ForeignKey(person.c.subject), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    # When they last proved who they are, and how: pwd, otp, ...
    Column("auth_time", BigInteger, nullable=False),
    Column("methods", ARRAY(Text), nullable=False),
    # It counts for nothing before the second factor.
    Column("waiting", Boolean, nullable=False, server_default="false"),
    # When one was last shown.
    Column("factor_time", BigInteger),
    # What a security key is to sign, and until when.
    Column("challenge", Text),
    Column("challenge_until", BigInteger),
    Index("session_subject", "subject"),
    Index("session_seen", "seen"),
)
"""Who is signed in, in which browser."""

request = Table(
    "request",
    metadata,
    # SHA-256 of the value in the continuation's URL.
    Column("secret", Text, primary_key=True),
    Column("redirect_uri", Text, nullable=False),
    # All of them, as JSON text.
    Column("parameters", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    # The session that proved for it who it is, even if it was signed in before.
    Column("proved", Text),
    # The session that was shown the consent page, and SHA-256 of the one-time value in its form.
    Column("sid", Text),
    Column("form", Text),
    Column("used_at", BigInteger),
    Index("request_expires", "expires"),
)
"""Authorization requests under way; see `requests.py`."""

launch = Table(
    "launch",
    metadata,
    # SHA-256 of the parameter `launch`.
    Column("secret", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("subject", Text, ForeignKey(person.c.subject), nullable=False),
    # JSON text; see `launches.py`.
    Column("context", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("launch_expires", "expires"),
)
"""Launches of apps from inside: each for one person, one app, one context."""

granted = Table(
    "granted",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("subject", Text, ForeignKey(person.c.subject), nullable=False),
    Column("scope", Text, nullable=False),
    Column("patient", Text),
    # JSON text; see `launches.py`.
    Column("context", Text, nullable=False),
    # The session in which it was given; unless `offline`, it ends with it.
    Column("sid", Text, nullable=False),
    # As in that session, then.
    Column("auth_time", BigInteger, nullable=False),
    Column("methods", ARRAY(Text), nullable=False),
    Column("offline", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    # When a token was last issued for it.
    Column("used", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    # A reason of `grants.py`.
    Column("ended_by", Text),
    # Where it was for their safety: when the person said that they know.
    Column("acknowledged", BigInteger),
    Index("granted_subject", "subject", "client_id"),
    Index("granted_sid", "sid"),
)
"""What people allowed apps: the family of a code, its refresh tokens and access tokens."""

code = Table(
    "code",
    metadata,
    # SHA-256.
    Column("secret", Text, primary_key=True),
    Column("granted", Text, ForeignKey(granted.c.id, ondelete="CASCADE"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("nonce", Text),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("code_expires", "expires"),
)
"""Authorization codes: each works once."""

refresh = Table(
    "refresh",
    metadata,
    # SHA-256.
    Column("secret", Text, primary_key=True),
    Column("granted", Text, ForeignKey(granted.c.id, ondelete="CASCADE"), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("refresh_granted", "granted"),
)
"""Refresh tokens: each works once."""

factor = Table(
    "factor",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, ForeignKey(person.c.subject), nullable=False),
    # totp or webauthn.
    Column("kind", Text, nullable=False),
    # Of totp: its secret, sealed by a key that is not in the database.
    Column("sealed", LargeBinary),
    # Of webauthn: id (base64url) and public key (COSE) of the credential, and how often it signed, as it says.
    Column("credential", Text, unique=True),
    Column("public", LargeBinary),
    Column("signed", BigInteger, nullable=False, server_default="0"),
    # The last one used: each works once.
    Column("step", BigInteger, nullable=False, server_default="0"),
    # It was shown to work; before that it counts for nothing.
    Column("confirmed", Boolean, nullable=False, server_default="false"),
    Column("created", BigInteger, nullable=False),
    Index("factor_subject", "subject"),
)
"""Second factors of people."""

recovery = Table(
    "recovery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, ForeignKey(person.c.subject), nullable=False),
    # Argon2id.
    Column("hash", Text, nullable=False),
    Column("used_at", BigInteger),
    Index("recovery_subject", "subject"),
)
"""Codes in the place of a lost second factor: each works once."""

guess = Table(
    "guess",
    metadata,
    # Whose secret: SHA-256 of a login, a device or a factor.
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    # No other try before.
    Column("until", BigInteger, nullable=False),
    prefixes=["UNLOGGED"],
)
"""How often a secret was tried in vain; see `guesses.py`."""
