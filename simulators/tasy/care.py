"""Conditions, visits and guides as FHIR lines: Condition, Encounter, Claim, ClaimResponse. Tasy contract, section 6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from simulators.tasy import health
from simulators.tasy.network import provider_id
from simulators.tasy.roster import coverage_id, patient_id
from simulators.tasy.systems import CID10, HL7, codes, concept, extension, identifier, insurer, sid, without_empty
from simulators.tasy.visits import Visit, visits

Json = dict[str, Any]

_ZONE = ZoneInfo("America/Sao_Paulo")
_NAMES = {one.code: one.name for one in health.CHRONIC}
_CLASSES = {"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter"}
_DECISIONS = {"S": ("approved", "1", "complete"), "A": ("in-analysis", "2", "queued"), "N": ("denied", "3", "complete")}
"""State of a guide's item: decision, TISS state, outcome."""


def lines(member: Json, providers: Sequence[Json], seed: int, today: date) -> Iterator[Json]:
    """Everything clinical of a member, and their guides."""
    subject, key = {"reference": f"Patient/{patient_id(member)}"}, member["segurado"]["nr_seq_segurado"]
    for code in member["cadastro"]["cids"]:
        yield {
            "resourceType": "Condition",
            "id": f"{coverage_id(key)}-{code.lower()}",
            "clinicalStatus": concept(HL7 + "condition-clinical", "active"),
            "verificationStatus": concept(HL7 + "condition-ver-status", "confirmed"),
            "category": [concept(HL7 + "condition-category", "problem-list-item")],
            "code": concept(CID10, code, _NAMES[code]),
            "subject": subject,
        }
    for visit in visits(member, providers, seed, today):
        yield _encounter(visit, subject, key)
        if visit.procedure:
            yield from _guide(visit, subject, key)


def guide_number(key: int, visit: Visit) -> str:
    """The provider's number of the guide of a visit."""
    return f"SIM{visit.start:%y}{key:09d}{visit.number:03d}"


def open_guide(guide: Json, member: Json) -> Json:
    """A guide that was submitted and is in analysis, as its ClaimResponse. Tasy contract, 10.3, B-4."""
    number = guide["nr_protocolo"]  # the plan's, the day, six digits
    return {
        "resourceType": "ClaimResponse",
        "id": f"guia-{guide['nr_seq_guia']}",
        "extension": [extension("tasy-status", valueCode=guide["cd_status"])],
        "identifier": [
            *identifier(sid("tasy/guia"), guide["nr_seq_guia"]),
            *identifier(sid("protocolo"), number),
            *identifier(sid("guia-operadora"), guide["cd_guia_operadora"]),
        ],
        "status": "active",
        "type": concept(HL7 + "claim-type", "professional"),
        "use": "preauthorization",
        "patient": {"reference": f"Patient/{patient_id(member)}"},
        "created": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        "insurer": insurer(),
        "outcome": "queued",
    }


def _encounter(visit: Visit, subject: Json, key: int) -> Json:
    organization = visit.provider["ie_tipo_pessoa"] == "J"
    provider = provider_id(visit.provider["nr_seq_prestador"])
    who: Json = (
        {"serviceProvider": {"reference": f"Organization/{provider}"}}
        if organization
        else {"participant": [{"individual": {"reference": f"Practitioner/{provider}"}}]}
    )
    reason = [concept(CID10, visit.reason, _NAMES[visit.reason])] if visit.reason else []
    return without_empty(
        {
            "resourceType": "Encounter",
            "id": f"{coverage_id(key)}-v{visit.number}",
            "status": "finished",
            "class": {"system": HL7 + "v3-ActCode", "code": visit.kind, "display": _CLASSES[visit.kind]},
            "subject": subject,
            "period": {"start": _instant(visit.start), "end": _instant(visit.end)},
            "reasonCode": reason,
            **who,
        }
    )


def _guide(visit: Visit, subject: Json, key: int) -> Iterator[Json]:
    assert visit.procedure is not None
    code, name, cents = visit.procedure
    decision, state, outcome = _DECISIONS[visit.state]
    kind = concept(HL7 + "claim-type", "institutional" if visit.kind == "IMP" else "professional")
    id, created = f"{coverage_id(key)}-g{visit.number}", _instant(visit.start)
    organization = visit.provider["ie_tipo_pessoa"] == "J"
    place = "Organization" if organization else "Practitioner"
    provider = {"reference": f"{place}/{provider_id(visit.provider['nr_seq_prestador'])}"}
    about = {
        "identifier": identifier(sid("guia-prestador"), guide_number(key, visit)),
        "status": "active",
        "type": kind,
        "use": "preauthorization",
        "patient": subject,
        "created": created,
        "insurer": insurer(),
    }
    yield {
        "resourceType": "Claim",
        "id": id,
        **about,
        "provider": provider,
        "priority": concept(HL7 + "processpriority", "stat" if visit.kind == "EMER" else "normal"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": f"Coverage/{coverage_id(key)}"}}],
        "item": [
            {
                "sequence": 1,
                "productOrService": concept(codes("tuss-22"), code, name),
                "quantity": {"value": 1},
                "unitPrice": {"value": cents / 100, "currency": "BRL"},
            }
        ],
    }
    yield {
        "resourceType": "ClaimResponse",
        "id": id,
        "extension": [extension("tasy-status", valueCode=state)],
        **about,
        "requestor": provider,
        "request": {"reference": f"Claim/{id}"},
        "outcome": outcome,
        **({"preAuthRef": f"S{key % 10**6:06d}{visit.number}"} if visit.state == "S" else {}),
        "item": [
            {
                "itemSequence": 1,
                "adjudication": [
                    {"category": concept(codes("decisao"), decision), "value": 1 if visit.state == "S" else 0}
                ],
            }
        ],
    }


def _instant(when: datetime) -> str:
    return when.replace(tzinfo=_ZONE).isoformat()
