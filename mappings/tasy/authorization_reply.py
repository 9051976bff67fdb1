"""What Tasy decided -> ClaimResponse. Contract section 6. https://hl7.org/fhir/R4/claimresponse.html

No reading of an answer makes it better than it is: what is unknown is in analysis, of two that differ the stricter
holds, and a denial without its grounds is not published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.errors import Fault, MappingError
from mappings.identifiers import coding, concept, identifier
from mappings.tasy.eligibility import denial
from mappings.tasy.records import AuthorizationReply, ItemDecided, Reason
from mappings.tasy.site import Site
from mappings.tasy.times import instant
from mappings.terminology import table

Json = Any

APPROVED, DENIED, ANALYSIS, CANCELLED = "approved", "denied", "in-analysis", "cancelled"
_STRICTNESS = {"1": 0, "7": 1, "5": 2, "4": 2, "2": 2, "6": 3, "3": 4}
"""TISS states, from the one that opens most."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Of one item that was asked for."""

    sequence: int
    state: str
    """approved, denied, in-analysis, cancelled."""
    granted: float | int
    whole: bool
    """Whether all of the quantity that was asked for is granted."""
    raw: str | None
    """Tasy's own state; None where it did not answer this item."""
    reasons: Sequence[Reason] = ()


def to_claim_response(
    reply: AuthorizationReply, claim: Json, reference: str, site: Site, now: datetime
) -> tuple[Json, list[Fault]]:
    """The answer as ClaimResponse, and what a person should look at.

    claim: what was asked; reference: to it, with its version; now: local time of the establishment, for answers that
    decide nothing yet. Raises MappingError: a denial without its grounds, an item that was not asked for.
    """
    faults: list[Fault] = []
    decisions = _decisions(reply, [item["sequence"] for item in claim["item"]], faults)
    status = _status(reply.cd_status, decisions, faults)
    if reply.cd_status not in _STRICTNESS or _STRICTNESS[status] > _STRICTNESS[status_of(decisions)]:
        # The header is unknown, or the stricter one: nothing is approved until a person has looked.
        decisions = [_held_back(one) for one in decisions]
        status = _stricter(status, status_of(decisions))
    if status == "3" or any(one.state == DENIED for one in decisions):
        _grounds(reply, decisions)
    systems = site.systems
    resource: Json = {
        "resourceType": "ClaimResponse",
        "extension": [{"url": systems.extension("tasy-status"), "valueCode": reply.cd_status}],
        "identifier": [
            *identifier(systems.sid("tasy/guia"), reply.nr_seq_guia),
            *identifier(systems.sid("protocolo"), reply.nr_protocolo),
            *identifier(systems.sid("guia-operadora"), reply.cd_guia_operadora),
        ],
        "status": "cancelled" if status == "6" else "active",
        "type": claim["type"],
        "use": "preauthorization",
        "patient": claim["patient"],
        "created": instant(reply.dt_autorizacao or now, site.zone),
        "insurer": site.insurer(),
        "request": {"reference": reference},
        "outcome": table("request-status").to(status, "cd_status"),
        "disposition": table("request-status").displays[status] + ".",
    }
    if reply.dt_limite_resposta:
        limit = reply.dt_limite_resposta.isoformat()
        resource["extension"].append({"url": systems.extension("limite-resposta"), "valueDate": limit})
    if "provider" in claim:
        resource["requestor"] = claim["provider"]
    if reply.cd_senha and any(one.state == APPROVED for one in decisions):
        resource["preAuthRef"] = reply.cd_senha
        start = reply.dt_autorizacao.date() if reply.dt_autorizacao else None
        period = site.period(start, reply.dt_validade_senha)
        if period:
            resource["preAuthPeriod"] = period
    notes: list[Json] = []
    resource["item"] = [_item(one, notes, site) for one in decisions]
    if notes:
        resource["processNote"] = notes
    return resource, faults


def _decisions(reply: AuthorizationReply, asked: Sequence[int], faults: list[Fault]) -> list[Decision]:
    """A decision for each item that was asked for."""
    answered: dict[int, tuple[int, ItemDecided]] = {}
    for place, item in enumerate(reply.itens):
        if item.nr_item not in asked or item.nr_item in answered:
            raise MappingError(f"itens[{place}].nr_item", "was not asked for, or is answered twice")
        answered[item.nr_item] = place, item
    decisions = []
    for sequence in asked:
        if sequence not in answered:
            faults.append(Fault("itens", "an item that was asked for is not answered: in analysis", "mismatch"))
            decisions.append(Decision(sequence, ANALYSIS, 0, False, None))
        else:
            decisions.append(_decision(*answered[sequence], faults))
    return decisions


