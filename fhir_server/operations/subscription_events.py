"""$events of a Subscription. https://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-events.html"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.body import json_of
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.subscription_status import find
from fhir_server.outcome import Invalid
from fhir_server.subscriptions import events
from fhir_server.subscriptions.definition import CONTENTS
from fhir_server.subscriptions.notification import notification
from mappings.r4 import Json

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MOST = 100
"""Events in one answer; the rest is asked for from the next number on."""
_PARAMETERS = ("eventsSinceNumber", "eventsUntilNumber", "content")
_LAST = 2**63 - 1


async def subscription_events(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """200 with a notification of the events asked for that are still kept, as the caller may see them.

    Raises NotFound, Invalid.
    """
    assert id is not None  # the table of operations has it at instance level only
    asked = _asked(request)
    first, last = _number(asked, "eventsSinceNumber", 0), _number(asked, "eventsUntilNumber", _LAST)
    content = asked.get("content", "id-only")
    if content not in CONTENTS:
        raise Invalid(f"content is one of {', '.join(CONTENTS)}", code="value")
    found = await find(server, request, id)
    statement = events.between(request.access, found.rid, first, last, MOST, content=content == "full-resource")
    told = [event for _, event in events.told(await server.store.select(statement)) if event is not None]
    return FhirResponse(200, notification(found.about, "query-event", server.now(), told, content))


def _asked(request: FhirRequest) -> dict[str, str]:
    """Parameters of the URL and of a Parameters resource. Raises Invalid."""
    given = [pair for pair in request.query if pair[0] not in ("_format", "_pretty")]
    if request.body or request.resource is not None:
        body = json_of(request)
        if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
            raise Invalid("the body of $events is a Parameters resource", code="structure")
        given += [_pair(one) for one in body.get("parameter") or ()]
    found = dict(given)
    if len(found) < len(given) or not found.keys() <= set(_PARAMETERS):
        raise Invalid(f"$events has the parameters {', '.join(_PARAMETERS)}, each once", code="not-supported")
    return found


def _pair(parameter: Json) -> tuple[str, str]:
    """Name and value as text. Raises Invalid."""
    if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
        raise Invalid("the Parameters need named parameters", code="structure", expression=("Parameters.parameter",))
    value = next((value for name, value in parameter.items() if name.startswith("value")), "")
    return parameter["name"], str(value)


def _number(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"{name} is a whole number, 0 or more", code="value")
    return int(text)
