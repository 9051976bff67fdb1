"""Asynchronous PostgreSQL connections that carry bytes: prepared statements in pipelines, answers in binary format.

psycopg's cursors adapt every value and switch coroutines several times per query, which costs more than most queries
do; here libpq is driven directly. https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import Error as PsycopgError
from psycopg import pq

from fhir_server.statement import Statement

_PREPARED_LIMIT = 400
_RETRYABLE = {"40001", "40P01"}

Row = tuple[Any, ...]
"""Columns in binary format: bytes, None for NULL."""


class DatabaseError(Exception):
    """PostgreSQL refused a statement; `sqlstate` as in appendix A of its manual.

    `message` and `detail` may quote data: they are for the code to read, never for a log or a client.
    """

    def __init__(self, sqlstate: str, message: str, detail: str = "") -> None:
        super().__init__(f"SQLSTATE {sqlstate}")
        self.sqlstate, self.message, self.detail = sqlstate, message, detail

    @property
    def retryable(self) -> bool:
        """A deadlock or serialization failure: the whole transaction may simply run again."""
        return self.sqlstate in _RETRYABLE


class ConnectionLost(Exception):
    """The connection broke; whether the statements under way took effect is not known."""


_CLOSES = "", b""


@dataclass(slots=True)
class _Batch:
    """Statements sent up to one sync, and what has come back for them."""

    answer: asyncio.Future[list[list[Row]]]
    makes: list[tuple[str, bytes] | None] = field(default_factory=list)
    """For each expected result: what it only prepares, text and name; _CLOSES; None of a statement."""
    results: list[list[Row]] = field(default_factory=list)
    position: int = 0
    error: DatabaseError | None = None
    awaited: bool = True
    """Somebody waits for it; nobody does for a rollback at the end."""


class Connection:
    """One connection. Batches are sent at once and answered in order; each is one transaction unless begun by hand."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._batches: deque[_Batch] = deque()
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        """Name of each text that the server has said it prepared, the longest unused first."""
        self._unneeded: list[bytes] = []
        """Names that are still to be given up."""
        self._counter = 0
        self._writing = False
        self.lost = False
        self.on_notify: Callable[[bytes], None] | None = None
        """Called with the payload of each NOTIFY this connection listens for."""
        self.on_lost: Callable[[], None] | None = None

    @property
    def load(self) -> int:
        """Batches not yet answered."""
        return len(self._batches)

    @property
    def working(self) -> bool:
        """Whether it works on something that somebody waits for, or has waited for."""
        return any(batch.awaited for batch in self._batches)

    async def open(self) -> None:
        """Connects. Raises ConnectionLost with the server's reason."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._pg = pq.PGconn.connect_start(self._conninfo.encode())
        while True:
            if self._pg.status == pq.ConnStatus.BAD:
                raise ConnectionLost(self._pg.get_error_message())
            state = self._pg.connect_poll()
            if state == pq.PollingStatus.OK:
                break
            if state == pq.PollingStatus.FAILED:
                raise ConnectionLost(self._pg.get_error_message())
            ready: asyncio.Future[None] = loop.create_future()
            watch, unwatch = (
                (loop.add_reader, loop.remove_reader)
                if state == pq.PollingStatus.READING
                else (loop.add_writer, loop.remove_writer)
            )
            descriptor = self._pg.socket
            watch(descriptor, _settle, ready)
            try:
                await ready
            finally:
                unwatch(descriptor)
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._socket = self._pg.socket
        loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Closes; batches under way end with ConnectionLost."""
        self._lose("closed")

    def roll_back(self) -> None:
        """Has the transaction rolled back after what is under way; nobody waits for it, who is next finds it clean."""
        if not self.lost:
            self.send([Statement("rollback")]).add_done_callback(lambda answer: answer.exception())
        if self._batches:
            self._batches[-1].awaited = False

    def interrupt(self) -> None:
        """Asks the server to give up what this connection is waiting for. Blocks; for a thread of its own."""
        with contextlib.suppress(PsycopgError):  # the connection is gone, and the statement with it
            self._pg.get_cancel().cancel()

    def send(self, statements: Sequence[Statement]) -> asyncio.Future[list[list[Row]]]:
        """Sends statements as one batch; the future gives the rows of each, or DatabaseError, or ConnectionLost.

        Without an explicit BEGIN the batch is one transaction: all of it or nothing.
        """
        answer: asyncio.Future[list[list[Row]]] = self._loop.create_future()
        if self.lost:
            answer.set_exception(ConnectionLost("closed"))
            return answer
        batch = _Batch(answer)
        pg = self._pg
        try:
            while self._unneeded:
                pg.send_close_prepared(self._unneeded.pop())
                batch.makes.append(_CLOSES)
            own: dict[str, bytes] = {}
            for statement in statements:
                name = self._prepared.get(statement.text)
                if name is not None:
                    self._prepared.move_to_end(statement.text)
                else:
                    # What a batch before this one prepares may fail yet: only what this one does counts.
                    name = own.get(statement.text) or self._prepare(statement.text, batch)
                    own[statement.text] = name
                formats = [pq.Format.BINARY] * len(statement.parameters) if statement.binary else None
                pg.send_query_prepared(name, statement.parameters, formats, pq.Format.BINARY)
                batch.makes.append(None)
            pg.pipeline_sync()
        except PsycopgError as error:
            self._lose(str(error))
            answer.set_exception(ConnectionLost(str(error)))
            return answer
        self._batches.append(batch)
        self._flush()
        return answer

    def _prepare(self, text: str, batch: _Batch) -> bytes:
        self._counter += 1
        name = b"s%d" % self._counter
        self._pg.send_prepare(name, text.encode())
        batch.makes.append((text, name))
        return name

    def _made(self, text: str, name: bytes) -> None:
        """The server has prepared it: from now on it is known by this name, unless another came first."""
        if text in self._prepared:
            self._unneeded.append(name)
            return
        self._prepared[text] = name
        if len(self._prepared) > _PREPARED_LIMIT:
            _, oldest = self._prepared.popitem(last=False)
            self._unneeded.append(oldest)

    def _flush(self) -> None:
        try:
            pending = self._pg.flush()
        except PsycopgError as error:
            self._lose(str(error))
            return
        if pending and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._flush)
        elif not pending and self._writing:
            self._writing = False
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            while self._batches and not pg.is_busy():
                self._take(pg.get_result())
            if self.on_notify is not None:
                while (note := pg.notifies()) is not None:
                    self.on_notify(note.extra)
        except PsycopgError as error:
            self._lose(str(error))

    def _take(self, result: pq.abc.PGresult | None) -> None:
        if result is None:
            return  # the separator after each statement of a pipeline
        batch = self._batches[0]
        status = result.status
        if status == pq.ExecStatus.PIPELINE_SYNC:
            self._batches.popleft()
            if not batch.answer.done():
                if batch.error:
                    batch.answer.set_exception(batch.error)
                else:
                    batch.answer.set_result(batch.results)
            return
        makes = batch.makes[batch.position]
        if status == pq.ExecStatus.TUPLES_OK:
            batch.results.append(_rows(result))
        elif status == pq.ExecStatus.COMMAND_OK:
            if makes is None:
                batch.results.append([])
            elif makes is not _CLOSES:
                self._made(*makes)
        elif batch.error is None:
            batch.error = DatabaseError(
                (result.error_field(pq.DiagnosticField.SQLSTATE) or b"XX000").decode(),
                (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace"),
                (result.error_field(pq.DiagnosticField.MESSAGE_DETAIL) or b"").decode("utf-8", "replace"),
            )
        batch.position += 1

    def _lose(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)
        self._pg.finish()
        for batch in self._batches:
            if not batch.answer.done():
                batch.answer.set_exception(ConnectionLost(reason))
        self._batches.clear()
        if self.on_lost is not None:
            self.on_lost()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _rows(result: pq.abc.PGresult) -> list[Row]:
    columns = range(result.nfields)
    get = result.get_value
    return [tuple([get(row, column) for column in columns]) for row in range(result.ntuples)]


class Pool:
    """Connections opened when first needed. Single batches go to the idlest; `reserve` lends one alone."""

    def __init__(self, conninfo: str, size: int) -> None:
        self._conninfo, self._size = conninfo, size
        self._open: list[Connection] = []
        self._reserved: set[Connection] = set()
        self._interrupting: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._freed = asyncio.Condition()

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Runs a batch as one transaction; the rows of each statement."""
        connection = self._idlest() or await self._grow() or await self._wait()
        answer = connection.send(statements)
        try:
            return await answer
        except asyncio.CancelledError:
            if connection.load == 1 and not connection.lost:  # nobody else waits behind it
                self._abandon(connection)
            raise

    def _abandon(self, connection: Connection) -> None:
        """Has the server give up what nobody waits for any more; until then the connection is lent to nobody."""
        self._reserved.add(connection)
        task = asyncio.create_task(self._interrupt(connection))
        self._interrupting.add(task)
        task.add_done_callback(self._interrupting.discard)

    async def _interrupt(self, connection: Connection) -> None:
        try:
            await asyncio.to_thread(connection.interrupt)
            # Where it was the rollback that was given up, the transaction is there still, and fails whatever comes.
            with contextlib.suppress(ConnectionLost):
                await connection.send([Statement("rollback")])
        finally:
            await self._release(connection)

    async def _release(self, connection: Connection) -> None:
        self._reserved.discard(connection)
        async with self._freed:
            self._freed.notify_all()  # one connection serves all who only run something

    def _idlest(self) -> Connection | None:
        """A connection with nothing to do; when all that may exist do exist, the one with the shortest queue."""
        best: Connection | None = None
        alive = 0
        for connection in self._open:
            if connection.lost:
                continue
            alive += 1
            if connection in self._reserved:
                continue
            if not connection.load:
                return connection
            if best is None or connection.load < best.load:
                best = connection
        return best if alive >= self._size else None

    async def _grow(self) -> Connection | None:
        async with self._opening:
            self._open = [connection for connection in self._open if not connection.lost]
            if len(self._open) >= self._size:
                return self._idlest()
            connection = Connection(self._conninfo)
            await connection.open()
            self._open.append(connection)
            return connection

    async def _wait(self) -> Connection:
        async with self._freed:
            while True:
                connection = self._idlest() or await self._grow()
                if connection is not None:
                    return connection
                await self._freed.wait()

    @asynccontextmanager
    async def reserve(self) -> AsyncIterator[Connection]:
        """A connection for one user alone, for transactions of several round trips."""
        while True:
            connection = self._idlest() or await self._grow() or await self._wait()
            if connection not in self._reserved and not connection.lost:
                break
        self._reserved.add(connection)
        try:
            yield connection
        finally:
            if connection.working and not connection.lost:  # cancelled while a statement was under way
                self._abandon(connection)
            else:
                await self._release(connection)

    def close(self) -> None:
        """Closes all connections."""
        for connection in self._open:
            connection.close()
        self._open.clear()