def _decision(place: int, item: ItemDecided, faults: list[Fault]) -> Decision:
    state = table("item-status").forward.get(item.ie_status)
    if state is None:
        state = ANALYSIS
        faults.append(Fault(f"itens[{place}].ie_status", "code unknown to the contract: in analysis", "unknown-code"))
    granted = item.qt_autorizada
    if (state == APPROVED) != (granted > 0) or granted > item.qt_solicitada:
        at = f"itens[{place}].qt_autorizada"
        if state == APPROVED:
            faults.append(Fault(at, "is not what can be authorised: in analysis", "mismatch"))
            state, granted = ANALYSIS, 0
        elif granted:
            faults.append(Fault(at, "grants what the item's state does not: nothing is granted", "mismatch"))
            granted = 0
    return Decision(item.nr_item, state, granted, granted == item.qt_solicitada, item.ie_status, item.motivos)


def status_of(decisions: Sequence[Decision]) -> str:
    """The TISS state of a guide, worked out from its items."""
    states = {one.state for one in decisions if one.state != CANCELLED}
    if not states:
        return "6"
    if ANALYSIS in states:
        return "2"
    if states == {DENIED}:
        return "3"
    whole = all(one.whole for one in decisions if one.state == APPROVED)
    return "1" if states == {APPROVED} and whole else "7"


def _status(said: str, decisions: Sequence[Decision], faults: list[Fault]) -> str:
    """The stricter one of what the header says and what the items say."""
    found = status_of(decisions)
    if said not in _STRICTNESS:
        faults.append(Fault("cd_status", "code unknown to the contract: in analysis", "unknown-code"))
        said = "2"
    if _STRICTNESS[said] == _STRICTNESS[found]:
        return said if found == "2" else found  # 4 and 5 say why it is in analysis
    faults.append(Fault("cd_status", "differs from what the items say: the stricter one holds", "mismatch"))
    return _stricter(said, found)


def _stricter(one: str, other: str) -> str:
    return max(one, other, key=_STRICTNESS.__getitem__)


def _held_back(decision: Decision) -> Decision:
    """The decision as it may be shown while the header says less: nothing is approved yet."""
    if decision.state != APPROVED:
        return decision
    return Decision(decision.sequence, ANALYSIS, 0, False, decision.raw, decision.reasons)


def _grounds(reply: AuthorizationReply, decisions: Sequence[Decision]) -> None:
    """A denial has a reason of TISS, plain text, a clause or rule, and a person who decided. Raises MappingError."""
    if not reply.nm_auditor or reply.ie_analise_humana != "S":
        raise MappingError("nm_auditor", "a denial needs the person who decided it")
    denied = [one for one in decisions if one.state == DENIED]
    if not denied:
        raise MappingError("cd_status", "denies what no item denies")
    for one in denied:
        if not one.reasons:
            raise MappingError("itens.motivos", "a denial needs its reason")
        for reason in one.reasons:
            for name in ("cd_motivo_tiss", "ds_motivo", "ds_fundamento"):
                if not getattr(reason, name):
                    raise MappingError(f"itens.motivos.{name}", "a denial needs code, text, and clause or rule")
            table("denial-reason").to(str(reason.cd_motivo_tiss), "itens.motivos.cd_motivo_tiss")


def _item(decision: Decision, notes: list[Json], site: Site) -> Json:
    systems = site.systems
    said = coding(systems.codes("decisao"), decision.state)
    adjudication: list[Json] = [
        {"category": concept(said), **({"reason": denial(reason, site)} if reason else {}), "value": decision.granted}
        for reason in decision.reasons or (None,)
    ]
    numbers = []
    for reason in decision.reasons:
        if reason.ds_fundamento:
            notes.append({"number": len(notes) + 1, "type": "display", "text": reason.ds_fundamento})
            numbers.append(len(notes))
    raw = [{"url": systems.extension("tasy-status"), "valueCode": decision.raw}] if decision.raw else []
    return {
        **({"extension": raw} if raw else {}),
        "itemSequence": decision.sequence,
        **({"noteNumber": numbers} if numbers else {}),
        "adjudication": adjudication,
    }
