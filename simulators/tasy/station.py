"""A whole simulated ERP: keys made at its first start, its plan, its REST interface and SFTP server.

What it has to remember is in a folder: started again it has the same keys, the same plan as of the last day, its guides
and bills, and the numbers of its sets go on.
"""

from __future__ import annotations

import asyncio
import fcntl
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from simulators.tasy import sftp
from simulators.tasy.callbacks import Callbacks
from simulators.tasy.certificates import Authority, Pair
from simulators.tasy.control import Control
from simulators.tasy.dialect import Dialect
from simulators.tasy.files import Files
from simulators.tasy.installation import Tasy
from simulators.tasy.memory import Memory
from simulators.tasy.openpgp import Keyring
from simulators.tasy.population import population
from simulators.tasy.serve import serving
from simulators.tasy.sets import whole

CLIENT = "hub"


class PlanOf(msgspec.Struct, frozen=True):
    """What a plan was made of."""

    members: int
    seed: int
    day: date


@dataclass(frozen=True, slots=True)
class Keys:
    """Whatever the ERP and its hub prove themselves by, in a folder."""

    folder: Path
    authority: Authority
    client: Pair
    """Of the hub, for the REST interface."""
    secret: str
    callback_secret: str
    ssh: Path
    """Folder: `client` is the hub's private key."""
    host: str
    """Fingerprint of the SFTP server's key."""
    hub_home: Path
    """GnuPG's folder of the hub's."""
    hub_key: str
    """Fingerprint."""
    tasy_key: str
    """Fingerprint."""

    def variables(self, rest: int, files: int) -> dict[str, str]:
        """How a hub is set to this ERP, as environment variables. rest, files: ports."""
        return {
            "HUB_TASY_URL": f"https://127.0.0.1:{rest}",
            "HUB_TASY_CLIENT_ID": CLIENT,
            "HUB_TASY_CLIENT_SECRET": self.secret,
            "HUB_TASY_CERTIFICATE": str(self.client.certificate.absolute()),
            "HUB_TASY_KEY": str(self.client.key.absolute()),
            "HUB_TASY_CA": str(self.authority.certificate.absolute()),
            "HUB_TASY_CALLBACK_SECRET": self.callback_secret,
            "HUB_TASY_SFTP": f"sftp://{CLIENT}@127.0.0.1:{files}",
            "HUB_TASY_SFTP_KEY": str((self.ssh / "client").absolute()),
            "HUB_TASY_SFTP_HOST_KEYS": self.host,
            "HUB_PGP_HOME": str(self.hub_home.absolute()),
            "HUB_PGP_KEY": self.hub_key,
            "HUB_PGP_PARTNERS": self.tasy_key,
        }


def keys(folder: Path) -> Keys:
    """Those in a folder, made where there are none. Raises OSError: GnuPG is not there, or could not."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = Authority(folder / "tls")
    authority.client("client-ended", days=-1)
    server = sftp.server(folder / "sftp", folder / "ssh", CLIENT)
    known = folder / "openpgp.json"
    if not known.exists():
        tasy, hub = Keyring(folder / "pgp", "Tasy"), Keyring(folder / "pgp-hub", "Hub")
        tasy.add(hub.public)
        hub.add(tasy.public)
        for one in (tasy, hub):
            one.close()
        whole(known, msgspec.json.encode((tasy.fingerprint, hub.fingerprint)))
    tasy_key, hub_key = msgspec.json.decode(known.read_bytes(), type=tuple[str, str])
    return Keys(
        folder, authority, authority.kept(), _secret(folder / "client-secret"), _secret(folder / "callback-secret"),
        folder / "ssh", server.fingerprint, folder / "pgp-hub", hub_key, tasy_key,
    )  # fmt: skip


@dataclass(slots=True)
class Station:
    """A simulated ERP that runs."""

    control: Control
    url: str
    """Of its REST interface."""
    port: int
    """Of its SFTP server."""
    new: bool
    """Whether the plan was made just now."""


class Where(msgspec.Struct, frozen=True):
    """Where the one runs that a folder belongs to."""

    url: str
    sftp: int


def where(folder: Path) -> Where | None:
    """Where it runs; None: it does not."""
    try:
        with (folder / "lock").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        path = folder / "running.json"
        return msgspec.json.decode(path.read_bytes(), type=Where) if path.exists() else None
    return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Raises OSError: another one has the folder."""
    with (folder / "lock").open("wb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"another simulated ERP runs in {folder}") from None
        (folder / "running.json").unlink(missing_ok=True)
        yield


@asynccontextmanager
async def running(
    made: Keys, plan: PlanOf, rest: socket.socket, files: socket.socket, callbacks: Callbacks | None = None,
    dialect: Dialect | None = None,
) -> AsyncIterator[Station]:  # fmt: skip
    """Runs one on two sockets that are bound. plan: made of that, unless the folder remembers another one.

    callbacks: to the hub that is told of decisions; dialect: names of its own.
    Raises OSError: another one has the folder.
    """
    with _alone(made.folder):
        async with _running(made, plan, rest, files, callbacks, dialect) as station:
            found = Where(station.url, station.port)
            whole(made.folder / "running.json", msgspec.json.encode(found))
            yield station


@asynccontextmanager
async def _running(
    made: Keys,
    plan: PlanOf,
    rest: socket.socket,
    files: socket.socket,
    callbacks: Callbacks | None,
    dialect: Dialect | None,
) -> AsyncIterator[Station]:
    made_of = made.folder / "plan.json"
    new = not made_of.exists()
    if new:
        whole(made_of, msgspec.json.encode(plan))
    plan = msgspec.json.decode(made_of.read_bytes(), type=PlanOf)
    members = await asyncio.to_thread(population, plan.members, plan.seed, plan.day)
    tasy = Tasy(members, CLIENT, made.secret)
    keyring = Keyring(made.folder / "pgp", "Tasy")
    sets = await asyncio.to_thread(Files, tasy, made.folder, keyring, made.hub_key, plan.seed, plan.day)
    server = sftp.server(sets.root, made.ssh, CLIENT)
    control = Control(tasy, sets, server, callbacks)
    memory = Memory(made.folder / "rest.json", tasy, callbacks)
    memory.recall()
    keeping = asyncio.create_task(memory.keep_on())
    try:
        with sftp.serving(server, listener=files) as port:
            async with serving(tasy, made.authority, control=control, listener=rest, dialect=dialect) as url:
                yield Station(control, url, port, new)
    finally:
        keeping.cancel()
        memory.keep()
        sets.close()


def _secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()
