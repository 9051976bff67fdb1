"""One call of Tasy's over the wire, tried again while that helps. Tasy contract, sections 2 to 4.

Each flow has its timeouts and a circuit breaker of its own. Whether a refusal may be tried again Tasy's table of errors
says (`mappings/tasy/refusal.py`); pauses are random, and none goes beyond the caller's deadline.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import msgspec

from adapters.connections import http_client
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tasy.breaker import Breaker
from adapters.tasy.door import SCOPES, Door
from adapters.tasy.lanes import Lanes
from adapters.tasy.paths import TOKEN
from adapters.tokens import Tokens
from mappings.tasy.names import Names
from mappings.tasy.records import Refusal
from mappings.tasy.refusal import AFTER_LOOKUP, NEVER, ONCE, Meaning, refusal_of

TRIES, FIRST, CAP = 4, 0.5, 30.0
"""Tries of a call; seconds of the first pause at most, and of any."""


class NobodyKnows(Exception):
    """The request may have been carried out, or not: look it up before it is sent again."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of call."""

    name: str
    connect: float
    total: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    flow: Flow
    lane: int
    method: str
    path: str
    """As `paths.PATHS` has it."""
    query: Mapping[str, str] | None = None
    body: bytes | None = None
    entity: str = ""
    """What the body is of those whose fields may be renamed; empty: it goes as it is."""
    headers: Mapping[str, str] = field(default_factory=dict)
    key: UUID | None = None
    """Idempotency key: Tasy carries a request out once for each."""
    correlation: UUID | None = None
    repeatable: bool = True
    """Whether it may be sent again without knowing what became of it."""
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    """Of the path."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    etag: str | None = None
    after: float = 0
    """Seconds Tasy wants to be left alone."""


class Wire:
    """Connections, token, lanes and breakers of one process; to be closed."""

    def __init__(self, door: Door, pause: Callable[[], float] = random.random) -> None:
        """pause: share of a pause that is waited, 0 to 1. Raises OSError: a certificate cannot be read."""
        self._now = asyncio.get_running_loop().time
        self._pause = pause
        self._way, self._before = _Way(door, self._now), list[_Way]()
        self.lanes = Lanes(self._now)
        self._breakers: dict[str, Breaker] = {}

    async def renew(self, door: Door) -> None:
        """Another certificate from now on, with a token of its own; calls under way end with the one before.

        Raises OSError: it cannot be read, and the one before stays.
        """
        way = _Way(door, self._now)
        for one in self._before:  # no call lasts as long as a certificate
            await one.http.aclose()
        self._way, self._before = way, [self._way]

    @property
    def names(self) -> Names:
        """Of fields, as the installation has them."""
        return self._way.door.names

    async def close(self) -> None:
        """Ends connections."""
        for one in (*self._before, self._way):
            await one.http.aclose()

    @property
    def token_until(self) -> float:
        """When the token in use is renewed, by `time.monotonic`, as the event loop's; 0: there is none."""
        return self._way.tokens.until

    def breaker(self, flow: Flow) -> Breaker:
        """The breaker of a flow."""
        return self._breakers.setdefault(flow.name, Breaker(self._now))

    async def send(self, call: Call, deadline: float) -> Answer:
        """The answer to a call. deadline: the event loop's time.

        Raises PartnerUnavailable, PartnerRefused, NobodyKnows.
        """
        headers = {
            "X-Estabelecimento": str(self._way.door.establishment),
            "X-Correlation-Id": str(call.correlation or uuid4()),
            **({"Idempotency-Key": str(call.key)} if call.key else {}),
            **({"Content-Type": "application/json"} if call.body is not None else {}),
            **call.headers,
        }
        renewed = False
        for number in range(TRIES):
            way = self._way
            token, answer = await self._once(way, call, headers, deadline)
            found = refusal_of(answer.status, answer.body, way.door.names) if answer else None
            if answer and not found:
                return answer
            retry = found[1].retry if found else AFTER_LOOKUP
            if retry == AFTER_LOOKUP and not call.repeatable:
                raise NobodyKnows
            if retry == ONCE and not renewed:
                renewed = True
                way.tokens.refused(token)
                continue
            if found and retry in (NEVER, ONCE):
                raise _refused(*found)
            after = answer.after if answer else 0
            pause = max(after, self._pause() * min(CAP, FIRST * 2**number))
            if number + 1 == TRIES or self._now() + pause > deadline:
                raise PartnerUnavailable(f"refused for now: {found[1].issue}" if found else "no answer in time", after)
            await asyncio.sleep(pause)
        raise PartnerUnavailable("no answer in time")

    async def _once(
        self, way: _Way, call: Call, headers: Mapping[str, str], deadline: float
    ) -> tuple[str, Answer | None]:
        """One try: the token it went with, and the answer, None for a silence."""
        breaker = self.breaker(call.flow)
        if wait := breaker.admit():
            raise PartnerUnavailable("Tasy has not answered of late", wait)
        token, patient = "", True
        try:
            await self.lanes.turn(call.lane, deadline)
            token = await way.tokens.get()
            patient = self._now() + call.flow.total <= deadline
            path, query, body = way.asked(call)
            async with asyncio.timeout_at(min(deadline, self._now() + call.flow.total)):
                response = await way.http.request(
                    call.method, path, params=query, content=body,
                    headers={**headers, "Authorization": f"Bearer {token}"},
                    timeout=httpx2.Timeout(call.flow.total, connect=call.flow.connect),
                )  # fmt: skip
        except (TimeoutError, httpx2.TimeoutException):
            if patient:
                breaker.failed(timed_out=True)
            else:  # the caller's deadline was shorter than what Tasy may take
                breaker.given_up()
            return token, None
        except httpx2.TransportError as error:
            breaker.failed()
            if isinstance(error, httpx2.ConnectError):  # it cannot have been carried out
                raise PartnerUnavailable("Tasy cannot be reached") from error
            return token, None
        except BaseException:  # no turn, no token, or the caller left: nobody knows how Tasy is
            breaker.given_up()
            raise
        if response.status_code >= 500:
            breaker.failed()
        else:
            breaker.succeeded()
        answer = Answer(
            response.status_code, response.content, response.headers.get("ETag"), _seconds(response.headers)
        )
        if answer.status == 429:
            self.lanes.hold(answer.after or 1)
        return token, answer


