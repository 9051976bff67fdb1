"""Sets applied to a served hub, with real GnuPG: what is written, what is not, and what the ERP is answered."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg
import pytest

from batch.ledger import Counts
from batch.sftp import Server, connected, publish
from batch.source import Remote
from messages import runs, search
from messages.search import Criteria
from messages.states import State
from messages.store import Fault
from tests.batch.conftest import Party, end_agent
from tests.batch.sets import active, members, removal, written
from tests.batch.station import Station
from tests.hub_process import HubProcess

PEOPLE = members(312)


@pytest.fixture
def station(hub: HubProcess, module_database: str, tmp_path: Path, parties: dict[str, Party]) -> Iterator[Station]:
    """A hub without members."""
    found = Station.between(hub, module_database, tmp_path, parties)
    yield found
    for kind in ("Coverage", "RelatedPerson", "Patient"):
        for one in hub.client.found(f"{kind}?_count=1000"):
            assert hub.client.request("DELETE", f"{kind}/{one['id']}").status < 300
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("truncate batch.applied, batch.line, batch.receipt, messages.run, messages.message cascade")
    end_agent(tmp_path / "keys")
    end_agent(tmp_path / "tasy-keys")


def test_a_roster_from_its_files_to_its_receipt(station: Station) -> None:
    name = station.sent(written(PEOPLE), totals={"qt_ativos_apos": active(PEOPLE)})
    [outcome] = station.synced()
    total = sum(map(len, PEOPLE.values()))
    assert (outcome.state, outcome.counts) == (runs.APPLIED, Counts(total, total, 0, 0, 0))
    answer = station.receipt(name)
    assert (answer["cd_resultado"], answer["qt_recebidos"], answer["qt_aceitos"]) == ("ACEITO", total, total)
    record = station.versions()
    assert {one: version for one, (version, _) in record.items()} == {
        f"{kind}/{one['id']}": 1 for kind, found in PEOPLE.items() for one in found
    }
    coverage = PEOPLE["Coverage"][5]
    assert orjson.loads(record[f"Coverage/{coverage['id']}"][1]) == coverage
    assert list((station.folder / "incoming").iterdir()) == []  # no plain text is left
    # The same again is a duplicate, and its answer is the first one.
    [again] = station.synced()
    assert again.state == runs.DUPLICATE
    assert station.receipt(name) == answer | {"cd_resultado": "DUPLICADO"}
    # Another set with the same lines writes nothing.
    station.cleared()
    station.sent(written(PEOPLE), number=2, sequence=413, totals={"qt_ativos_apos": active(PEOPLE)})
    [third] = station.synced()
    assert third.counts == Counts(total, 0, total, 0, 0)
    assert station.versions() == record
    # One with some changed writes those alone.
    station.cleared()
    changed = copy.deepcopy(PEOPLE)
    for one in changed["Coverage"][:3]:
        one["subscriberId"] = f"9{one['subscriberId']}"
    station.sent(written(changed), number=3, sequence=414, totals={"qt_ativos_apos": active(PEOPLE)})
    [fourth] = station.synced()
    assert fourth.counts == Counts(total, 3, total - 3, 0, 0)
    now = station.versions()
    differ = {one for one, found in now.items() if found != record[one]}
    assert differ == {f"Coverage/{one['id']}" for one in changed["Coverage"][:3]}


def test_18_line_17_of_312_is_rejected_alone_corrected_and_sent_again(station: Station) -> None:
    people = copy.deepcopy(PEOPLE)
    bad = people["Coverage"][16]
    bad["relationship"]["coding"][1]["code"] = "99"
    name = station.sent(written(people), totals={"qt_ativos_apos": active(PEOPLE)})
    [outcome] = station.synced()
    total = sum(map(len, PEOPLE.values()))
    assert outcome.counts == Counts(total, total - 1, 0, 1, 0)
    file = name.file("Coverage")
    assert station.receipt(name)["rejeitos"] == [
        {"nm_arquivo": file, "nr_linha": 17, "id_recurso": bad["id"], "cd_erro": "HUB-B205",
         "ds_erro": "código fora da tabela", "ie_corrigivel": "S"}
    ]  # fmt: skip
    assert f"Coverage/{bad['id']}" not in station.versions()
    with psycopg.connect(station.url, autocommit=True) as connection:
        [dead] = search.found(connection, Criteria(states=[State.MORTA]))
        assert (dead.business_key, dead.fault) == (
            f"{file}:17",
            Fault("HUB-B205", "código fora da tabela", "relationship"),
        )
        run = runs.run(connection, dead.run or 0)
        assert (run.received, run.accepted, run.rejected, run.in_review) == (total, total - 1, 1, 0)
        # A person puts right what is wrong, and sends it again.
        good = orjson.dumps(PEOPLE["Coverage"][16])
        station.corrected(connection, dead.id, good)
        station.synced()
        assert search.message(connection, dead.id).state is State.ENTREGUE
        run = runs.run(connection, dead.run or 0)
        assert (run.accepted, run.rejected, run.in_review) == (total, 0, 0)
    assert orjson.loads(station.versions()[f"Coverage/{bad['id']}"][1]) == PEOPLE["Coverage"][16]


def test_a_line_waits_for_what_it_refers_to(station: Station) -> None:
    people = {kind: PEOPLE[kind][:4] for kind in ("Patient", "Coverage")}
    late = people["Patient"][3]
    name = station.sent(written(people | {"Patient": people["Patient"][:3]}), totals={"qt_ativos_apos": 4})
    [outcome] = station.synced()
    assert outcome.counts is not None
    assert (outcome.counts.rejected, outcome.counts.parked) == (0, 1)
    answer = station.receipt(name)
    assert (answer["cd_resultado"], answer["qt_em_revisao"], answer["rejeitos"]) == ("PARCIAL", 1, [])
    station.cleared()
    station.synced()  # nothing has come: it waits
    assert station.rows("select state from messages.message") == [("ESTACIONADA",)]
    station.sent(written({"Patient": [late]}), number=2, sequence=413, totals={"qt_ativos_apos": 3})
    station.synced()
    assert station.rows("select state, due from messages.message") == [("ENTREGUE", None)]
    assert station.rows("select accepted, in_review from messages.run order by id") == [
        (outcome.counts.received, 0),
        (1, 0),
    ]
    assert len([one for one in station.versions() if one.startswith("Coverage")]) == 4


def test_a_line_that_waited_a_day_is_a_dead_letter(station: Station) -> None:
    people = {"Coverage": PEOPLE["Coverage"][:1]}
    station.sent(written(people), totals={"qt_ativos_apos": 1})
    station.synced()
    station.cleared()
    station.now += timedelta(hours=25)
    station.synced()
    assert station.rows("select state, fault_code from messages.message") == [("MORTA", "HUB-B203")]
    assert station.rows("select rejected, in_review from messages.run") == [(1, 0)]


def test_an_older_line_never_replaces_a_newer_one(station: Station) -> None:
    patient, coverage = PEOPLE["Patient"][0], PEOPLE["Coverage"][0]
    station.sent(written({"Coverage": [coverage]}), totals={"qt_ativos_apos": 1})
    station.synced()
    station.cleared()
    newer = coverage | {"subscriberId": "777"}
    more = written({"Patient": [patient], "Coverage": [newer]})
    station.sent(more, number=2, sequence=413, totals={"qt_ativos_apos": 1})
    station.synced()
    assert station.rows("select state from messages.message") == [("DUPLICADA",)]
    assert orjson.loads(station.versions()[f"Coverage/{coverage['id']}"][1]) == newer
    assert station.rows("select accepted, unchanged, in_review from messages.run order by id") == [(1, 1, 0), (2, 0, 0)]


def test_what_ends_is_ended_and_not_deleted(station: Station) -> None:
    people = {kind: found[:60] for kind, found in PEOPLE.items()}
    station.sent(written(people), totals={"qt_ativos_apos": active(people)})
    station.synced()
    station.cleared()
    gone = next(one for one in people["Coverage"] if one["status"] == "active")
    end = {
        "_Deleted": [removal(f"Coverage/{gone['id']}", f"Patient/{people['Patient'][0]['id']}"), removal("Coverage/x")]
    }
    name = station.sent(written(end), number=2, sequence=413, totals={"qt_ativos_apos": active(people) - 1})
    [outcome] = station.synced()
    assert (outcome.state, outcome.counts) == (runs.APPLIED, Counts(2, 1, 0, 1, 0))
    assert station.receipt(name)["rejeitos"][0]["cd_erro"] == "HUB-B203"
    record = station.versions()
    assert orjson.loads(record[f"Coverage/{gone['id']}"][1]) == gone | {"status": "cancelled"}
    assert orjson.loads(record[f"Patient/{people['Patient'][0]['id']}"][1])["active"] is False


def test_16_a_gap_waits_and_late_sets_come_in_order(station: Station) -> None:
    few = {kind: found[:5] for kind, found in PEOPLE.items()}
    count = {"qt_ativos_apos": active(few)}
    station.sent(written(few), number=1, sequence=411, totals=count)
    changed = {"Coverage": [few["Coverage"][0] | {"subscriberId": "413"}]}
    last = station.sent(written(changed), number=3, sequence=413, totals=count)
    assert [one.state for one in station.synced()] == [runs.APPLIED, runs.WAITING]
    assert [one.state for one in station.synced()] == [runs.DUPLICATE, runs.WAITING]
    station.sent(
        written({"Coverage": [few["Coverage"][0] | {"subscriberId": "412"}]}), number=2, sequence=412, totals=count
    )
    assert [one.state for one in station.synced()] == [runs.DUPLICATE, runs.APPLIED, runs.APPLIED]
    coverage = orjson.loads(station.versions()[f"Coverage/{few['Coverage'][0]['id']}"][1])
    assert coverage["subscriberId"] == "413"
    # Another content under a used number.
    station.cleared()
    other = station.sent(written(few), number=4, sequence=413, totals=count)
    [refused] = station.synced()
    assert refused.state == runs.REFUSED
    answer = station.receipt(other)
    assert (answer["cd_resultado"], answer["rejeitos"][0]["cd_erro"]) == ("REJEITADO", "HUB-B105")
    assert station.receipt(last)["cd_resultado"] == "ACEITO"


@pytest.mark.parametrize("decision", ["release", "refuse"])
def test_17_a_roster_that_cancels_a_third_is_held_until_a_person_decides(station: Station, decision: str) -> None:
    station.sent(written(PEOPLE), totals={"qt_ativos_apos": active(PEOPLE)})
    station.synced()
    before = station.versions()
    station.cleared()
    ended = [one | {"status": "cancelled"} for one in PEOPLE["Coverage"][:100]]
    left = active({"Coverage": PEOPLE["Coverage"][100:]})
    name = station.sent(written({"Coverage": ended}), number=2, sequence=413, totals={"qt_ativos_apos": left})
    later = {"Coverage": [PEOPLE["Coverage"][200] | {"subscriberId": "5"}]}
    station.sent(written(later), number=3, sequence=414, totals={"qt_ativos_apos": left})
    assert [one.state for one in station.synced()] == [runs.HELD, runs.WAITING]
    assert station.receipt(name)["cd_resultado"] == "RETIDO"
    assert [one.state for one in station.synced()] == [runs.HELD, runs.WAITING]
    assert station.versions() == before
    with psycopg.connect(station.url, autocommit=True) as connection:
        [held] = runs.listed(connection, states=[runs.HELD])
        assert [one.name for one in held.guards] == ["exclusions"]
        getattr(runs, decision)(connection, held.id, "joana", "conferido por telefone", station.now)
    first, second = station.synced()
    assert second.state in (runs.APPLIED, runs.HELD)
    cancelled = [one for one in station.hub.client.found("Coverage?_count=1000") if one["status"] == "cancelled"]
    if decision == "release":
        assert (first.state, second.state) == (runs.APPLIED, runs.APPLIED)
        assert station.receipt(name)["cd_resultado"] == "ACEITO"
        assert len(cancelled) == len(PEOPLE["Coverage"]) - left
    else:
        assert (first.state, second.state) == (runs.REFUSED, runs.HELD)  # the total of the next is off now
        assert station.receipt(name)["cd_resultado"] == "REJEITADO"
        assert len(cancelled) == len(PEOPLE["Coverage"]) - active(PEOPLE)


def test_by_sftp_to_the_archive(station: Station, server: tuple[Server, Path]) -> None:
    where, files = server
    few = {kind: found[:5] for kind, found in PEOPLE.items() if kind != "RelatedPerson"}
    name = station.sent(written(few), where=station.folder / "erp", totals={"qt_ativos_apos": active(few)})
    sent = sorted((station.folder / "erp").iterdir())
    with connected(where) as client:
        publish(client, [one for one in sent if one.suffix == ".pgp"], name,
                [one for one in sent if "manifest" in one.name], "saida")  # fmt: skip
        [outcome] = station.synced(source=Remote(client, station.folder / "incoming"))
        assert outcome.state == runs.APPLIED
        assert station.synced(source=Remote(client, station.folder / "incoming")) == []
    assert list((files / "saida").iterdir()) == []
    assert sorted(one.name for one in (files / "arquivo").iterdir()) == [one.name for one in sent]
    assert sorted(one.name for one in (files / "retorno").iterdir()) == [
        f"{name}_recibo.json",
        f"{name}_recibo.json.asc",
    ]


def test_15_what_is_not_whole_or_not_the_partners_is_not_applied(station: Station) -> None:
    few = {kind: found[:5] for kind, found in PEOPLE.items() if kind != "RelatedPerson"}
    totals = {"qt_ativos_apos": active(few)}
    folder = station.folder / "saida"
    # A manifest by somebody else: nobody is answered, and it is looked at again.
    name = station.sent(written(few), totals=totals)
    good = (folder / f"{name.manifest}.asc").read_bytes()
    (folder / f"{name.manifest}.asc").write_bytes(station.ours.sign(folder / name.manifest, signer=station.keys[1]))
    assert [one.state for one in station.synced()] == [runs.FAILED]
    assert not (folder / "retorno").exists()
    # A file cut off.
    file = folder / name.file("Coverage")
    whole = file.read_bytes()
    (folder / f"{name.manifest}.asc").write_bytes(good)
    file.write_bytes(whole[:-100])
    assert [one.state for one in station.synced()] == [runs.REFUSED]
    assert station.receipt(name)["rejeitos"][0]["cd_erro"] == "HUB-B103"
    # One whose lines are others than the manifest says.
    station.cleared()
    name = station.sent(written(few), number=2, sequence=413, totals=totals)
    manifest = orjson.loads((folder / name.manifest).read_bytes())
    for one in manifest["arquivos"]:
        one["qt_registros"] += 1
    (folder / name.manifest).write_bytes(orjson.dumps(manifest))
    (folder / f"{name.manifest}.asc").write_bytes(station.tasy.sign(folder / name.manifest, signer=station.keys[0]))
    assert [one.state for one in station.synced()] == [runs.REFUSED]
    assert station.receipt(name)["rejeitos"][0]["cd_erro"] == "HUB-B106"
    assert station.versions() == {}
    assert list((station.folder / "incoming").iterdir()) == []
