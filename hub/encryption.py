"""Encrypted identifiers: the keys that wrap theirs, from outside the database, and `hub keys encryption`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from fhir_server.encryption import keys
from hub.settings import Settings


class EncryptionKeyUnusable(RuntimeError):
    """There is no usable key; the text says what to do, never what the key is."""


class NotGiven(ValueError):
    """Nothing can be done without a key that wraps."""


def begin(settings: Settings, url: str) -> None:
    """From now on this process encrypts as settings say. Raises EncryptionKeyUnusable."""
    keys.begin(keys.Given(url, _wrapping(settings), frozenset(settings.encrypt_identifiers)))


def establish(url: str) -> None:
    """Makes the first keys in a database that is up to date, and finds out whether its keys can be had.

    Raises KeyMissing.
    """
    given = keys.given()
    if given is not None and given.conninfo == url:
        with psycopg.connect(url, autocommit=True) as connection:
            keys.establish(connection)


def _wrapping(settings: Settings) -> tuple[bytes, ...]:
    if settings.encryption_key is not None:
        text, name = settings.encryption_key, "HUB_ENCRYPTION_KEY"
    elif settings.encryption_key_file is not None:
        name = "HUB_ENCRYPTION_KEY_FILE"
        try:
            text = settings.encryption_key_file.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise EncryptionKeyUnusable(f"{name}: cannot be read ({type(error).__name__})") from None
    else:
        return ()
    found = []
    for part in text.replace(",", " ").split():
        try:
            found.append(base64.b64decode(part, validate=True))
        except (binascii.Error, ValueError):
            found.append(b"")
    if not found or any(len(raw) != 32 for raw in found):
        raise EncryptionKeyUnusable(
            f"{name}: each key must be 32 bytes in base64; `hub keys new-seal` prints a new one"
        )
    return tuple(found)


def show(url: str, say: Callable[[str], None] = print) -> None:
    """Tells of keys and systems, and how much each data key has encrypted."""
    from fhir_server.encryption.run import status

    with psycopg.connect(url, autocommit=True) as connection:
        found = status(connection)
    given = keys.given()
    named = given.systems if given else frozenset()
    for system in sorted(named.union(one for one, _ in found["systems"])):
        done = dict(found["systems"]).get(system, False)
        state = "encrypted" if done else "encrypted in part: run `hub keys encryption apply`"
        say(f"{system}: {state}" if system in named else f"{system}: no longer named; apply decrypts it")
    for id, purpose, wrapping, made, retired in found["keys"]:
        when = datetime.fromtimestamp(made / 1_000_000, UTC).date().isoformat()
        count = f", {found['bodies'].get(id, 0):,} versions" if purpose == keys.DATA else ""
        say(f"{purpose} key {id}, of {when}, wrapped by {wrapping}{count}{', retired' if retired else ''}")
    for part, looked_at, rewritten in found["under_way"]:
        say(f"under way: {part} versions, {looked_at:,} looked at, {rewritten:,} encrypted")
    if not found["keys"]:
        say("Nothing is encrypted: HUB_ENCRYPT_IDENTIFIERS names no system.")


def turn(settings: Settings, url: str, what: str, *, index: bool, say: Callable[[str], None] = print) -> None:
    """Makes new keys (rotate), wraps keys anew (rewrap), and but for that encrypts what is stored as settings say.

    Raises NotGiven, KeyMissing, Unfinished, FhirError.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from fhir_server.encryption.run import apply, rewrap, rotate

    given = keys.given()
    if given is None or not given.wrapping:
        raise NotGiven("HUB_ENCRYPTION_KEY or HUB_ENCRYPTION_KEY_FILE must be set; `hub keys new-seal` prints a key")
    with psycopg.connect(url, autocommit=True) as connection:
        if what == "rewrap":
            say(f"{rewrap(connection)} keys wrapped by the first one given: those behind it are for backups only.")
            return
        if what == "rotate":
            purposes = [keys.DATA, keys.INDEX] if index else [keys.DATA]
            for purpose, id in zip(purposes, rotate(connection, purposes), strict=True):
                say(f"{purpose} key {id} is used from now on")
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console,
        disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None)

        def moved(part: str, done: int, total: int) -> None:
            bar.update(task, description=part, completed=done, total=total or None)

        done = apply(url, settings.base, moved)
    say(f"{done.looked_at:,} versions looked at, {done.rewritten:,} encrypted anew")
    if done.types:
        say(f"Search rows compared and mended: {', '.join(done.types)}")
    say("Nothing stored says such an identifier in plain text. `vacuum full` removes what dead rows still hold.")
