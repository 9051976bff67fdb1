"""The simulated ERP's files over a real socket, read with the hub's client and GnuPG: sound ones, and each trouble."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch import guards
from batch.chain import Turn, turn
from batch.faults import SetRefused
from batch.manifest import Manifest, digest, manifest_of
from batch.names import SetName, set_name
from batch.pgp import Keyring
from batch.sftp import Server, connected, download, upload, whole_sets
from fhir_server.validation import validate
from mappings.check_digits import wrong
from mappings.text import damaged
from simulators.tasy import changes, ndjson, sftp
from simulators.tasy.differences import KINDS
from simulators.tasy.files import BAD_LINE, BAD_SET, FLOWS, Files
from simulators.tasy.installation import Tasy
from simulators.tasy.openpgp import Keyring as TasyKeys
from simulators.tasy.population import members, population

DAY = date(2026, 3, 9)
SIZE = 400
Json = dict[str, Any]


@dataclass
class Hub:
    """The hub's side: its keys, a place for what comes, and the simulated ERP itself."""

    files: Files
    sftp: sftp.Sftp
    server: Server
    keyring: Keyring
    key: str
    folder: Path
    tasy: Tasy

    def fetched(self, name: SetName | None = None) -> tuple[Manifest, str, dict[str, list[bytes]]]:
        """The manifest of the last set, its hash, and the lines of each type. Raises SetRefused."""
        with connected(self.server) as client:
            there = whole_sets(client)
            name = name or there[-1]
            for one in (name.manifest, f"{name.manifest}.asc"):
                client.get(f"saida/{one}", str(self.folder / one))
            source = (self.folder / name.manifest).read_bytes()
            self.keyring.verify(self.folder / name.manifest, self.folder / f"{name.manifest}.asc")
            manifest = manifest_of(source, name)
            lines = {}
            for one in manifest.arquivos:
                download(client, f"saida/{one.nm_arquivo}", self.folder / one.nm_arquivo, one.ds_sha256)
                self.keyring.open(self.folder / one.nm_arquivo, self.folder / "plain")
                lines[one.ds_recurso] = gzip.decompress((self.folder / "plain").read_bytes()).splitlines()
                assert len(lines[one.ds_recurso]) == one.qt_registros
        return manifest, digest(source), lines


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TasyKeys, TasyKeys]]:
    """Tasy's and the hub's."""
    folder = tmp_path_factory.mktemp("keys")
    tasy, hub = TasyKeys(folder / "tasy", "Tasy"), TasyKeys(folder / "hub", "Hub")
    tasy.add(hub.public)
    hub.add(tasy.public)
    yield tasy, hub
    tasy.close()
    hub.close()


@pytest.fixture
def hub(keys: tuple[TasyKeys, TasyKeys], tmp_path: Path) -> Iterator[Hub]:
    own = Tasy(population(SIZE, 1, DAY), "hub", "secret")
    files = Files(own, tmp_path / "tasy", keys[0], keys[1].fingerprint, 1, DAY)
    there = sftp.server(files.root, tmp_path / "ssh")
    mine = tmp_path / "mine"
    mine.mkdir()
    with sftp.serving(there) as port:
        server = Server("127.0.0.1", port, "hub", tmp_path / "ssh" / "client", (there.fingerprint,))
        ring = Keyring(keys[1].home, [keys[0].fingerprint])
        yield Hub(files, there, server, ring, keys[1].fingerprint, mine, own)


def test_a_full_roster_then_a_day(hub: Hub) -> None:
    hub.files.publish("MEMBROS")
    manifest, hash, lines = hub.fetched()
    assert (manifest.modo, manifest.nr_sequencia_fluxo, len(lines["Patient"])) == ("FULL", 1, SIZE)
    active = sum(json.loads(line)["status"] == "active" for line in lines["Coverage"])
    assert manifest.totais.qt_ativos_apos == active
    before = {json.loads(line)["id"]: line for line in lines["Coverage"]}
    hub.files.publish("MEMBROS", full=False)
    delta, _, moved = hub.fetched()
    assert turn(delta, "x", {1: hash}) is Turn.APPLY
    assert delta.dt_corte_ate is not None
    assert delta.dt_corte_ate.date() == DAY + timedelta(days=1)
    after = {json.loads(line)["id"]: line for line in moved.get("Coverage", [])}
    movements = Counter(json.loads(line)["extension"][0]["valueCode"] for line in after.values())
    totals = delta.totais
    assert movements["1"] == totals.qt_inclusao
    assert movements["2"] == totals.qt_alteracao
    assert movements["3"] + len(moved.get("_Deleted", [])) == totals.qt_exclusao
    # The state of the plan is what a reader of both sets has.
    here = {json.loads(line)["id"] for kind, line in everything(hub.tasy) if kind == "Coverage"}
    gone = {entry["request"]["url"] for line in moved.get("_Deleted", []) for entry in json.loads(line)["entry"]}
    assert {f"Coverage/{id}" for id in before | after} - gone == {f"Coverage/{id}" for id in here}


