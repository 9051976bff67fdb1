"""`hub scheduler` beside a served hub, with OpenSSH and GnuPG: of two one works, and what is missed is made up for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from batch.sftp import Server, connected, publish
from hub.scheduler import LOCK
from messages import runs
from tests.batch.conftest import Party, end_agent, parties, server, sshd
from tests.batch.sets import active, members, written
from tests.batch.station import Station
from tests.hub_process import ROOT, HubProcess

__all__ = ["parties", "server", "sshd"]
_COMMAND = "import sys; from hub.cli import main; sys.exit(main())"


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_of_two_schedulers_one_works_and_the_other_takes_over(
    database: str, tmp_path: Path, parties: dict[str, Party], server: tuple[Server, Path]
) -> None:
    where, files = server
    people = {kind: found[:5] for kind, found in members(5).items()}
    with HubProcess(tmp_path / "hub", {"database_url": database}) as hub:
        station = Station.between(hub, database, tmp_path, parties)
        hub.settings |= {
            "pgp_home": str(tmp_path / "keys"), "pgp_key": station.keys[1], "pgp_partners": station.keys[0],
            "tasy_sftp": f"sftp://{where.user}@{where.host}:{where.port}", "tasy_sftp_key": str(where.key),
            "tasy_sftp_host_keys": ",".join(where.pinned),
        }  # fmt: skip
        name = station.sent(written(people), where=tmp_path / "erp", totals={"qt_ativos_apos": active(people)})
        sent = sorted((tmp_path / "erp").iterdir())
        with connected(where) as client:
            publish(client, [one for one in sent if one.suffix == ".pgp"], name,
                    [one for one in sent if "manifest" in one.name], "saida")  # fmt: skip
        processes: list[subprocess.Popen[bytes]] = []

        def another() -> None:
            log = tmp_path / f"scheduler-{len(processes)}.log"
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", _COMMAND, "scheduler"], cwd=ROOT, env=hub._environment(),
                    stdout=subprocess.DEVNULL, stderr=log.open("wb"),
                )
            )  # fmt: skip

        another()
        try:
            # Nobody has ever looked: what is there is applied at once, whatever the hour.
            with psycopg.connect(database, autocommit=True) as connection:

                def applied() -> int:
                    return len(runs.listed(connection, states=[runs.APPLIED]))

                def waiting() -> list[int]:
                    """Processes of the database that wait for the lock of the one that works."""
                    rows = connection.execute(
                        "select pid from pg_stat_activity where application_name = 'hub-scheduler'"
                        " and wait_event_type = 'Lock'"
                    )
                    return [pid for (pid,) in rows]

                def looked() -> bool:
                    """Whether all four flows were looked for."""
                    return connection.execute("select count(looked) from batch.schedule").fetchone() == (4,)

                until(lambda: applied() == 1 and looked())
                assert list((files / "saida").iterdir()) == []
                another()
                until(lambda: len(waiting()) == 1)
                # The one that works is killed: the other takes over, alone.
                processes[0].kill()
                processes[0].wait()
                until(lambda: not waiting())
                holders = connection.execute(
                    "select count(*) from pg_locks where locktype = 'advisory' and granted"
                    " and objid = %s and classid = %s",
                    [LOCK % 2**32, LOCK >> 32],
                ).fetchone()
                assert holders == (1,)
                assert hub.command("sync", "status").stdout.count("APPLIED") == 1
        finally:
            for one in processes:
                one.kill()
                one.wait()
    end_agent(tmp_path / "keys")
    end_agent(tmp_path / "tasy-keys")
