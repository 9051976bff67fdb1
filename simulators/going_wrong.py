"""What goes wrong next with a simulated partner: `POST /_simulador/problemas` {"status": 503, "times": 2}."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request, Response


class _Wrong(msgspec.Struct):
    status: int | str
    times: int = 1


def takes_what_goes_wrong(api: FastAPI, wrong: list[int | str]) -> None:
    """Whoever tries the simulator adds to `wrong`, from whose front it takes; 400 for what says nothing."""

    @api.post("/_simulador/problemas")
    async def problems(request: Request) -> Response:
        try:
            found = msgspec.json.decode(await request.body(), type=_Wrong)
        except msgspec.MsgspecError:
            return Response(status_code=400)
        wrong.extend([found.status] * found.times)
        return Response(status_code=202)
