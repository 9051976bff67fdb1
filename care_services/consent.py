"""What a member agreed to, purpose by purpose: read out of Consents, and written as one for an identity. Pure.

The care services' contract, section 9. A Consent of the channel holds each purpose as a nested permit with its period:
from the yes on, and to the no that ended it. Those that the apps write, one for a patient and purpose, are read too; of
what was said of a purpose the newest counts, wherever it was said. https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mappings.identifiers import Systems, coding, concept

Json = Any

PURPOSE = "urn:fhir-hub:CodeSystem:consent-purpose"
DEFAULTS: Mapping[str, bool] = {
    "care-messages": True, "reminders": False, "wellness": False, "healthpoints": False, "ai-assistance": True,
    "research": False,
}  # fmt: skip
"""What holds for those who never said."""
NOTICES = ("reminders", "wellness", "healthpoints")
"""What ends by one word. Care messages end by none: another channel can be asked for."""
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_KIND, _ACTION = "consentimento", "acao-consentida"


@dataclass(frozen=True, slots=True)
class Said:
    """The newest that was said of a purpose."""

    granted: bool
    at: datetime
    since: datetime | None = None
    """Of a no: when the yes was said that it ended, if there was one."""


@dataclass(frozen=True, slots=True)
class Consented:
    """What an identity has said so far."""

    said: Mapping[str, Said] = field(default_factory=dict)
    """By purpose; none of those of which nothing was said."""
    own: tuple[str, str] | None = None
    """Id and version of the Consent that the next one takes the place of."""

    def granted(self) -> frozenset[str]:
        """The purposes that are agreed to now."""
        return frozenset(
            one for one, held in DEFAULTS.items() if (self.said[one].granted if one in self.said else held)
        )


def consented(consents: Iterable[Json], systems: Systems, own: str | None = None) -> Consented:
    """What Consents say together. own: value of the identifier of the one that would be written."""
    said: dict[str, Said] = {}
    place = None
    for one in consents:
        if _is(one, own, systems):
            place = one["id"], one["meta"]["versionId"]
        for purpose, each in _read(one, systems):
            before = said.get(purpose)
            if before is None or (each.at, not each.granted) > (before.at, not before.granted):
                said[purpose] = each
    return Consented(said, place)


def changed(before: Consented, purposes: Iterable[str], granted: bool, moment: datetime) -> Consented:
    """After a yes or a no to purposes. A yes that is said again keeps its time."""
    said = dict(before.said)
    for purpose in purposes:
        was = said.get(purpose)
        if not (granted and was is not None and was.granted):
            since = None if granted or was is None else was.at if was.granted else was.since
            said[purpose] = Said(granted, moment, since)
    return Consented(said, before.own)


def consent(
    after: Consented, own: str, who: Json, phone: str | None, message: str, policy: str, systems: Systems,
    moment: datetime,
) -> Json:  # fmt: skip
    """The entry that writes it. own: value of its identifier. phone: digits, by which it is found besides.

    message: reference of the Communication it was said in. policy: version of the texts. A lost race answers 412.
    """
    system = systems.sid("whatsapp/consentimento")
    numbered = [{"system": systems.sid("telefone"), "value": phone}] if phone else []
    # The record's access control counts privacy Consents: without an action of its own the denial at the root would
    # close the chart to whoever treats them, and without a category of its own it would take another Consent's place.
    kinds = [concept(coding("http://loinc.org", "59284-0")), concept(coding(systems.codes(_KIND), "by-purpose"))]
    action = [concept(coding(systems.codes(_ACTION), "by-purpose"))]
    resource = {
        "resourceType": "Consent",
        "identifier": [{"system": system, "value": own}, *numbered],
        "status": "active",
        "scope": concept(coding(_SCOPE, "patient-privacy")),
        "category": kinds,
        "patient": who,
        "dateTime": _instant(moment),
        # No `source`: in R4 that may be no Communication.
        "extension": [{"url": systems.extension("mensagem"), "valueReference": {"reference": message}}],
        "policy": [{"uri": policy}],
        "provision": {
            "type": "deny",
            "action": action,
            "provision": [
                {"type": "permit", "period": _period(one), "action": action, "purpose": [coding(PURPOSE, purpose)]}
                for purpose, one in sorted(after.said.items())
            ],
        },
    }
    if not after.said:
        del resource["provision"]["provision"]
    if after.own is None:
        return {"resource": resource, "request": {"method": "PUT", "url": f"Consent?identifier={system}|{own}"}}
    id, version = after.own
    request = {"method": "PUT", "url": f"Consent/{id}", "ifMatch": f'W/"{version}"'}
    return {"resource": {**resource, "id": id}, "request": request}


def _is(one: Json, own: str | None, systems: Systems) -> bool:
    system = systems.sid("whatsapp/consentimento")
    return any(named.get("system") == system and named.get("value") == own for named in one.get("identifier", ()))


def _read(one: Json, systems: Systems) -> Iterable[tuple[str, Said]]:
    kinds = [each for category in one.get("category", ()) for each in category.get("coding", ())]
    if any(each.get("system") == systems.codes(_KIND) for each in kinds):
        if one.get("status") == "active":
            yield from _nested(one)
        return
    for each in kinds:
        if each.get("system") == PURPOSE and each.get("code") in DEFAULTS and "dateTime" in one:
            yield each["code"], Said(one.get("status") == "active", _moment(one["dateTime"]))


def _nested(one: Json) -> Iterable[tuple[str, Said]]:
    for provision in one.get("provision", {}).get("provision", ()):
        period = provision.get("period", {})
        start = _moment(period["start"]) if "start" in period else None
        for each in provision.get("purpose", ()):
            if "end" in period:
                yield each["code"], Said(False, _moment(period["end"]), start)
            elif start is not None:
                yield each["code"], Said(True, start)


def _period(one: Said) -> Json:
    if one.granted:
        return {"start": _instant(one.at)}
    return {**({"start": _instant(one.since)} if one.since else {}), "end": _instant(one.at)}


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