def everything(tasy: Tasy) -> Iterator[tuple[str, bytes]]:
    for one in ndjson.resources(0, 1, DAY, ndjson.B1, tasy.plan.members):
        yield one["resourceType"], json.dumps(one).encode()


@pytest.mark.parametrize("flow", ["REDE", "PLANOS", "RECONCILIACAO"])
def test_the_other_flows(flow: str, hub: Hub) -> None:
    card = hub.tasy.plan.members[0]["carteira"]["cd_usuario_plano"]
    for number, code in (("G1", "10101012"), ("G2", "31003079")):  # decided at once; in analysis
        item = {"nr_item": 1, "cd_procedimento": code, "qt_solicitada": 1}
        asked = {"cd_guia_prestador": number, "solicitante": {"nr_seq_prestador": 4711}, "itens": [item]}
        hub.tasy.guides.submit({"cd_usuario_plano": card, **asked}, datetime(2026, 3, 9))
    hub.files.publish(flow)
    manifest, _, lines = hub.fetched()
    assert manifest.fluxo == flow
    assert set(lines) == {one for one in FLOWS[flow] if one != "_Deleted"}
    for found in lines.values():
        assert [one for one in validate(json.loads(found[0])) if one.severity == "error"] == []
    assert [json.loads(one)["id"] for one in lines.get("ClaimResponse", ())] == (
        ["guia-5500002"] if flow == "RECONCILIACAO" else []
    )


def test_what_days_bring_is_the_same_after_a_restart(hub: Hub, keys: tuple[TasyKeys, TasyKeys]) -> None:
    for _ in range(3):
        hub.files.publish("MEMBROS", full=False)
    again = Tasy(population(SIZE, 1, DAY), "hub", "secret")
    files = Files(again, hub.files.root.parent, keys[0], hub.key, 1, DAY)
    assert again.plan.members == hub.tasy.plan.members
    assert files.today == DAY + timedelta(days=3)
    files.publish("MEMBROS", full=False)
    assert hub.fetched()[0].nr_sequencia_fluxo == 4


def test_all_kinds_of_changes_come() -> None:
    found: Counter[str] = Counter()
    plan = list(members(3000, 2, DAY))
    for number in range(1, 6):
        moved = list(changes.day(plan, 2, DAY + timedelta(days=number), 0.05))
        assert moved == list(changes.day(plan, 2, DAY + timedelta(days=number), 0.05))
        found.update(one.movement for one in moved)
        plan = [one.member for one in moved if one.movement != changes.REMOVED]
        keys = [one["segurado"]["nr_seq_segurado"] for one in plan]
        assert len(set(keys)) == len(keys)
    assert set(found) == {"", "1", "2", "3", "4", "-"}
    holders = {one["segurado"]["nr_seq_segurado"] for one in plan}
    assert all((one["segurado"]["nr_seq_titular"] or one["segurado"]["nr_seq_segurado"]) in holders for one in plan)


def test_15_without_done(hub: Hub) -> None:
    hub.files.publish("PLANOS", troubles=["no-done"])
    with connected(hub.server) as client:
        assert whole_sets(client) == []
        assert len(client.listdir("saida")) == 3


@pytest.mark.parametrize(
    ("trouble", "code"), [("truncated", "HUB-B103"), ("unsigned", "HUB-B104"), ("other-signer", "HUB-B104")]
)
def test_15_files_that_are_not_what_they_should_be(trouble: str, code: str, hub: Hub) -> None:
    hub.files.publish("PLANOS", troubles=[trouble])
    with pytest.raises(SetRefused) as told:
        hub.fetched()
    assert told.value.code == code
    hub.files.publish("PLANOS")
    assert hub.fetched()[0].nr_sequencia_fluxo == 2


def test_15_another_host_key_and_no_login(hub: Hub) -> None:
    for trouble, issue in (("other-host-key", "security"), ("no-login", "login")):
        hub.sftp.troubles.append(sftp.Trouble(trouble))
        with pytest.raises(PartnerRefused) as told, connected(hub.server):
            pass
        assert told.value.issue == issue
    with connected(hub.server) as client:
        assert sorted(client.listdir(".")) == ["arquivo", "entrada", "retorno", "saida"]


