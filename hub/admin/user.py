"""User: a person who signs in, what they are here (roles), and for whom they may act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.outcome import Forbidden, Invalid, MethodNotAllowed
from hub.admin.administered import Given, Resource, Sent, boolean, fault, resource
from smart_auth import factors, people
from smart_auth.happened import PERSON_CHANGED
from smart_auth.people import Person, UnusablePerson

ELEMENTS = frozenset(("active", "login", "name", "roles", "fhirUser", "organization", "patients", "hasPassword"))
FILTERS = frozenset({"_id", "login"})
WRITTEN = PERSON_CHANGED


def listed(given: Given, wanted: Mapping[str, str], after: str, most: int) -> list[tuple[str, Resource]]:
    """In order of their logins."""
    if not wanted:
        found = people.listed(given.connection, after, most)
    elif after:
        found = []
    else:
        one = people.by_login(given.connection, wanted["login"]) if "login" in wanted else None
        one = one if "_id" not in wanted else people.of_any_state(given.connection, wanted["_id"])
        same = one is not None and people.folded(wanted.get("login", one.login)) == one.login
        found = [one] if one is not None and same else []
    return [(one.login, _resource(one)) for one in found]


def found(given: Given, id: str, *, hold: bool) -> Resource | None:
    """One by their subject."""
    found = people.of_any_state(given.connection, id, hold=hold)
    return None if found is None else _resource(found)


def _resource(person: Person) -> Resource:
    return resource(
        "User", person.subject, active=person.active, login=person.login, name=person.name, roles=list(person.roles),
        fhirUser=_reference(person.fhir_user), organization=_reference(person.organization),
        patients=[{"reference": f"Patient/{one}"} for one in person.patients],
        hasPassword=person.password_hash is not None,
    )  # fmt: skip


def _reference(text: str | None) -> dict[str, str] | None:
    return None if text is None else {"reference": text}


def put(given: Given, id: str | None, sent: Sent, present: Resource | None) -> tuple[str, Resource]:
    """Makes somebody known, who cannot sign in before they have a password, or says anew what they are here.

    What changes them ends what they had open. Nobody changes themselves.
    """
    if id is not None and present is None:
        raise MethodNotAllowed("whoever is new gets an id from the server: POST User")
    roles = _list(sent, "roles", str)
    patients = [_id(one) for one in _list(sent, "patients", dict)]
    more: dict[str, Any] = {"patients": patients}
    more |= {"fhir_user": _told(sent, "fhirUser"), "organization": _told(sent, "organization")}
    active = boolean("User", sent, "active", True)
    connection, now = given.connection, given.now
    try:
        if id is None:
            person = people.add(connection, _text(sent, "login"), _text(sent, "name"), roles, now, **more)
        else:
            other = _other(given, id)
            assert other is not None  # it is present, and held
            person = other
            if people.folded(_text(sent, "login")) != person.login:
                raise UnusablePerson("login: does not change")
            if _text(sent, "name").strip() != person.name:
                raise UnusablePerson("name: does not change")
            people.change(connection, person, roles, now, **more)
    except UnusablePerson as unusable:
        raise fault("User", str(unusable), ELEMENTS) from None
    if active != person.active:
        people.switch(connection, person, active, now)
    return person.subject, {}


def reset_password(given: Given, id: str) -> Resource | None:
    """A new password, told this once; it ends what they had open."""
    person = _other(given, id)
    if person is None:
        return None
    password = people.new_password()
    people.set_password(given.connection, person, password, given.now)
    return {"resourceType": "Parameters", "parameter": [{"name": "password", "valueString": password}]}


def reset_factors(given: Given, id: str) -> Resource | None:
    """None of their second factors counts any more: staff set up another at the next sign-in."""
    person = _other(given, id)
    if person is None:
        return None
    factors.take(given.connection, person, given.now)
    return {"resourceType": "Parameters"}


OPERATIONS: Mapping[str, Callable[[Given, str], Resource | None]] = {
    "$reset-password": reset_password, "$reset-factors": reset_factors,
}  # fmt: skip


def _other(given: Given, id: str) -> Person | None:
    """Whoever is to be changed. Raises Forbidden: officers give themselves no right."""
    if id == given.access.subject:
        raise Forbidden("nobody changes their own account")
    return people.of_any_state(given.connection, id, hold=True)


def _text(sent: Sent, name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str):
        raise _invalid(name, "must be a text", "required" if value is None else "value")
    return value


def _list(sent: Sent, name: str, kind: type) -> list[Any]:
    value = sent.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise _invalid(name, f"must be an array of {'texts' if kind is str else 'references'}")
    return value


def _told(sent: Sent, name: str) -> str | None:
    """What a reference says."""
    if name not in sent:
        return None
    value = sent[name]
    if not isinstance(value, dict) or not isinstance(value.get("reference"), str):
        raise _invalid(name, "must be a reference")
    return str(value["reference"])


def _id(reference: dict[str, Any]) -> str:
    kind, _, id = str(reference.get("reference", "")).partition("/")
    if kind != "Patient":
        raise _invalid("patients", "must be references to Patients")
    return id


def _invalid(name: str, reason: str, code: str = "value") -> Invalid:
    return Invalid(f"{name}: {reason}", code=code, expression=[f"User.{name}"])
