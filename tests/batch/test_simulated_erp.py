"""Sets of the simulated ERP from its own SFTP server, sealed by GnuPG, applied to a served hub: scenarios 14 to 18.

`test_run.py` and `test_sftp.py` show the same with OpenSSH.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch.pgp import Keyring
from batch.run import Outcome
from batch.sftp import Server, connected
from batch.source import Remote
from mappings.repair import CODE
from messages import runs
from simulators.tasy import sftp
from simulators.tasy.files import Files
from simulators.tasy.installation import Tasy
from simulators.tasy.openpgp import Keyring as TasyKeys
from simulators.tasy.population import population
from tests.batch.sets import SITE
from tests.batch.station import Station
from tests.hub_process import HubProcess

DAY = date(2026, 3, 9)
Json = Any


@dataclass
class Erp:
    """The simulated ERP, and the hub that fetches from it."""

    files: Files
    sftp: sftp.Sftp
    server: Server
    station: Station

    def published(self, flow: str = "MEMBROS", full: bool = False, trouble: str = "") -> str:
        """A set's name."""
        return self.files.publish(flow, full=full, troubles=[trouble] if trouble else [])

    def synced(self, flow: str = "MEMBROS") -> list[Outcome]:
        with connected(self.server) as client:
            return self.station.synced(flow, Remote(client, self.station.folder / "incoming"))

    def states(self, flow: str = "MEMBROS") -> list[str]:
        return [one.state for one in self.synced(flow)]

    def receipt(self, name: str) -> Json:
        """What the ERP was answered last, its signature found good."""
        [found] = [one for one in self.files.receipts() if one["nm_arquivo"] == f"{name}_recibo.json"]
        assert found["assinado"]
        return found

    def names(self) -> dict[str, Json]:
        """Of every Patient."""
        return {one["id"]: one["name"] for one in self.station.hub.client.found("Patient?_count=1000")}

    def tasks(self) -> list[Json]:
        """Those that ask for text to be repaired and are open."""
        found: list[Json] = self.station.hub.client.found(
            f"Task?code={SITE.systems.codes('tarefa')}|{CODE}&status=requested"
        )
        return found