def test_15_a_connection_that_is_cut_off_goes_on(hub: Hub) -> None:
    source = bytes(range(256)) * 4000
    (hub.files.root / "saida" / "a").write_bytes(source)
    # Slowly, for what came and was not read when the connection ends is lost, on a busy machine all of it.
    hub.sftp.troubles += [sftp.Trouble("slow", seconds=0.02), sftp.Trouble("cut-off", size=600_000)]
    with pytest.raises(PartnerUnavailable), connected(hub.server) as client:
        download(client, "saida/a", hub.folder / "a", digest(source))
    hub.sftp.troubles.clear()
    had = (hub.folder / "a.part").stat().st_size
    assert 0 < had < len(source)
    came: list[int] = []
    with connected(hub.server) as client:
        download(client, "saida/a", hub.folder / "a", digest(source), came.append)
    assert (had + sum(came), (hub.folder / "a").read_bytes()) == (len(source), source)


def test_a_slow_server(hub: Hub) -> None:
    (hub.files.root / "saida" / "a").write_bytes(b"x")
    hub.sftp.troubles.append(sftp.Trouble("slow", seconds=0.3))
    start = time.monotonic()
    with connected(hub.server) as client:
        download(client, "saida/a", hub.folder / "a", digest(b"x"))
    assert time.monotonic() - start > 0.3


def test_nothing_above_the_folders(hub: Hub) -> None:
    (hub.files.root.parent / "secret").write_text("x")
    with connected(hub.server) as client:
        assert "secret" not in client.listdir("/..")
        with pytest.raises(OSError):
            client.open("../secret")


def test_16_gap_late_again_and_a_used_number(hub: Hub) -> None:
    hub.files.publish("MEMBROS")
    first, hash, _ = hub.fetched()
    answered = {first.nr_sequencia_fluxo: hash}
    held_back = hub.files.publish("MEMBROS", full=False, troubles=["late"])
    hub.files.publish("MEMBROS", full=False)
    third, third_hash, _ = hub.fetched()
    assert (third.nr_sequencia_fluxo, turn(third, third_hash, answered)) == (3, Turn.WAIT)
    assert hub.files.late() == [held_back]
    second, second_hash, _ = hub.fetched(set_name(held_back))
    assert turn(second, second_hash, answered) is Turn.APPLY
    answered[2] = second_hash
    assert turn(third, third_hash, answered) is Turn.APPLY
    answered[3] = third_hash
    assert hub.files.again() == hub.fetched()[0].arquivos[0].nm_arquivo.rpartition("_")[0]
    again, again_hash, _ = hub.fetched()
    assert turn(again, again_hash, answered) is Turn.DUPLICATE
    hub.files.publish("MEMBROS", full=False, troubles=["used-number"])
    used, used_hash, _ = hub.fetched()
    assert (used.nr_sequencia_fluxo, turn(used, used_hash, answered)) == (3, Turn.REFUSE)


def test_17_a_roster_that_cancels_30_percent(hub: Hub) -> None:
    hub.files.publish("MEMBROS", full=False, troubles=["cancels"])
    _, _, lines = hub.fetched()
    found = [json.loads(line) for line in lines["Coverage"]]
    ended = [one for one in found if one["status"] == "cancelled" and one["extension"][0]["valueCode"] == "3"]
    assert 0.25 < len(ended) / len(found) < 0.4


def test_a_network_that_shrinks(hub: Hub) -> None:
    hub.files.publish("REDE", troubles=["network-shrinks"])
    _, _, lines = hub.fetched()
    left = {json.loads(line)["id"] for kind in ("Organization", "Practitioner") for line in lines[kind]}
    all_ = [f"prest-{one['nr_seq_prestador']}" for one in hub.tasy.plan.providers]
    assert sorted(set(all_) - left) == ["prest-4700", "prest-4710"]
    assert guards.network(len(all_), len(left), {})
    roles = [json.loads(line) for line in lines["PractitionerRole"]]
    assert {one["practitioner"]["reference"].partition("/")[2] for one in roles} <= left


def test_products_of_a_closed_month(hub: Hub) -> None:
    hub.files.publish("PLANOS", troubles=["past-month"])
    starts = {json.loads(line)["period"]["start"] for line in hub.fetched()[2]["InsurancePlan"]}
    assert starts == {"2026-02-01"}


