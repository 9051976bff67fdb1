"""`hub sync run`, killed (SIGKILL) wherever it is, and started again: the same record, and counts that add up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from messages import runs
from tests.batch.conftest import Party, end_agent
from tests.batch.sets import active, members, written
from tests.batch.station import Station
from tests.hub_process import ROOT, HubProcess

PEOPLE = members(1500)
BAD, MISSING = 16, 40
MOMENT = 0.01


@pytest.fixture
def station(database: str, tmp_path: Path, parties: dict[str, Party]) -> Iterator[Station]:
    with HubProcess(tmp_path / "hub", {"database_url": database}) as hub:
        found = Station.between(hub, database, tmp_path, parties)
        hub.settings |= {
            "pgp_home": str(tmp_path / "keys"), "pgp_key": found.keys[1], "pgp_partners": found.keys[0],
        }  # fmt: skip
        yield found
    end_agent(tmp_path / "keys")
    end_agent(tmp_path / "tasy-keys")


def command(station: Station) -> subprocess.Popen[bytes]:
    code = "import sys; from hub.cli import main; sys.exit(main())"
    arguments = ["sync", "run", "B-1", "--file", str(station.folder / "saida")]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=station.hub._environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def steps(station: Station) -> tuple[int, ...]:
    """How far a run has come: files fetched, lines in the journal, lines applied, whether it is over."""
    with psycopg.connect(station.url, autocommit=True) as connection:
        row = connection.execute(
            "select (select count(*) from batch.line where state = 1), (select count(*) from messages.run"
            " where state = 'APPLIED')"
        ).fetchone()
    assert row is not None
    fetched = len(list((station.hub.folder / "batch").glob("*/*.gz")))
    return (fetched, *row)


def paced(running: subprocess.Popen[bytes], station: Station, reached: Callable[[tuple[int, ...]], bool]) -> None:
    """Lets it work for a moment at a time until it stands where it is wanted: it is not over before it is looked at,
    however busy the machine is."""
    while True:
        time.sleep(MOMENT)
        assert running.poll() is None, running.communicate()[0]
        os.killpg(running.pid, signal.SIGSTOP)
        if reached(steps(station)):
            return
        os.killpg(running.pid, signal.SIGCONT)


def test_killed_at_five_points(station: Station) -> None:
    people = {kind: list(found) for kind, found in PEOPLE.items()}
    people["Coverage"][BAD] = people["Coverage"][BAD] | {"subscriberId": ""}
    people["Coverage"][MISSING] = people["Coverage"][MISSING] | {"beneficiary": {"reference": "Patient/pf-none"}}
    name = station.sent(written(people), totals={"qt_ativos_apos": active(people)})
    chance = random.Random(os.environ.get("HUB_TEST_SEED", "5"))
    points: list[Callable[[tuple[int, ...]], bool]] = [
        lambda at: at[0] >= 1,
        lambda at: at[1] >= chance.randint(1, 500),
        lambda at: at[1] >= chance.randint(800, 1600),
        lambda at: at[1] >= chance.randint(2000, 3000),
        lambda at: at[2] == 1,
    ]  # fmt: skip
    for reached in points:
        running = command(station)
        paced(running, station, reached)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    last = command(station)
    assert last.communicate()[0]
    assert last.returncode == 0
    # What an undisturbed run leaves: each resource once, in its first version, as the line said.
    record = station.versions()
    expected = {
        f"{kind}/{one['id']}": {name: value for name, value in one.items() if name != "meta"}
        for kind, found in people.items()
        for number, one in enumerate(found)
        if kind != "Coverage" or number not in (BAD, MISSING)
    }
    assert {one: json.loads(body) for one, (_, body) in record.items()} == expected
    assert {version for version, _ in record.values()} == {1}
    total = sum(map(len, people.values()))
    with psycopg.connect(station.url, autocommit=True) as connection:
        [run] = runs.listed(connection, states=[runs.APPLIED])
        assert (run.received, run.accepted, run.rejected, run.in_review) == (total, total - 2, 1, 1)
        assert connection.execute("select state from messages.message order by id").fetchall() == [
            ("MORTA",), ("ESTACIONADA",)
        ]  # fmt: skip
        assert connection.execute("select count(*) from batch.line").fetchone() == (0,)
    answer = station.receipt(name)
    assert answer["cd_resultado"] in ("PARCIAL", "DUPLICADO")  # it may have been killed between answer and end
    assert (answer["qt_recebidos"], answer["qt_aceitos"], answer["qt_rejeitados"], answer["qt_em_revisao"]) == (
        total, total - 2, 1, 1
    )  # fmt: skip
