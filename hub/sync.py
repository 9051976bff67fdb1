"""Sets of the ERP's files, joined with this installation: its settings, its keys, its own client of the FHIR API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from batch import sftp, unpack
from batch.entities import CODES
from batch.names import SetName, set_name
from batch.parts import Parts, Progress
from batch.pgp import Keyring
from batch.run import Outcome, sync
from batch.source import Folder, Remote, Source
from hub.own_clients import BATCH, door
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site

FLOWS = {code: flow for flow, code in CODES.items()}


class NotConfigured(RuntimeError):
    """A setting is missing; the text says which."""


def folder(settings: Settings) -> Path:
    """Where sets are while they are worked on."""
    return unpack.private(settings.data / "batch")


def keyring(settings: Settings) -> tuple[Keyring, str]:
    """The keys, and the fingerprint of our own. Raises NotConfigured."""
    if settings.pgp_key is None or not settings.pgp_partners:
        raise NotConfigured("HUB_PGP_KEY and HUB_PGP_PARTNERS must be set: sets are signed and encrypted")
    home = settings.pgp_home or settings.data / "pgp"
    return Keyring(home, settings.pgp_partners), settings.pgp_key


def server(settings: Settings) -> sftp.Server:
    """The partner's server. Raises NotConfigured."""
    if settings.tasy_sftp is None or settings.tasy_sftp_key is None or not settings.tasy_sftp_host_keys:
        raise NotConfigured(
            "HUB_TASY_SFTP, HUB_TASY_SFTP_KEY and HUB_TASY_SFTP_HOST_KEYS must be set, or --file name a folder"
        )
    parts = urlsplit(settings.tasy_sftp)
    return sftp.Server(
        parts.hostname or "", parts.port or 22, parts.username or "", settings.tasy_sftp_key,
        settings.tasy_sftp_host_keys,
    )  # fmt: skip


@contextmanager
def source(settings: Settings, path: Path | None) -> Iterator[Source]:
    """The partner's server, or the folder that a path is or is in.

    Raises NotConfigured, PartnerUnavailable, PartnerRefused.
    """
    if path is None:
        with sftp.connected(server(settings)) as client:
            yield Remote(client, folder(settings))
        return
    where = path if path.is_dir() else path.parent
    if not where.is_dir():
        raise NotConfigured(f"{path} is neither a folder nor the manifest of a set")
    yield Folder(where, None if path.is_dir() else set_name(path.name))


@asynccontextmanager
async def parts(settings: Settings, url: str, progress: Progress = lambda _, __: None) -> AsyncIterator[Parts]:
    """What runs need, as long as the block. url: of the database. Raises NotConfigured, KeyUnusable."""
    ring, own = keyring(settings)
    with psycopg.connect(url, autocommit=True, application_name="hub-batch") as connection:
        async with door(settings, BATCH) as client:
            yield Parts(
                connection, client, ring, own, bodies(settings), site(settings).site, folder(settings),
                lambda: datetime.now(UTC), progress,
            )  # fmt: skip


def unfinished(settings: Settings) -> list[SetName]:
    """Sets of which files came more than two hours ago, and not the last. Raises PartnerUnavailable, PartnerRefused."""
    with sftp.connected(server(settings)) as client:
        return sftp.unfinished(client, datetime.now(UTC).timestamp())


async def run(
    settings: Settings, url: str, flow: str, path: Path | None, progress: Progress = lambda _, __: None
) -> list[Outcome]:
    """Applies the sets of a flow ("B-1") that are there.

    Raises NotConfigured, FlowBusy, PartnerUnavailable, PartnerRefused, FhirRefused.
    """
    async with parts(settings, url, progress) as found:
        with source(settings, path) as there:
            return await sync(found, there, FLOWS[flow])
