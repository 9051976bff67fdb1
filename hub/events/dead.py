"""Dead letters among events: messages of the flow `event`, which people look at, correct, send again or give up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import psycopg

from fhir_server.events import delivery
from fhir_server.events.delivery import Later, Service
from fhir_server.events.event import Event
from fhir_server.trouble import places
from messages import queue, states, store
from messages.bodies import Sealing
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Incoming

FLOW = "event"
ACTOR = "hub-events"

_log = logging.getLogger("hub.events")


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of such a message."""

    service: str
    event: Event


@dataclass(frozen=True, slots=True)
class Dead:
    """Keeps them, and has those that are sent again done with."""

    sealing: Sealing

    def bury(self, connection: psycopg.Connection[Any], fault: delivery.Fault) -> None:
        """A service could not do with an event, for good."""
        said: dict[str, object] = {"service": fault.service, "attempts": fault.attempts, "reason": fault.reason}
        if fault.error is not None:
            said["trace"] = places(fault.error)
        _log.error("an event is a dead letter: %s", said)
        event = fault.event
        code = "transient" if fault.error is None else "exception"
        self._keep(
            connection, f"{fault.service}/{event.sequence}", msgspec.json.encode(Letter(fault.service, event)),
            Fault(code, fault.reason), event.order_key,
        )  # fmt: skip

    def keep(self, connection: psycopg.Connection[Any], body: bytes) -> None:
        """A message of the broker that is no event."""
        _log.error("a message of the broker is no event")
        self._keep(connection, sha256(body).hexdigest(), body, Fault("structure", "not an event"), None)

    def _keep(
        self, connection: psycopg.Connection[Any], key: str, body: bytes, fault: Fault, order_key: str | None
    ) -> None:
        incoming = Incoming(
            FLOW, key, body, source="hub", order_key=order_key, then=(State.MORTA,), fault=fault, reason=fault.reason
        )  # fmt: skip
        store.receive(connection, self.sealing, incoming, ACTOR, datetime.now(UTC))

    def again(self, connection: psycopg.Connection[Any], services: Mapping[str, Service]) -> bool:
        """Has a service do with the next that was sent again; False if there is none. connection: in autocommit."""
        now = datetime.now(UTC)
        taken = queue.take(connection, self.sealing, now, (FLOW,))
        if taken is None:
            return False
        try:
            letter = msgspec.json.decode(taken.body, type=Letter)
            service = services[letter.service]
        except msgspec.MsgspecError:
            self._die(connection, taken, Fault("structure", "not an event"))
        except KeyError:
            self._die(connection, taken, Fault("not-found", "no such service is on", "service"))
        else:
            self._do(connection, service, letter.event, taken)
        return True

    def _do(self, connection: psycopg.Connection[Any], service: Service, event: Event, taken: Taken) -> None:
        """The effect and the state of the message, in one transaction; the ledger knows of the event already."""
        now = datetime.now(UTC)
        try:
            with connection.transaction():
                service(event, connection)
                queue.done(connection, taken, states.way(taken.state, State.ENTREGUE), ACTOR, now)
            return
        except Later as error:
            fault, after = Fault("transient", error.reason), timedelta(seconds=error.retry_after)
        except psycopg.Error as error:
            if connection.broken:
                raise  # the lease ends by itself
            fault, after = Fault("transient", type(error).__name__), timedelta(0)
        except Exception as error:  # noqa: BLE001 - the service's own fault
            _log.error("an event is a dead letter again: %s", {"trace": places(error)})
            self._die(connection, taken, Fault("exception", type(error).__qualname__))
            return
        queue.again(connection, taken, now, fault, ACTOR, after=after)

    def _die(self, connection: psycopg.Connection[Any], taken: Taken, fault: Fault) -> None:
        store.advance(
            connection, taken.id, State.MORTA, ACTOR, datetime.now(UTC), fault=fault, reason=fault.reason,
            lease=taken.lease,
        )  # fmt: skip
