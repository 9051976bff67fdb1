"""The key that seals secrets in the database: from the environment, from a mounted file, or made for development."""

from __future__ import annotations

import base64
import os

from hub.settings import Settings
from messages.bodies import Sealing
from smart_auth.seal import Seal, SealError, new_key


class KeyUnusable(RuntimeError):
    """There is no usable key; the text says what to do, never what the key is."""


def seal(settings: Settings) -> Seal:
    """The seal of this installation. Raises KeyUnusable."""
    if settings.key is not None:
        text, name = settings.key, "HUB_KEY"
    elif settings.key_file is not None:
        try:
            text, name = settings.key_file.read_text(encoding="ascii"), "HUB_KEY_FILE"
        except (OSError, ValueError) as error:
            raise KeyUnusable(f"HUB_KEY_FILE: cannot be read ({type(error).__name__})") from None
    else:
        text, name = _made(settings), "the file `key` in HUB_DATA"
    try:
        return Seal(text)
    except SealError as error:
        raise KeyUnusable(f"{name}: {error}; `hub keys new-seal` prints a new one") from None


def bodies(settings: Settings) -> Sealing:
    """What seals the bodies of messages: a key of their own, derived from that one. Raises KeyUnusable."""
    return Sealing(base64.urlsafe_b64decode(seal(settings).derived("bodies of messages") + "="))


def _made(settings: Settings) -> str:
    """The key of an installation for development: made once, in a file only its owner reads."""
    path = settings.data / "key"
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(new_key())
    return path.read_text(encoding="ascii")