def test_18_line_17_of_312(hub: Hub) -> None:
    hub.files.publish("MEMBROS", full=False, troubles=["bad-line"])
    _, _, lines = hub.fetched()
    assert len(lines["Patient"]) == BAD_SET
    faults = [number for number, line in enumerate(lines["Patient"], 1) if bad_cpf(line)]
    assert faults == [BAD_LINE]


def bad_cpf(line: bytes) -> bool:
    return any(
        wrong("cpf", one["value"]) is not None
        for one in json.loads(line)["identifier"]
        if one["system"].endswith("/cpf")
    )


def test_14_damaged_names(hub: Hub) -> None:
    hub.files.publish("MEMBROS", troubles=["latin-1"])
    broken = []
    for line in hub.fetched()[2]["Patient"]:
        try:
            line.decode()
        except UnicodeDecodeError:
            broken.append(line.decode("latin-1"))
    assert len(broken) == 3
    hub.files.publish("MEMBROS", troubles=["mojibake"])
    names = [name["text"] for line in hub.fetched()[2]["Patient"] for name in json.loads(line)["name"]]
    assert 3 <= sum(damaged(name) for name in names) <= 6


def test_lines_whose_references_come_with_the_next_set(hub: Hub) -> None:
    hub.files.publish("MEMBROS", troubles=["orphans"])
    _, _, lines = hub.fetched()
    known = {f"Patient/{json.loads(line)['id']}" for line in lines["Patient"]}
    lacking = {json.loads(line)["beneficiary"]["reference"] for line in lines["Coverage"]} - known
    assert lacking
    hub.files.publish("MEMBROS", full=False)
    _, _, later = hub.fetched()
    assert lacking <= {f"Patient/{json.loads(line)['id']}" for line in later["Patient"]}


def test_22_a_reconciliation_with_differences(hub: Hub) -> None:
    hub.files.publish("RECONCILIACAO", differences=5)
    _, _, lines = hub.fetched()
    told = hub.files.differences
    assert Counter(one.kind for one in told) == dict.fromkeys(KINDS, 5)
    there = {f"{kind}/{json.loads(line)['id']}": json.loads(line) for kind in ndjson.B1 for line in lines[kind]}
    here = {f"{kind}/{json.loads(line)['id']}": json.loads(line) for kind, line in everything(hub.tasy)}
    expected = {one for difference in told for one in difference.references}
    expected -= {one.references[1] for one in told if one.kind == "duplicate"}
    found = {key for key in there.keys() | here.keys() if there.get(key) != here.get(key)}
    assert found == expected
    with pytest.raises(ValueError, match="need"):
        hub.files.publish("RECONCILIACAO", differences=10_000)


def test_receipts_of_the_hub_are_read(hub: Hub, keys: tuple[TasyKeys, TasyKeys]) -> None:
    source = b'{"fluxo":"MEMBROS","nr_sequencia_fluxo":1,"cd_resultado":"ACEITO"}'
    for name, signed in (("a.json", True), ("b.json", False)):
        path = hub.folder / name
        path.write_bytes(source)
        (hub.folder / f"{name}.asc").write_bytes(keys[1].sign(path))
        with connected(hub.server) as client:
            upload(client, path, f"retorno/{name}")
            if signed:
                upload(client, hub.folder / f"{name}.asc", f"retorno/{name}.asc")
    assert [(one["nm_arquivo"], one["assinado"]) for one in hub.files.receipts()] == [
        ("a.json", True),
        ("b.json", False),
    ]


def test_what_is_there_at_no_time_is_half_a_file(hub: Hub) -> None:
    """Whoever lists the folder all the while sees no set as whole before its files are."""
    seen: list[set[str]] = []
    ending = threading.Event()

    def watch() -> None:
        while not ending.is_set():
            seen.append({one.name for one in (hub.files.root / "saida").iterdir()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    hub.files.publish("REDE")
    ending.set()
    watcher.join()
    done = [names for names in seen if any(name.endswith(".done") for name in names)]
    assert all(len(names) == len(done[-1]) for names in done)


def test_other_keys_are_not_let_in(hub: Hub, tmp_path: Path) -> None:
    other = sftp.key_pair(tmp_path / "other")
    with pytest.raises(PartnerRefused), connected(Server("127.0.0.1", hub.sftp.port, "hub", other, hub.server.pinned)):
        pass
    with (
        pytest.raises(PartnerRefused),
        connected(Server("127.0.0.1", hub.sftp.port, "root", hub.server.key, hub.server.pinned)),
    ):
        pass
    assert isinstance(hub.sftp.key, paramiko.PKey)
