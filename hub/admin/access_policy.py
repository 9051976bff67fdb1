"""AccessPolicy: what one role may do, as rows; a change of any is a new version of them all, as of `hub policy set`.

Its id is the role; of a backend service's rows (role `client:ID`) it is `client.ID`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from fhir_server.access.policies import Policies, UnusablePolicy, members, read
from fhir_server.outcome import MethodNotAllowed, Unprocessable
from hub import policy_versions
from hub.admin.administered import Given, Resource, Sent, resource
from smart_auth.happened import POLICY_CHANGED
from smart_auth.references import ID
from smart_auth.roles import ROLES

ELEMENTS = frozenset({"role", "resource"})
FILTERS = frozenset({"_id"})
WRITTEN = POLICY_CHANGED
OPERATIONS: Mapping[str, Callable[[Given, str], Resource | None]] = {}
_SERVICE, _SERVICE_ID = "client:", "client."


def listed(given: Given, wanted: Mapping[str, str], after: str, most: int) -> list[tuple[str, Resource]]:
    """Every role of people, and the services that have rows, in order of their ids."""
    found = policy_versions.found(given.connection)
    ids = sorted({*ROLES, *map(_id, found.by_role)})
    return [(id, _resource(found, id)) for id in ids if id > after and wanted.get("_id", id) == id][:most]


def found(given: Given, id: str, *, hold: bool) -> Resource | None:
    """That of a role, which may have no rows."""
    rows = policy_versions.held(given.connection) if hold else policy_versions.found(given.connection)
    return _resource(rows, id) if id in ROLES or _role(id) in rows.by_role else None


def _id(role: str) -> str:
    return role.replace(_SERVICE, _SERVICE_ID, 1) if role.startswith(_SERVICE) else role


def _role(id: str) -> str:
    return id.replace(_SERVICE_ID, _SERVICE, 1) if id.startswith(_SERVICE_ID) else id


def _resource(found: Policies, id: str) -> Resource:
    role = _role(id)
    rows = [{name: value for name, value in members(row).items() if name != "role"} for row in found.of([role])]
    return resource("AccessPolicy", id, role=role, resource=[_plain(row) for row in rows])


def _plain(row: Resource) -> Resource:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


def put(given: Given, id: str | None, sent: Sent, present: Resource | None) -> tuple[str, Resource]:
    """Puts the rows of a role in force, within 5 seconds; without rows it opens nothing."""
    if id is None:
        raise MethodNotAllowed("its id is the role: PUT AccessPolicy/[role]")
    role = _role(id)
    if role not in ROLES and not (role.startswith(_SERVICE) and ID.fullmatch(role.removeprefix(_SERVICE))):
        raise _fault("the role is one of people, or client.ID for a backend service", "id")
    if sent.get("role", role) != role:
        raise _fault("is that of the id", "role")
    rows = sent.get("resource", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "role" not in row for row in rows):
        raise _fault("is an array of rows, without role", "resource")
    try:
        own = read(json.dumps([{"role": role, **row} for row in rows]), 0)
    except UnusablePolicy as unusable:
        at = f"resource[{unusable.row - 1}]" if unusable.row else "resource"
        _, _, reason = str(unusable).partition(": ")
        raise _fault(reason, f"{at}.{unusable.member}" if unusable.member else at) from None
    before = policy_versions.found(given.connection)
    others = {name: of for name, of in before.by_role.items() if name != role}
    policy_versions.put(given.connection, replace(before, by_role=others | dict(own.by_role)), given.access.subject)
    return id, {}


def _fault(reason: str, element: str) -> Unprocessable:
    return Unprocessable(f"{element}: {reason}", code="value", expression=[f"AccessPolicy.{element}"])
