"""Runs a simulated partner in the foreground, and tells how it is called; writes synthetic plans."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from datetime import date
from pathlib import Path

from simulators.tasy import ndjson
from simulators.tasy.certificates import Authority
from simulators.tasy.installation import Tasy
from simulators.tasy.population import population as plan
from simulators.tasy.serve import serving


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


def tasy(members: int, seed: int, day: date, port: int, folder: Path) -> int:
    """Serves a simulated Tasy until it is interrupted; the exit code."""
    print(f"Making a plan of {members:,} members ...", flush=True)
    return asyncio.run(_tasy(Tasy(plan(members, seed, day), "hub", secrets.token_urlsafe(16)), port, folder))


async def _tasy(installation: Tasy, port: int, folder: Path) -> int:
    authority = Authority(folder)
    client = authority.client()
    tls = f"--cacert {authority.certificate} --cert {client.certificate} --key {client.key}"
    card = installation.plan.members[0]["carteira"]["cd_usuario_plano"] if installation.plan.members else "..."
    try:
        async with serving(installation, authority, port) as url:
            print(f"""Tasy, simulated: {url}

  curl {tls} {url}/oauth2/token \\
    -u '{":".join(installation.credentials)}' -d grant_type=client_credentials
  curl {tls} {url}/api/pls/v1/beneficiarios/elegibilidade \\
    -H "Authorization: Bearer $TOKEN" -d '{{"cd_usuario_plano":"{card}","dt_atendimento":"2026-03-10T10:00:00"}}'

Ctrl-C ends it.""", flush=True)  # fmt: skip
            ended = asyncio.Event()
            for one in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(one, ended.set)
            await ended.wait()
    except OSError as error:
        print(f"hub: {error}; say another --port")
        return 1
    return 0
