"""What is written once it is known how a message stands: the entries of one transaction, and what people learn. Pure.

The care services' contract, section 2. The same whether the channel said so in its answer or in a status.
https://hl7.org/fhir/R4/communication.html, .../communicationrequest.html, .../task.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from care_services.chat.recorded.conversation import phone
from care_services.consent import Consented, changed, consent
from care_services.delivery.failed import Again, NotDone, follows
from care_services.delivery.templates import TEMPLATES
from hub.whatsapp.requested import TEMPLATE, UNTIL, expires, further, notice, watched
from mappings.identifiers import Systems, coding, concept
from mappings.whatsapp import ladder
from mappings.whatsapp.codes import Do, Reaction, reaction
from mappings.whatsapp.phone import digits
from mappings.whatsapp.sends import ACCEPTED, FAILED, Send, instant, state, with_sends

Json = Any


PROMISES = {
    "stat": timedelta(minutes=2), "asap": timedelta(minutes=10), "urgent": timedelta(hours=1),
    "routine": timedelta(hours=8),
}  # fmt: skip
"""Priority -> within which somebody telephones."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that people who run the hub must know. It names no person."""

    do: Do
    line: str
    template: str | None
    code: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is written, and what is told to whom."""

    entries: list[Json]
    trouble: Trouble | None = None
    telephone: Json | None = None
    """The Task by which somebody telephones, if it comes to that."""


def needs_request(before: Sequence[Send], every: Sequence[Send], made: Json) -> bool:
    """Whether tries that stand so change more than the Communication itself."""
    old, new = state(before), state(every)
    return old != new and (new == FAILED or (watched(made) and new in ladder.RUNGS[1:]))


def settled(made: Json, every: Sequence[Send], request: Json, systems: Systems, now: datetime) -> Settled:
    """After the tries of a Communication have come to stand so. request: None would say nothing of it changes."""
    reached = state(every)
    if reached == FAILED:
        return _failed(made, every, request, systems, now)
    entries = [put(with_sends(_plain(made), every, systems))]
    least = ladder.RUNGS[1] if watched(request) else ACCEPTED
    if reached is not None and ladder.RUNGS.index(reached) >= ladder.RUNGS.index(least):
        entries += closed(request, "completed")
    return Settled(entries)


def _failed(made: Json, every: Sequence[Send], request: Json, systems: Systems, now: datetime) -> Settled:
    if request["status"] == "revoked":  # it was given up before
        return Settled([put(with_sends(made, every, systems, failed="not-done"))])
    last = max(every, key=lambda one: one.at[FAILED])
    did = why(last)
    tries = sum(why(one) == did for one in every)
    said = notice(request, systems, next((one.name for one in TEMPLATES if one.category == _category(request)), None))
    then = follows(did, tries, said, now, was_template=last.template is not None)
    trouble = Trouble(did.do, last.line, last.template, next(iter(last.codes), None)) if did.alarm else None
    code = ", ".join(str(one) for one in last.codes) or "none"
    channel = "WhatsApp" if last.line.isdigit() else last.line
    text = f"{channel}: code {code}, {did.do.value}"
    match then:
        case Again(at, as_template):
            found = with_sends({**made, "statusReason": {"text": text}}, every, systems)
            return Settled([put(found), *planned(request, at, systems, as_template=as_template)], trouble)
        case NotDone():
            found = with_sends({**made, "statusReason": {"text": text}}, every, systems, failed="not-done")
            return over(found, request, then, systems, now, trouble)


def over(
    made: Json | None, request: Json, then: NotDone, systems: Systems, now: datetime, trouble: Trouble | None = None
) -> Settled:  # fmt: skip
    """It is not sent any more: the Communication, if it changes, the request, and whoever telephones."""
    entries = [*([put(made)] if made else []), *closed(request, "revoked", then.reason)]
    if then.stops is not None and made is not None:
        entries.append(_stopped(made, then.stops, systems, now))
    if not then.telephone:
        return Settled(entries, trouble)
    if (following := elsewhere(request, systems, now)) is not None:
        return Settled([*entries, once(following)], trouble)
    task = phone_task(request, then.reason, systems, now)
    return Settled([*entries, once(task)], trouble, task)


def why(one: Send) -> Reaction:
    """What the failure of a try asks for."""
    return reaction(next(iter(one.codes), None), 0)


def planned(request: Json, at: datetime, systems: Systems, *, as_template: bool = False) -> list[Json]:
    """The request, to be looked at again then."""
    made = {**request, "status": "active", "occurrenceDateTime": instant(at)}
    made.pop("statusReason", None)
    said = {one["url"] for one in made.get("extension", ())}
    more: list[Json] = [{"url": systems.extension(UNTIL), "valueInstant": instant(expires(request, systems))}]
    if as_template:
        more.append({"url": systems.extension(TEMPLATE), "valueBoolean": True})
    made["extension"] = [*made.get("extension", ()), *(one for one in more if one["url"] not in said)]
    return [put(made)]


def closed(request: Json, status: str, reason: str | None = None) -> list[Json]:
    """The request, over; nothing where it is already, or where somebody telephones."""
    if request["status"] in (status, "revoked"):
        return []
    made = {**request, "status": status}
    return [put({**made, "statusReason": {"text": reason}} if reason else made)]


def phone_task(request: Json, reason: str, systems: Systems, now: datetime) -> Json:
    """Somebody telephones instead: once for a request, with the number."""
    whom = request["recipient"][0]
    own = phone(whom, systems)
    text = next((one["contentString"] for one in request["payload"] if "contentString" in one), "a file")
    said = {"type": {"text": "summary"}, "valueString": text}
    priority = "stat" if watched(request) else request.get("priority", "routine")
    number = [{"type": {"text": "telephone"}, "valueString": f"+{digits(own)}"}] if own else []
    return {
        "resourceType": "Task",
        "identifier": [{"system": systems.sid("whatsapp/pedido"), "value": request["id"]}],
        "status": "requested",
        "intent": "order",
        "priority": priority,
        "code": concept(coding(systems.codes("tarefa"), "phone-contact")),
        "focus": {"reference": f"CommunicationRequest/{request['id']}"},
        "for": whom,
        "authoredOn": instant(now),
        "restriction": {"period": {"end": instant(now + PROMISES[priority])}},
        "description": reason,
        "input": [*number, said],
    }


def elsewhere(request: Json, systems: Systems, now: datetime) -> Json | None:
    """The request to its next recipient, by the channel that one is named for; None: there is none, or no time.

    What an emergency comes with is telephoned at once.
    """
    first, *rest = request["recipient"]
    if not rest or watched(request):
        return None
    number, url = phone(first, systems), systems.extension("telefone")
    if number and phone(rest[0], systems) is None:  # whom somebody telephones in the end
        known = {"url": url, "valueString": digits(number)}
        rest[0] = {**rest[0], "extension": [*rest[0].get("extension", ()), known]}
    code = further(rest[0], systems)
    kept = ("category", "priority", "subject", "about", "encounter", "payload", "extension", "requester")
    made = {name: request[name] for name in kept if name in request}
    until = [{"url": systems.extension(UNTIL), "valueInstant": instant(expires(request, systems))}]
    said = [one for one in made.pop("extension", ()) if one["url"] != systems.extension(UNTIL)]
    return {
        "resourceType": "CommunicationRequest",
        "identifier": [{"system": systems.sid("pedido-seguinte"), "value": request["id"]}],
        "extension": [*said, *until],
        "replaces": [{"reference": f"CommunicationRequest/{request['id']}"}],
        "status": "active",
        **made,
        "medium": [concept(coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationMode", code))],
        "authoredOn": instant(now),
        "recipient": rest,
    }


def put(resource: Json) -> Json:
    """An entry that changes what is there, if nobody else has."""
    version = resource["meta"]["versionId"]
    where = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": where, "ifMatch": f'W/"{version}"'}}


def once(resource: Json) -> Json:
    """An entry that creates what is not there yet, by its first identifier."""
    kind, own = resource["resourceType"], resource["identifier"][0]
    where = f"identifier={own['system']}|{own['value']}"
    return {"resource": resource, "request": {"method": "POST", "url": kind, "ifNoneExist": where}}


def _category(request: Json) -> str:
    return str(request["category"][0]["coding"][0]["code"])


def _plain(made: Json) -> Json:
    """Without the reason why it had failed."""
    return {name: value for name, value in made.items() if name != "statusReason"}


def _stopped(made: Json, purpose: str, systems: Systems, now: datetime) -> Json:
    """The Consent that says no to a purpose: one for each identity and purpose. Contract, section 9."""
    who = made["recipient"][0]
    own, number = f"{who['identifier']['value']}:{purpose}", phone(who, systems)
    after = changed(Consented(), [purpose], False, now)
    policy = f"{systems.base}/texts/stopped-on-the-channel"
    return consent(
        after, own, who, digits(number) if number else None, f"Communication/{made['id']}", policy, systems, now
    )  # fmt: skip
