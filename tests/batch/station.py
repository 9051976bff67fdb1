"""Both ends of the wire: the ERP's folder and keys, and a hub that applies what is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from adapters.fhir_client import FhirClient
from batch.names import SetName
from batch.parts import Parts
from batch.pgp import Keyring
from batch.run import Outcome, sync
from batch.source import Folder, Source
from messages import store
from messages.bodies import Sealing, edited
from messages.states import State
from tests.batch.conftest import Party
from tests.batch.sets import SITE, make
from tests.hub_process import HubProcess

MORNING = datetime(2026, 3, 10, 6, tzinfo=UTC)
SEALING = Sealing(b"k" * 32)


@dataclass
class Station:
    """A hub, and the ERP on the other side."""

    hub: HubProcess
    url: str
    """Of the hub's database."""
    folder: Path
    tasy: Keyring
    ours: Keyring
    keys: tuple[str, str]
    """Fingerprints: the ERP's, the hub's."""
    now: datetime = MORNING
    names: list[SetName] = field(default_factory=list)

    @classmethod
    def between(cls, hub: HubProcess, url: str, folder: Path, parties: Mapping[str, Party]) -> Station:
        """Keyrings of their own, each with the other's public key."""
        tasy, ours = parties["tasy"], parties["hub"]
        theirs, own = Keyring(folder / "tasy-keys", [ours.fingerprint]), Keyring(folder / "keys", [tasy.fingerprint])
        theirs.add(tasy.secret)
        theirs.add(ours.public)
        own.add(ours.secret)
        own.add(tasy.public)
        return cls(hub, url, folder, theirs, own, (tasy.fingerprint, ours.fingerprint))

    def sent(self, files: Mapping[str, bytes], where: Path | None = None, **more: Any) -> SetName:
        """A set of the ERP's in its folder."""
        name = make(where or self.folder / "saida", self.tasy, self.keys[0], self.keys[1], files, **more)
        self.names.append(name)
        return name

    def synced(self, flow: str = "MEMBROS", source: Source | None = None) -> list[Outcome]:
        """What becomes of the sets that are there."""
        return asyncio.run(self._synced(flow, source or Folder(self.folder / "saida")))

    async def _synced(self, flow: str, source: Source) -> list[Outcome]:
        (self.folder / "incoming").mkdir(exist_ok=True)
        with psycopg.connect(self.url, autocommit=True) as connection:
            async with httpx2.AsyncClient(timeout=60) as http:
                client = FhirClient(http, self.hub.client.base)
                return await sync(self.parts(connection, client), source, flow)

    def parts(self, connection: psycopg.Connection[Any], client: FhirClient) -> Parts:
        """What the hub's end works with."""
        return Parts(
            connection, client, self.ours, self.keys[1], SEALING, SITE, self.folder / "incoming", lambda: self.now
        )

    def receipt(self, name: SetName) -> Any:
        """What the ERP got in answer, its signature found good."""
        path = self.folder / "saida" / "retorno" / f"{name}_recibo.json"
        assert self.tasy.verify(path, path.with_name(f"{path.name}.asc")) == self.keys[1]
        return json.loads(path.read_bytes())

    def cleared(self) -> None:
        """The ERP takes its sets away."""
        for one in (self.folder / "saida").iterdir():
            if one.is_file():
                one.unlink()

    def corrected(self, connection: psycopg.Connection[Any], id: int, body: bytes) -> None:
        """A person puts a dead letter right and sends it again."""
        sealed = SEALING.seal(body, edited(id, 1))
        connection.execute(
            "insert into messages.edit (message_id, number, at, author, reason, hash, body)"
            " values (%s, 1, %s, 'joana', 'conferido com o ERP', %s, %s)", [id, self.now, sealed.hash, sealed.body],
        )  # fmt: skip
        store.advance(connection, id, State.ARMAZENADA, "joana", self.now, due=self.now, reason="corrigido")

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Of the hub's database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def versions(self) -> dict[str, tuple[int, bytes]]:
        """Every resource of the record: its version and its body without what the server sets."""
        found = {}
        for kind in ("Patient", "RelatedPerson", "Coverage", "InsurancePlan", "Organization", "PractitionerRole"):
            for one in self.hub.client.found(f"{kind}?_count=1000"):
                meta = one.pop("meta")
                found[f"{kind}/{one['id']}"] = int(meta["versionId"]), json.dumps(one, sort_keys=True).encode()
        return found
