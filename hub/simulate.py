"""Runs a simulated partner in the foreground, and tells how it is called; writes synthetic plans."""

from __future__ import annotations

import asyncio
import shlex
import signal
import socket
import ssl
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import httpx2
import msgspec

from simulators.tasy import ndjson
from simulators.tasy.callbacks import Callbacks
from simulators.tasy.dialect import Dialect, dialect
from simulators.tasy.scenarios import SCENARIOS
from simulators.tasy.station import Keys, PlanOf, Station, keys, running, where


def population(members: int, seed: int, day: date, folder: Path, types: str, *, compressed: bool) -> int:
    """Writes a synthetic plan as NDJSON files, and tells of it; the exit code. types: separated by commas; empty: all.

    Raises ValueError: a type that a plan has none of. OSError.
    """
    wanted = [one.strip() for one in types.split(",") if one.strip()] or list(ndjson.TYPES)
    if unknown := sorted(set(wanted) - set(ndjson.TYPES)):
        raise ValueError(f"--type: {', '.join(unknown)}; there are {', '.join(ndjson.TYPES)}")
    start = time.perf_counter()
    counts = ndjson.written(ndjson.resources(members, seed, day, wanted), folder, wanted, compressed=compressed)
    for kind, count in counts.items():
        print(f"{kind:<24} {count:>10,}")
    seconds = time.perf_counter() - start
    print(f"{'':<24} {sum(counts.values()):>10,}  in {seconds:.1f} s, in {folder}/")
    return 0


def tasy(
    plan: PlanOf, ports: tuple[int, int], folder: Path, hub: str | None = None, scenarios: Sequence[int] = (),
    names: Path | None = None,
) -> int:  # fmt: skip
    """Serves a simulated Tasy until it is interrupted; the exit code. ports: of REST and SFTP.

    hub: URL of the hub that is told of decisions; scenarios: that are started at once; names: file of a dialect. Raises
    ValueError: a number that is no scenario's, a file that is no dialect; OSError.
    """
    if unknown := set(scenarios) - set(SCENARIOS):
        raise ValueError(f"--scenario: {', '.join(map(str, sorted(unknown)))}; there are {_list()}")
    spoken = dialect(names.read_bytes()) if names else None
    made = keys(folder)
    rest, files = (socket.create_server(("127.0.0.1", port)) for port in ports)
    print(f"Making a plan of {plan.members:,} members ...", flush=True)
    asyncio.run(_tasy(made, plan, (rest, files), hub, scenarios, spoken))
    return 0


def do(folder: Path, path: str, body: str) -> int:
    """Has the simulated Tasy that runs in a folder do something; prints what it says; the exit code. As `said`."""
    print(msgspec.json.format(said(folder, path, body), indent=1).decode())
    return 0


def said(folder: Path, path: str = "", body: str = "") -> bytes:
    """What the simulated Tasy that runs in a folder says to something that is posted, or asked.

    path: below `/_simulador`; empty with an empty body: what happened so far. Raises ValueError: none runs, or it
    refuses.
    """
    found = where(folder)
    if found is None:
        raise ValueError(f"no simulated ERP runs in {folder}: `make run` has one, or `hub simulate tasy`")
    context = ssl.create_default_context(cafile=str(folder / "tls" / "authority.pem"))
    context.load_cert_chain(folder / "tls" / "client.pem", folder / "tls" / "client.key")
    url = f"{found.url}/_simulador{f'/{path}' if path else ''}"
    with httpx2.Client(verify=context, timeout=120) as client:
        answer = client.post(url, content=body.encode()) if path or body else client.get(url)
    if answer.status_code != 200:
        raise ValueError(answer.text.strip())
    return answer.content


async def _tasy(
    made: Keys,
    plan: PlanOf,
    sockets: tuple[socket.socket, socket.socket],
    hub: str | None,
    scenarios: Sequence[int],
    spoken: Dialect | None,
) -> None:
    callbacks = Callbacks(hub, made.callback_secret, dialect=spoken) if hub else None
    async with running(made, plan, *sockets, callbacks, spoken) as station:
        ended = asyncio.Event()
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, ended.set)
        print(_told(made, station), flush=True)
        for number in scenarios:
            told = await station.control.do("cenarios", msgspec.json.encode({"number": number}))
            print(f"Scenario {number}, {told['titulo']}: {told['feito'] or told['dica']}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        await ended.wait()


def _told(made: Keys, station: Station) -> str:
    tls = f"--cacert {made.authority.certificate} --cert {made.client.certificate} --key {made.client.key}"
    members = station.control.tasy.plan.members
    card = members[0]["carteira"]["cd_usuario_plano"] if members else "..."
    port = int(station.url.rpartition(":")[2])
    settings = "\n".join(f"  {name}={shlex.quote(value)}" for name, value in made.variables(port, station.port).items())
    return f"""Tasy, simulated: {station.url}, sets of files on sftp port {station.port}

  curl {tls} {station.url}/oauth2/token \\
    -u 'hub:{made.secret}' -d grant_type=client_credentials
  curl {tls} {station.url}/api/pls/v1/beneficiarios/elegibilidade \\
    -H "Authorization: Bearer $TOKEN" -d '{{"cd_usuario_plano":"{card}","dt_atendimento":"2026-03-10T10:00:00"}}'
  curl {tls} {station.url}/_simulador/conjuntos \\
    -d '{{"flow":"MEMBROS"}}'

A hub is set to it by:

{settings}
"""


def _list() -> str:
    return ", ".join(map(str, SCENARIOS))
