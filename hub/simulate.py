"""Runs a simulated partner in the foreground, and tells how it is called."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path

from simulators.tasy.certificates import Authority
from simulators.tasy.installation import Tasy
from simulators.tasy.population import population
from simulators.tasy.serve import serving


def tasy(members: int, seed: int, port: int, folder: Path) -> int:
    """Serves a simulated Tasy until it is interrupted; the exit code."""
    print(f"Making a plan of {members:,} members ...", flush=True)
    return asyncio.run(_tasy(Tasy(population(members, seed), "hub", secrets.token_urlsafe(16)), port, folder))


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
