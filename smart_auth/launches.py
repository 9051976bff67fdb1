"""Launches from inside: a signed-in person opens an app with a patient at hand.

https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from smart_auth.references import ID, REFERENCE
from smart_auth.schema import launch as table
from smart_auth.secret_values import digest, new

SECONDS = 300
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.\-]*:[!-~]+")
_ITEM = frozenset({"reference", "canonical", "identifier", "type", "role"})


class UnusableContext(ValueError):
    """What an app is to be launched with cannot be; the text names the item and the reason."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an app is told beside its token."""

    patient: str | None = None
    encounter: str | None = None
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    """https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#fhircontext-exp"""
    need_patient_banner: bool = True
    intent: str | None = None

    def parameters(self) -> dict[str, Any]:
        """As members of the token response."""
        told = {"patient": self.patient, "encounter": self.encounter, "intent": self.intent}
        found: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        if self.fhir_context:
            found["fhirContext"] = [dict(one) for one in self.fhir_context]
        return found | {"need_patient_banner": self.need_patient_banner}

    def text(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Context:
        """The Context of `text()`."""
        members = json.loads(text)
        return cls(**members | {"fhir_context": tuple(members["fhir_context"])})

    def kinds(self) -> frozenset[str]:
        """Types of what it holds, as launch scopes name them."""
        own = {name for name, id in (("patient", self.patient), ("encounter", self.encounter)) if id is not None}
        return frozenset(own | {_kind(one) for one in self.fhir_context})

    def asked(self, scopes: Iterable[str]) -> Context:
        """What of it an app gets that asks for context by these scopes: of a type for which it names roles what has one
        of them; where nothing has, all of the type.

        https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-context-data
        """
        roles: dict[str, set[str]] = {}
        for scope in scopes:
            kind, named, role = scope.removeprefix("launch/").partition("?role=")
            if named:
                roles.setdefault(kind, set()).add(role)
        held = {(_kind(one), one.get("role", "launch")) for one in self.fhir_context}

        def wanted(item: Mapping[str, Any]) -> bool:
            kind = _kind(item)
            known = {role for role in roles.get(kind, ()) if (kind, role) in held}
            return not known or item.get("role", "launch") in known

        return replace(self, fhir_context=tuple(one for one in self.fhir_context if wanted(one)))


def _kind(item: Mapping[str, Any]) -> str:
    return str(item.get("reference", "")).partition("/")[0].lower() or str(item.get("type", "")).lower()


NOTHING = Context()


def checked(
    patient: str | None, encounter: str | None, fhir_context: Sequence[Any], banner: bool, intent: str | None
) -> Context:
    """The context, if an app may be told it. Raises UnusableContext."""
    for name, id in (("patient", patient), ("encounter", encounter)):
        if id is not None and not ID.fullmatch(id):
            raise UnusableContext(f"{name}: must be the id of a resource")
    if encounter is not None and patient is None:
        raise UnusableContext("encounter: needs a patient")
    if intent is not None and not (0 < len(intent) <= 200 and intent.isprintable()):
        raise UnusableContext("intent: must be 1 to 200 printable characters")
    if len(fhir_context) > 50:
        raise UnusableContext("fhirContext: more than 50 items")
    for item in fhir_context:
        if (
            not isinstance(item, dict)
            or not set(item) <= _ITEM
            or not {"reference", "canonical", "identifier"} & set(item)
        ):
            raise UnusableContext("fhirContext: each item has a reference, a canonical or an identifier; type; role")
        found = REFERENCE.fullmatch(item["reference"]) if isinstance(item.get("reference", ""), str) else None
        if "reference" in item and found is None:
            raise UnusableContext("fhirContext: a reference is relative, such as ImagingStudy/1")
        if found and found[1] in ("Patient", "Encounter") and not item.get("role"):
            raise UnusableContext(
                "fhirContext: a Patient or Encounter needs a role; the one in context stands elsewhere"
            )
        role = item.get("role", "launch")
        if role != "launch" and not (isinstance(role, str) and len(role) <= 200 and _ABSOLUTE.fullmatch(role)):
            raise UnusableContext("fhirContext: a role is `launch` or an absolute URI")
    return Context(patient, encounter, tuple(fhir_context), banner, intent)


def make(connection: Connection, client_id: str, subject: str, context: Context, now: int) -> str:
    """The value of `launch`: for this app, this person, this context, for 5 minutes, once."""
    value = new()
    row = {"secret": digest(value), "client_id": client_id, "subject": subject, "context": context.text()}
    connection.execute(insert(table).values(**row, expires=now + SECONDS))
    return value


def _own(value: str, client_id: str, subject: str, now: int) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.secret == digest(value), table.c.client_id == client_id, table.c.subject == subject,
        table.c.expires > now, table.c.used_at.is_(None),
    )  # fmt: skip


def find(connection: Connection, value: str, client_id: str, subject: str, now: int) -> Context | None:
    """What it stands for, if it may be used by this app and person now."""
    text = connection.execute(select(table.c.context).where(*_own(value, client_id, subject, now))).scalar()
    return None if text is None else Context.of(text)


def use(connection: Connection, value: str, client_id: str, subject: str, now: int) -> bool:
    """Whether it could be used; it is spent from now on."""
    spent = update(table).where(*_own(value, client_id, subject, now)).values(used_at=now)
    return bool(connection.execute(spent).rowcount)
