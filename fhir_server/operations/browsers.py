"""$browser-on, $browser-off: whether somebody is told of notices in a browser. Ours; R4 has none.

The person says so of their own record, as they say yes and no to purposes: nobody else turns one on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fhir_server.commit import settle, told
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Invalid, NotFound
from fhir_server.prepare import prepare_create, prepare_update
from fhir_server.privacy.browsers import OFF, ON, Browser, Unusable, ended, is_browser, turned_on
from fhir_server.privacy.subject import PATIENT, spoken_for
from fhir_server.version import Version
from mappings.r4 import parse, serialize
from smart_auth.scopes import UNRESTRICTED

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

NEEDS = "Consent.cr Patient.r"
"""It is a yes like any other."""
_TAKEN = ("endpoint", "key", "secret", "name")


async def browser_on(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """The Basic of a browser by its PushSubscription: `endpoint`, `key` (p256dh), `secret` (auth), and a `name`.

    The same browser is the same resource. Raises Forbidden, NotFound, Invalid, Conflict.
    """
    assert id is not None  # the table of operations has it for instances only
    given = simple(request, _TAKEN)
    try:
        browser = Browser(*(given.get(name, [""])[0] for name in _TAKEN)).checked()
    except Unusable as error:
        where = (f"Parameters.parameter.where(name='{error.name}')",)
        raise Invalid(str(error), code="value", expression=where) from None
    _, speaker = await spoken_for(server, request.access, id, NEEDS)
    made = turned_on(browser, id, speaker == PATIENT, server.now())
    return await _written(server, made["id"], lambda current: made)


async def browser_off(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Ends `browser`, the id of a Basic: nothing by which it could be told is left in it.

    Raises Forbidden, NotFound (it is none of theirs, or not on), Invalid, Conflict.
    """
    assert id is not None
    [browser] = simple(request, ("browser",)).get("browser", [""])
    if not browser:
        raise Invalid("browser is needed: the id of one", code="required",
                      expression=("Parameters.parameter.where(name='browser')",))  # fmt: skip
    await spoken_for(server, request.access, id, NEEDS)
    whose = {"reference": f"Patient/{id}"}

    def off(current: dict[str, Any] | None) -> dict[str, Any]:
        if current is None or not is_browser(current, ON) or current.get("subject") != whose:
            raise NotFound("there is no such browser")
        return ended(current, OFF, server.now())

    return await _written(server, browser, off)


async def _written(
    server: Server, key: str, after: Callable[[dict[str, Any] | None], dict[str, Any]]
) -> FhirResponse:  # fmt: skip
    """The Basic as it stands then. after: of what stands before, None where there is none."""

    async def attempt() -> FhirResponse:
        # Judged before; that of one's own one may change it is no right that policies give.
        async with server.store.transaction(UNRESTRICTED) as unit:
            [current] = await unit.read_many([("Basic", key)])
            before = parse(current.body) if current is not None and current.body is not None else None
            made = after(before)
            change = (
                prepare_create(made, "Basic", key) if current is None else prepare_update(made, "Basic", key, current)
            )
            version = current
            if change is not None:
                with told(server.base, [change.resource]):
                    [version] = await unit.write([change])
        assert version is not None
        return FhirResponse(200, serialize(_plain(version)))

    return await settle(server, ("Basic", key), attempt)


def _plain(version: Version) -> dict[str, Any]:
    """Without what a browser is told by: whoever asked knows it, and nobody else needs it."""
    found: dict[str, Any] = parse(version.body or b"")
    return {name: value for name, value in found.items() if name != "extension"}
