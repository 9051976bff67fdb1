"""The keys in force in this process: data keys and index keys, wrapped in the database by keys that are never there.

AES-256-GCM, NIST SP 800-38D. Wrapping keys come from outside (`begin`); `store.learn` keeps the others up to date.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.encryption.values import Patterns
from fhir_server.statement import Statement

DATA, INDEX = "data", "index"
"""Purposes of keys: they encrypt values, or make the codes that values are found by."""
LOCK = 4_611_686_018_427_387_859
"""Advisory lock of whoever makes keys, or encrypts what is stored."""
NONCE = 12

_KEYS = """
select purpose, id::text, encode(wrapped, 'hex'), wrapping, retired::text from encryption_key
union all select 'system', system, '', '', indexed::text from encryption_system order by 1, 2"""
_NEW = """
insert into encryption_key (id, purpose, wrapped, wrapping, made, retired)
values (%s, %s, %s, %s, (extract(epoch from clock_timestamp()) * 1000000)::bigint, false)"""
_SYSTEM = """
insert into encryption_system (system, indexed)
select %s, not exists (select from resource) on conflict (system) do nothing"""
_CHANGED = "update search_generation set generation = generation + 1"
"""Who writes or asks by what it knew before is refused, and learns (docs/decisions/search-parameters.md)."""


class KeyMissing(RuntimeError):
    """A wrapping key is needed that was not given; the text says what to do, never what a key is."""


class CannotOpen(Exception):
    """Something encrypted cannot be read: its key is not there, or it is not as it was written."""


@dataclass(frozen=True, slots=True)
class Given:
    """What this process was started with."""

    conninfo: str
    wrapping: tuple[bytes, ...] = field(default=(), repr=False)
    """32 bytes each. The first one wraps; the others only open what they wrapped."""
    systems: frozenset[str] = frozenset()
    """Of the identifiers that are encrypted when they are written."""


@dataclass(frozen=True)
class Ring:
    """Keys and what they are for."""

    systems: frozenset[str]
    data: dict[int, bytes] = field(repr=False)
    index: dict[int, bytes] = field(repr=False)
    """Rows are written by the newest of them, and asked for by all."""
    ever: frozenset[str]
    """Systems whose identifiers may be encrypted."""
    indexed: frozenset[str]
    """Those of which no row and no body says a value any more."""

    @cached_property
    def newest(self) -> int:
        """Id of the data key that encrypts."""
        return max(self.data)

    @cached_property
    def index_keys(self) -> tuple[bytes, ...]:
        """Newest first."""
        return tuple(raw for _, raw in sorted(self.index.items(), reverse=True))

    @cached_property
    def ciphers(self) -> dict[int, AESGCM]:
        """Data keys by their ids."""
        return {id: AESGCM(raw) for id, raw in self.data.items()}

    @cached_property
    def patterns(self) -> Patterns:
        """How values are found in what is written."""
        return Patterns(self.systems)


Row = tuple[str, str, str, str, str]
"""Purpose, id, wrapped key, name of the wrapping key, whether it is retired; of a system whether it is indexed."""

_given: Given | None = None
_ring: Ring | None = None
_rows: tuple[Row, ...] | None = None
"""What was read last."""
_missing: str | None = None
"""Why the keys that the database has now cannot be had."""
_generation = 0
_reading = threading.Lock()


def begin(given: Given | None) -> None:
    """What settings say, from now on. The keys are read when they are needed."""
    global _given, _ring, _rows, _generation, _missing
    if given == _given and given is not None:
        return
    _generation += 1
    _given, _ring, _rows, _missing = given, None, None, None


def given() -> Given | None:
    """What this process was started with, for processes it starts."""
    return _given


def current() -> Ring | None:
    """The keys in force; None where nothing is encrypted. Read first, where nobody has. Raises KeyMissing."""
    if _missing is not None:
        raise KeyMissing(_missing)  # what is written or asked for by older keys alone would be lost
    return _ring if _rows is not None or _given is None else _looked_up()


def generation() -> int:
    """Another number whenever other keys are in force: what was made ready to find something is then made anew."""
    return _generation


def question() -> Statement:
    """Asks for the keys and systems there are."""
    return Statement(_KEYS)


def learned(rows: Iterable[Sequence[bytes | None]], conninfo: str) -> None:
    """Puts the keys of `question` in force, if they are of the database that was given.

    Where one of them cannot be had, whoever asks for the keys is told, until it can; what others encrypted is read.
    """
    global _missing
    if _given is not None and _given.conninfo == conninfo:
        try:
            _use([tuple((one or b"").decode() for one in row) for row in rows])  # type: ignore[misc]
            _missing = None
        except KeyMissing as error:
            _missing = str(error)


def read(connection: psycopg.Connection[tuple[object, ...]]) -> Ring | None:
    """Puts the keys in force that the database has now. Raises KeyMissing."""
    if _given is not None:
        with connection.cursor() as cursor:
            cursor.execute(_KEYS)
            _use([tuple(map(str, row)) for row in cursor.fetchall()])  # type: ignore[misc]
    return _ring


def _use(found: list[Row]) -> None:
    global _ring, _rows, _generation
    rows = tuple(found)
    if rows == _rows or _given is None:
        return
    _generation += 1
    wrapping = {name_of(raw): raw for raw in _given.wrapping}
    # One that is known stays known, whatever it was wrapped by since.
    known = {DATA: _ring.data, INDEX: _ring.index} if _ring else {DATA: {}, INDEX: {}}
    keys: dict[str, dict[int, bytes]] = {DATA: {}, INDEX: {}}
    for purpose, id, sealed, by, retired in rows:
        if purpose in keys and retired != "true":
            number = int(id)
            keys[purpose][number] = known[purpose].get(number) or unwrapped(
                bytes.fromhex(sealed), by, purpose, number, wrapping
            )
    states = {id: indexed == "true" for purpose, id, _, _, indexed in rows if purpose == "system"}
    if keys[DATA]:
        indexed = frozenset(one for one, done in states.items() if done)
        _ring = Ring(_given.systems, keys[DATA], keys[INDEX], frozenset(states), indexed)
    elif _given.systems:
        raise KeyMissing("the keys in the table encryption_key are gone: what is written could not be encrypted")
    _rows = rows


def cipher(id: int) -> AESGCM:
    """The data key of an id; one that another process made is looked up. Raises CannotOpen."""
    ring = _ring
    if ring is None or id not in ring.ciphers:
        ring = _looked_up()
    found = ring.ciphers.get(id) if ring else None
    if found is None:
        raise CannotOpen("the key that encrypted it is not here")
    return found


def _looked_up() -> Ring | None:
    if _given is None:
        return None
    with _reading, psycopg.connect(_given.conninfo, autocommit=True, connect_timeout=5) as connection:
        return read(connection)


def name_of(raw: bytes) -> str:
    """What a wrapping key is called: tells nothing of it."""
    return hashlib.sha256(b"hub wrapping key\0" + raw).hexdigest()[:16]


def wrapped(raw: bytes, purpose: str, id: int, wrapping: bytes) -> bytes:
    """A key, for the database."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(wrapping).encrypt(nonce, raw, f"{purpose}:{id}".encode())


