"""RabbitMQ: messages published until they are confirmed, and consumed until they are acknowledged.
https://www.rabbitmq.com/docs/confirms

One connection with one channel on the running loop. When it is lost, so is whatever was under way: the caller connects
anew, publishes again what was not confirmed, and is given again what it had not acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from adapters.partner_errors import PartnerUnavailable

HEARTBEAT_SECONDS = 20
ELECTION_SECONDS = 2.0
"""Between the connection and the first use of a queue. A broker takes connections before the quorum queues have elected
their leaders, and one of RabbitMQ 3.10 that is asked earlier may never elect any."""
WAIT_SECONDS = 30
"""For any answer of the broker; also for confirmations, which a broker without memory or disk holds back."""

_T = TypeVar("_T")


class Outgoing(NamedTuple):
    """A message to be published."""

    exchange: str
    routing_key: str
    body: bytes
    id: str
    content_type: str
    must_arrive: bool
    """Whether it is a fault if no queue takes it."""


class Received(NamedTuple):
    """A message that is not acknowledged yet."""

    tag: int
    queue: str
    body: bytes
    headers: Mapping[str, Any]


class Broker:
    """See `connect`. One task publishes at a time."""

    _connection: AsyncioConnection
    _channel: Any

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: set[asyncio.Future[Any]] = set()
        """Answers that are waited for."""
        self._tag = 0
        self._open: set[int] = set()
        """Published and not confirmed."""
        self._refused = False
        self._confirmed: asyncio.Future[None] | None = None
        self._reason: str | None = None
        self.lost = asyncio.Event()
        """Set when the connection or the channel has ended."""

    @classmethod
    async def connect(cls, url: str, name: str) -> Broker:
        """A connection with confirmations. url: amqp://user:password@host:port/vhost, or amqps://; name: as the broker
        lists it. Raises PartnerUnavailable."""
        broker = cls()
        parameters = pika.URLParameters(url)
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.blocked_connection_timeout = WAIT_SECONDS
        parameters.client_properties = {"connection_name": name}
        opened = broker._answer()
        broker._connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda connection: _settle(opened, None),
            on_open_error_callback=lambda connection, error: broker._end(error),
            on_close_callback=lambda connection, reason: broker._end(reason),
            custom_ioloop=broker._loop,
        )
        try:
            await broker._within(opened)
            got = broker._answer()
            broker._connection.channel(on_open_callback=lambda channel: _settle(got, channel))
            broker._channel = await broker._within(got)
            broker._channel.add_on_close_callback(lambda channel, reason: broker._end(reason))
            broker._channel.add_on_cancel_callback(lambda frame: broker._end(None))
            broker._channel.add_on_return_callback(broker._returned)
            await broker._ask(broker._channel.confirm_delivery, broker._settled)
            await asyncio.sleep(ELECTION_SECONDS)
        except BaseException:
            await broker.close()
            raise
        return broker

    async def exchange(self, name: str, kind: str) -> None:
        """Declares a durable exchange: direct, fanout, topic."""
        await self._ask(self._channel.exchange_declare, exchange=name, exchange_type=kind, durable=True)

    async def queue(self, name: str, arguments: Mapping[str, Any], exchange: str, routing_key: str) -> None:
        """Declares a durable queue that takes from an exchange."""
        await self._ask(self._channel.queue_declare, queue=name, durable=True, arguments=dict(arguments))
        await self._ask(self._channel.queue_bind, queue=name, exchange=exchange, routing_key=routing_key)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns when the broker has confirmed all of them. Raises PartnerUnavailable: of some it is not known."""
        self._check()
        done = self._confirmed = self._answer()
        self._refused = False
        try:
            for one in messages:
                self._tag += 1
                self._open.add(self._tag)
                properties = pika.BasicProperties(
                    message_id=one.id, content_type=one.content_type, delivery_mode=pika.DeliveryMode.Persistent
                )
                self._channel.basic_publish(
                    one.exchange, one.routing_key, one.body, properties, mandatory=one.must_arrive
                )
        except AMQPError as error:
            self._end(error)
        if not self._open:
            _settle(done, None)
        await self._within(done)
        if self._refused:
            raise PartnerUnavailable("the broker has not taken every message")

    async def consume(self, queue: str, prefetch: int, received: Callable[[Received], None]) -> None:
        """Has messages of a queue handed over from now on, so many before the first is acknowledged."""

        def taken(channel: Any, method: Any, properties: Any, body: bytes) -> None:
            received(Received(method.delivery_tag, queue, body, properties.headers or {}))

        await self._ask(self._channel.basic_qos, prefetch_count=prefetch)
        await self._ask(self._channel.basic_consume, queue=queue, on_message_callback=taken)

    def acknowledge(self, tag: int) -> None:
        """The message is done with. On a lost connection nothing: it will come again."""
        if self._reason is None:
            self._channel.basic_ack(tag)

    def reject(self, tag: int) -> None:
        """The message can never be done with: it goes to the dead-letter exchange."""
        if self._reason is None:
            self._channel.basic_reject(tag, requeue=False)

    async def close(self) -> None:
        """Ends the connection."""
        if self._connection.is_open:
            self._connection.close()
            await asyncio.wait([asyncio.ensure_future(self.lost.wait())], timeout=2)
        self._end(None)

    def _check(self) -> None:
        if self._reason is not None:
            raise PartnerUnavailable(self._reason)

    def _answer(self) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._asked.add(answer)
        answer.add_done_callback(self._asked.discard)
        return answer

    async def _ask(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        self._check()
        answer = self._answer()
        try:
            method(*arguments, callback=lambda frame: _settle(answer, frame), **named)
        except AMQPError as error:
            self._end(error)
        await self._within(answer)

    async def _within(self, answer: asyncio.Future[_T]) -> _T:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await answer
        except TimeoutError:
            raise PartnerUnavailable("the broker does not answer") from None

    def _settled(self, frame: Any) -> None:
        """Confirmed, or refused: Basic.Ack or Basic.Nack."""
        method = frame.method
        if isinstance(method, pika.spec.Basic.Nack):
            self._refused = True
        if method.multiple:
            self._open = {tag for tag in self._open if tag > method.delivery_tag}
        else:
            self._open.discard(method.delivery_tag)
        if not self._open and self._confirmed is not None:
            _settle(self._confirmed, None)

    def _returned(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """No queue takes it; it is confirmed all the same, after this."""
        self._refused = True

    def _end(self, error: object) -> None:
        if self._reason is None:
            # Of the error its kind alone: its text may name the host or the user.
            self._reason = "the broker cannot be reached" + (f" ({type(error).__name__})" if error else "")
        self.lost.set()
        for answer in list(self._asked):
            if not answer.done():
                answer.set_exception(PartnerUnavailable(self._reason))
        if self._connection.is_open:
            self._connection.close()


def _settle(answer: asyncio.Future[Any], value: object) -> None:
    if not answer.done():
        answer.set_result(value)
