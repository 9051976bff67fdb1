"""A set on its way in: fetched, its files found whole and signed by the partner, decrypted. Tasy contract, 10.1, 10.2.

Everything of it is in a folder that only its owner may enter; plain text is wiped when the run is over.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from batch.faults import SetRefused
from batch.manifest import Manifest, digest, manifest_of
from batch.names import SetName
from batch.pgp import Keyring, wipe
from batch.scan import Opened, in_order
from batch.source import Source, Told


class Announced(NamedTuple):
    """A set whose manifest was found to be the partner's."""

    name: SetName
    manifest: Manifest
    hash: str
    signer: str
    """Fingerprint of the key that signed it."""


def announced(source: Source, keyring: Keyring, name: SetName, folder: Path) -> Announced:
    """The manifest of a set, and that it is the partner's. Raises SetRefused, PartnerUnavailable."""
    body, signature = source.small(name.manifest), source.small(f"{name.manifest}.asc")
    if body is None:
        raise SetRefused("HUB-B101", "there is no manifest")
    if signature is None:
        raise SetRefused("HUB-B104", "the manifest is not signed")
    paths = folder / name.manifest, folder / f"{name.manifest}.asc"
    for path, content in zip(paths, (body, signature), strict=True):
        path.write_bytes(content)
    signer = keyring.verify(*paths)
    return Announced(name, manifest_of(body, name), digest(body), signer)


def unpack(source: Source, keyring: Keyring, announced: Announced, folder: Path, told: Told) -> list[Opened]:
    """The files of a set in the order in which they are applied. Raises SetRefused, PartnerUnavailable.

    What an earlier call has brought is not brought again.
    """
    found = []
    for one in in_order(announced.manifest):
        plain = folder / one.nm_arquivo.removesuffix(".pgp")
        if not plain.exists():  # it has this name only since it was found whole
            sealed = folder / one.nm_arquivo
            if not sealed.exists():
                source.fetch(one.nm_arquivo, sealed, one.ds_sha256, told)
            keyring.open(sealed, plain)
            sealed.unlink()
        found.append(Opened(one, plain))
    return found


def private(folder: Path) -> Path:
    """The folder, made so that only its owner may enter it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def clear(folder: Path) -> None:
    """Wipes what is in a folder, and removes it."""
    if folder.is_dir():
        for path in folder.iterdir():
            wipe(path)
        folder.rmdir()
