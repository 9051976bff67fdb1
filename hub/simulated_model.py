"""`hub simulate model`: an OpenAI-compatible server on a socket of this machine, in the foreground."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Sequence

from simulators.language_model.rest import MODEL, Model
from simulators.language_model.serve import serving
from simulators.language_model.troubles import ALWAYS, Trouble


def run(port: int, troubles: Sequence[str]) -> int:
    """Serves it until it is interrupted; the exit code. troubles: at every call. Raises OSError, ValueError."""
    model = Model(secrets.token_urlsafe(24), [Trouble(one, ALWAYS) for one in troubles])
    asyncio.run(_run(model, port))
    return 0


async def _run(model: Model, port: int) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(model, port) as url:
        print(_told(model, url), flush=True)
        await ended.wait()


def _told(model: Model, url: str) -> str:
    return f"""A language model, simulated, at {url}. A hub is set to it by:

  HUB_LLM_BASE_URL={url}
  HUB_LLM_API_KEY={model.key}
  HUB_LLM_MODEL={MODEL}
  HUB_LLM_TRANSCRIPTION_MODEL={MODEL}

It misbehaves when told: POST {url.removesuffix("/v1")}/_simulador/problemas {{"name": "all-no", "times": 3}}

Ctrl-C ends it."""