@pytest.fixture(scope="module")
def erp(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """With a full roster applied."""
    folder = tmp_path_factory.mktemp("erp")
    keys, ours = TasyKeys(folder / "pgp", "Tasy"), TasyKeys(folder / "pgp-hub", "Hub")
    keys.add(ours.public)
    ours.add(keys.public)
    files = Files(Tasy(population(330, 1, DAY), "hub", "secret"), folder / "tasy", keys, ours.fingerprint, 1, DAY)
    there = sftp.server(files.root, folder / "ssh")
    fingerprints = keys.fingerprint, ours.fingerprint
    with (
        HubProcess(folder / "hub", {"database_url": module_database}) as hub,
        sftp.serving(there) as port,
    ):
        station = Station(
            hub, module_database, folder, Keyring(keys.home, fingerprints[1:]), Keyring(ours.home, fingerprints[:1]),
            fingerprints, datetime.now(UTC),
        )  # fmt: skip
        found = Erp(files, there, Server("127.0.0.1", port, "hub", folder / "ssh" / "client", (there.fingerprint,)),
                    station)  # fmt: skip
        name = found.published(full=True)
        assert found.states() == [runs.APPLIED]
        assert found.receipt(name)["cd_resultado"] == "ACEITO"
        yield found
    files.close()
    ours.close()


def test_14_names_in_latin_1_are_read_and_damaged_ones_kept_until_they_are_repaired(erp: Erp) -> None:
    before = erp.names()
    name = erp.published(full=True, trouble="latin-1")
    [outcome] = erp.synced()
    assert outcome.counts is not None
    assert (outcome.counts.applied, outcome.counts.rejected) == (3, 0)
    assert erp.receipt(name)["cd_resultado"] == "ACEITO"
    assert erp.names() == before  # the same names, whatever their bytes
    tasks = erp.tasks()
    assert [one["description"] for one in tasks] == ["texto: não é UTF-8, lido como cp1252"] * 3
    for one in tasks:
        done = {**one, "status": "completed"}
        assert erp.station.hub.client.request("PUT", f"Task/{one['id']}", done).status == 200
    erp.published(full=True, trouble="mojibake")
    assert erp.states() == [runs.APPLIED]
    now = erp.names()
    changed = {f"Patient/{id}" for id, found in now.items() if found != before[id]}
    assert len(changed) == 3
    assert {one["focus"]["reference"] for one in erp.tasks()} == changed
    assert {one["description"] for one in erp.tasks()} == {"texto: perdeu caracteres antes de chegar"}
    # Repaired where they come from, they come again with the next set.
    erp.published(full=True)
    assert erp.states() == [runs.APPLIED]
    assert erp.names() == before
    assert len(erp.tasks()) == 3  # no more


def test_15_what_is_not_whole_or_not_the_partners_is_not_applied(erp: Erp) -> None:
    for trouble, code in (("truncated", "HUB-B103"), ("unsigned", "HUB-B104"), ("other-signer", "HUB-B104")):
        name = erp.published("PLANOS", True, trouble)
        assert erp.states("PLANOS") == [runs.REFUSED]
        answer = erp.receipt(name)
        assert (answer["cd_resultado"], answer["rejeitos"][0]["cd_erro"]) == ("REJEITADO", code)
    name = erp.published("PLANOS", True, "no-done")
    assert erp.states("PLANOS") == []
    erp.sftp.troubles.append(sftp.Trouble("other-host-key"))
    with pytest.raises(PartnerRefused, match="HOST-KEY"):
        erp.synced("PLANOS")
    assert erp.station.hub.client.found("InsurancePlan") == []
    # It is whole now, though the connection ends while it comes.
    (erp.files.root / "saida" / f"{name}.done").touch()
    erp.sftp.troubles.append(sftp.Trouble("cut-off", size=100))
    with pytest.raises(PartnerUnavailable):
        erp.synced("PLANOS")
    assert erp.states("PLANOS") == [runs.APPLIED]
    assert len(erp.station.hub.client.found("InsurancePlan")) == erp.receipt(name)["qt_aceitos"] > 0


def test_18_line_17_of_312_is_rejected_alone(erp: Erp) -> None:
    name = erp.published(trouble="bad-line")
    [outcome] = erp.synced()
    assert outcome.state == runs.APPLIED
    answer = erp.receipt(name)
    assert (answer["cd_resultado"], answer["qt_rejeitados"]) == ("PARCIAL", 1)
    assert answer["qt_aceitos"] == answer["qt_recebidos"] - 1
    [rejected] = answer["rejeitos"]
    assert (rejected["nr_linha"], rejected["cd_erro"]) == (17, "HUB-B204")
    [(state, fault)] = erp.station.rows(
        "select state, fault_code from messages.message where business_key = %s", f"{rejected['nm_arquivo']}:17"
    )
    assert (state, fault) == ("MORTA", "HUB-B204")


def test_16_a_gap_a_late_set_a_duplicate_and_a_used_number(erp: Erp) -> None:
    late = erp.published(trouble="late")
    last = erp.published()
    assert erp.states() == [runs.WAITING]
    assert erp.files.late() == [late]
    assert erp.states() == [runs.APPLIED, runs.APPLIED]
    assert erp.receipt(last)["cd_resultado"] == "ACEITO"
    assert erp.files.again() == last
    assert erp.states() == [runs.DUPLICATE]
    assert erp.receipt(last)["cd_resultado"] == "DUPLICADO"
    used = erp.published(trouble="used-number")
    assert erp.states() == [runs.REFUSED]
    assert erp.receipt(used)["rejeitos"][0]["cd_erro"] == "HUB-B105"


def test_17_a_roster_that_cancels_30_percent_is_held_until_a_person_decides(erp: Erp) -> None:
    """The last of this module: after it the ERP's members and the hub's are not the same."""

    def active() -> int:
        total: int = erp.station.hub.client.get("Coverage?status=active&_summary=count")["total"]
        return total

    before = active()
    name = erp.published(trouble="cancels")
    assert erp.states() == [runs.HELD]
    assert (erp.receipt(name)["cd_resultado"], active()) == ("RETIDO", before)
    with psycopg.connect(erp.station.url, autocommit=True) as connection:
        [held] = runs.listed(connection, states=[runs.HELD])
        assert "exclusions" in [one.name for one in held.guards]
        runs.release(connection, held.id, "joana", "conferido por telefone", datetime.now(UTC))
    assert erp.states() == [runs.APPLIED]
    assert erp.receipt(name)["cd_resultado"] == "ACEITO"
    assert active() < before * 0.8
