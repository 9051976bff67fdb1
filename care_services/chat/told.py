"""What was decided on authorizations, told to the member who proved who they are; a refusal can be reviewed. Pure.

The care services' contract, section 4 (M-15). https://hl7.org/fhir/R4/claimresponse.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from care_services.chat import wording
from care_services.chat.conversation import Desk, Say
from care_services.chat.known import DECIDED, Decided, Look
from care_services.chat.levels_told import DAY
from care_services.chat.talk import Talk
from mappings.identifiers import Systems, code_of, value_of
from mappings.terminology import table

Json = Any

MOST = 2
"""Decisions that are told at once: the newest."""
REVIEW = (("review", "Pedir revisão"), ("human", "Falar com alguém"))
LONGEST = 250
"""Characters of reasons: what is longer is cut, so that the whole fits one message."""


def see(talk: Talk) -> None:
    """Tells the newest decisions. Raises Look."""
    decided = talk.message.found.decided
    if decided is None:
        raise Look(DECIDED, talk.now.proof.proved)
    shown = decided[:MOST]
    if not shown:
        talk.say("nothing_decided")
        return
    refused = next((one for one in shown if one.reasons or one.state == "denied"), None)
    lines = [_line(talk, one) for one in shown]
    if refused is None:
        talk.says.append(Say("told", "\n\n".join(lines)))
        return
    text = "\n\n".join([*lines, wording.text(talk.rules, "told_review")])
    talk.put(Say("told", text, wording.options(talk.rules, "told", "told", REVIEW, talk.now.turn + 1)))
    talk.change(refused=refused.reference)


def review(talk: Talk) -> None:
    """The member wants a refusal looked at again: a person's Task, about that ClaimResponse."""
    talk.do(Desk("service-desk", "routine", DAY, "asks for a review of a refusal", talk.now.refused))
    talk.say("review_taken", protocol=talk.protocol)
    talk.change(question=None, refused=None, protocol=talk.protocol)


def _line(talk: Talk, one: Decided) -> str:
    slots = {"protocol": one.protocol}
    if one.state != "denied":
        slots |= {"password": one.password or "com o prestador", "until": one.until or "o fim do tratamento"}
    if one.state != "approved":
        reasons = "; ".join(one.reasons) or "a equipe explica"
        slots["reason"] = reasons if len(reasons) <= LONGEST else f"{reasons[: LONGEST - 1]}…"
    return wording.text(talk.rules, f"told_{one.state}", **slots)


def decided(responses: Iterable[Json], systems: Systems) -> list[Decided]:
    """Those of ClaimResponses that say something that was decided, in their order."""
    found = []
    for one in responses:
        state = state_of(one, systems)
        if state is None:
            continue
        period = one.get("preAuthPeriod", {}).get("end", "")[:10]
        found.append(
            Decided(
                f"ClaimResponse/{one['id']}",
                value_of(one, systems.sid("protocolo")) or one["id"],
                state,
                one.get("preAuthRef", ""),
                "/".join(reversed(period.split("-"))),
                tuple(dict.fromkeys(_reasons(one, systems))),
            )
        )
    return found


def state_of(response: Json, systems: Systems) -> str | None:
    """approved, partial or denied; None: it is no preauthorization, or nothing that would be told was decided."""
    if response.get("use") != "preauthorization" or response.get("status") != "active":
        return None
    states = {
        code
        for item in response.get("item", ())
        for each in item.get("adjudication", ())
        if (code := code_of(each.get("category"), systems.codes("decisao")))
    }
    if response["outcome"] == "error":
        return "denied"
    if response["outcome"] == "queued" or not states or "in-analysis" in states:
        return None
    states.discard("cancelled")
    return None if not states else "denied" if states == {"denied"} else "partial" if "denied" in states else "approved"


def _reasons(response: Json, systems: Systems) -> Iterable[str]:
    """Why not, in plain words: what the plan wrote, else the words of the table, with the rule they rest on."""
    known = table("denial-reason").displays
    notes = {one.get("number"): one.get("text", "") for one in response.get("processNote", ())}
    for item in response.get("item", ()):
        rests = "; ".join(filter(None, (notes.get(number, "") for number in item.get("noteNumber", ()))))
        for each in item.get("adjudication", ()):
            if "reason" in each:
                words = _words(each["reason"], known, systems)
                yield f"{words} ({rests})" if rests else words
    for error in response.get("error", ()):
        yield _words(error["code"], known, systems)


def _words(reason: Json, known: Any, systems: Systems) -> str:
    code = code_of(reason, systems.codes("tiss-38"))
    return str(reason.get("text") or known.get(code or "", "").capitalize() or "motivo não informado").rstrip(".")