def unwrapped(sealed: bytes, by: str, purpose: str, id: int, wrapping: dict[str, bytes]) -> bytes:
    """A key of the database. Raises KeyMissing."""
    if by not in wrapping:
        raise KeyMissing(
            f"this record has encrypted identifiers: the key {by} is needed in HUB_ENCRYPTION_KEY or the file of"
            " HUB_ENCRYPTION_KEY_FILE, behind the present one if that is a newer one"
        )
    try:
        return AESGCM(wrapping[by]).decrypt(sealed[:NONCE], sealed[NONCE:], f"{purpose}:{id}".encode())
    except InvalidTag:
        raise KeyMissing(
            f"the {purpose} key {id} in the database is damaged: restore the table encryption_key"
        ) from None


def establish(connection: psycopg.Connection[tuple[object, ...]]) -> Ring | None:
    """Makes the first keys where there are none and systems are named, then puts in force what is there.

    connection: autocommit. Raises KeyMissing.
    """
    if _given is not None and _given.systems:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            for purpose in (DATA, INDEX):
                if not connection.execute("select 1 from encryption_key where purpose = %s", [purpose]).fetchone():
                    make(connection, purpose)
            if sum(connection.execute(_SYSTEM, [system]).rowcount for system in sorted(_given.systems)):
                connection.execute(_CHANGED)
    return read(connection)


def rewrap(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """Wraps all keys by the first wrapping key; how many were not. In a transaction that holds LOCK.

    Raises KeyMissing.
    """
    assert _given is not None
    known, (first, *_) = {name_of(raw): raw for raw in _given.wrapping}, _given.wrapping
    rows = connection.execute("select id, purpose, wrapped, wrapping from encryption_key order by id").fetchall()
    old = [(int(str(id)), str(purpose), sealed, str(by)) for id, purpose, sealed, by in rows if by != name_of(first)]
    for id, purpose, sealed, by in old:
        raw = unwrapped(bytes(sealed), by, purpose, id, known)  # type: ignore[call-overload]
        connection.execute(
            "update encryption_key set wrapped = %s, wrapping = %s where id = %s",
            [wrapped(raw, purpose, id, first), name_of(first), id],
        )
    return len(old)


def make(connection: psycopg.Connection[tuple[object, ...]], purpose: str) -> int:
    """A new key; its id. In a transaction that holds LOCK.

    It is wrapped as the key before it is, for processes under way can open that; the first one by the first given.
    """
    assert _given is not None
    before = connection.execute("select wrapping from encryption_key order by id desc limit 1").fetchone()
    wrapping = next((raw for raw in _given.wrapping if before and name_of(raw) == before[0]), _given.wrapping[0])
    row = connection.execute("select coalesce(max(id), 0) + 1 from encryption_key").fetchone()
    assert row is not None
    id = int(str(row[0]))
    connection.execute(_NEW, [id, purpose, wrapped(secrets.token_bytes(32), purpose, id, wrapping), name_of(wrapping)])
    connection.execute(_CHANGED)
    return id