class _Way:
    """The connections shown one certificate on, and the token that is bound to it."""

    def __init__(self, door: Door, now: Callable[[], float]) -> None:
        """Raises OSError: the certificate cannot be read."""
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=16)
        self.door = door
        self.http = http_client(door.context(), limits, base_url=door.url)
        self.tokens = Tokens(self._token, now)

    def asked(self, call: Call) -> tuple[str, Mapping[str, str] | None, bytes | None]:
        """Path, query and body of a call as this installation has them."""
        names = self.door.names
        path = self.door.paths[call.path].format_map(
            {name: quote(str(one), "") for name, one in call.parameters.items()}
        )
        body = call.body if call.body is None else names.body(call.entity, call.body)
        return path, names.there("query", call.query), body

    async def _token(self) -> tuple[str, float]:
        """A new token and its seconds to live. Raises PartnerUnavailable, PartnerRefused."""
        door = self.door
        form = {"grant_type": "client_credentials", "scope": SCOPES}
        try:
            response = await self.http.post(
                door.paths[TOKEN], data=form, auth=(door.client_id, door.client_secret),
                timeout=httpx2.Timeout(5, connect=2),
            )  # fmt: skip
        except httpx2.TransportError as error:
            raise PartnerUnavailable("Tasy gives no token now") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise PartnerUnavailable("Tasy gives no token now", _seconds(response.headers))
        try:
            given = msgspec.json.decode(response.content, type=_Token)
        except msgspec.MsgspecError as error:
            raise PartnerRefused(str(response.status_code), "login") from error
        return given.access_token, given.expires_in


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 3600


def _refused(said: Refusal, meaning: Meaning) -> PartnerRefused:
    reasons = tuple(one.cd_motivo_tiss for one in said.detalhes if one.cd_motivo_tiss)
    return PartnerRefused(said.cd_erro, meaning.issue, reasons, said.nr_seq_guia)


def _seconds(headers: httpx2.Headers) -> float:
    """What Retry-After says, 0 where it says nothing."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0
