"""A protocol of bills -> ClaimResponses, and PaymentReconciliation once it is paid. Contract section 8.

https://hl7.org/fhir/R4/claimresponse.html, https://hl7.org/fhir/R4/paymentreconciliation.html
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from mappings.errors import Fault
from mappings.identifiers import coding, concept, identifier
from mappings.tasy.eligibility import denial
from mappings.tasy.records import Bill, BillItem, Protocol, Reason
from mappings.tasy.site import Site
from mappings.tasy.times import instant
from mappings.terminology import table

Json = Any

_PAID = "6"
_TOLERANCE = Decimal("0.01")
_ADJUDICATION = "http://terminology.hl7.org/CodeSystem/adjudication"
_CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"


def to_claim_responses(
    protocol: Protocol, patients: dict[int, Json], site: Site, now: datetime
) -> tuple[list[Json], list[Fault]]:
    """A ClaimResponse for each bill whose patient is known, a PaymentReconciliation when all is paid, and faults.

    patients: reference to the Patient, by `nr_seq_conta`: the protocol does not say whose a bill is, the hub knows by
    the guide. now: local time of the establishment. Raises MappingError: a state in no table.
    """
    faults = sums(protocol)
    outcome = table("protocol-status").to(protocol.cd_status_protocolo, "cd_status_protocolo")
    resources: list[Json] = []
    for number, bill in enumerate(protocol.contas):
        patient = patients.get(bill.nr_seq_conta)
        if patient is None:
            faults.append(Fault(f"contas[{number}]", "nobody knows whose bill this is", "mismatch"))
        else:
            resources.append(_response(bill, patient, protocol, outcome, site, now))
    if protocol.cd_status_protocolo == _PAID and protocol.contas:
        resources.append(_payment(protocol, site, now))
    return resources, faults


def sums(protocol: Protocol) -> list[Fault]:
    """Where what was presented is not what was allowed and denied together, by item, bill and protocol."""
    faults: list[Fault] = []

    def hold(at: str, presented: Decimal, allowed: Decimal, denied: Decimal) -> None:
        if abs(presented - allowed - denied) > _TOLERANCE:
            faults.append(Fault(at, "presented is not allowed and denied together", "mismatch"))

    totals = [Decimal(0)] * 3
    for number, bill in enumerate(protocol.contas):
        values = [Decimal(one) for one in (bill.vl_apresentado, bill.vl_liberado, bill.vl_glosa)]
        hold(f"contas[{number}]", values[0], values[1], values[2])
        for place, item in enumerate(bill.itens):
            at = f"contas[{number}].itens[{place}]"
            hold(at, Decimal(item.vl_apresentado), Decimal(item.vl_liberado), _denied(item))
        if bill.itens:
            items = [
                sum((Decimal(one) for one in column), Decimal(0))
                for column in zip(*((i.vl_apresentado, i.vl_liberado) for i in bill.itens), strict=True)
            ]
            if any(abs(one - whole) > _TOLERANCE for one, whole in zip(items, values, strict=False)):
                faults.append(Fault(f"contas[{number}]", "is not what its items are together", "mismatch"))
        totals = [total + value for total, value in zip(totals, values, strict=True)]
    hold("contas", *totals)
    return faults


def _denied(item: BillItem) -> Decimal:
    return sum((Decimal(one.vl_glosa) for one in item.glosas), Decimal(0))


def _money(value: str | Decimal) -> Json:
    return {"value": Decimal(value), "currency": "BRL"}


def _amount(code: str, value: str | Decimal, reason: Json | None = None) -> Json:
    return {
        "category": concept(coding(_ADJUDICATION, code)),
        **({"reason": reason} if reason else {}),
        "amount": _money(value),
    }


def _response(bill: Bill, patient: Json, protocol: Protocol, outcome: str, site: Site, now: datetime) -> Json:
    systems = site.systems
    request = identifier(systems.sid("guia-prestador"), bill.cd_guia_prestador)
    total = [_amount("submitted", bill.vl_apresentado), _amount("benefit", bill.vl_liberado)]
    if bill.vl_coparticipacao is not None:
        total.append(_amount("copay", bill.vl_coparticipacao))
    return {
        "resourceType": "ClaimResponse",
        "id": f"conta-{bill.nr_seq_conta}",
        "extension": [{"url": systems.extension("tasy-status"), "valueCode": protocol.cd_status_protocolo}],
        "identifier": [
            *identifier(systems.sid("tasy/conta"), bill.nr_seq_conta),
            *identifier(systems.sid("tasy/protocolo"), protocol.nr_protocolo),
        ],
        "status": "cancelled" if protocol.cd_status_protocolo == "9" else "active",
        "type": concept(coding(_CLAIM_TYPE, "professional")),
        "use": "claim",
        "patient": patient,
        "created": instant(now, site.zone),
        "insurer": site.insurer(),
        "requestor": site.reference("Organization", "tasy/prestador", protocol.nr_seq_prestador),
        **({"request": {"type": "Claim", "identifier": request[0]}} if request else {}),
        "outcome": outcome,
        "disposition": table("protocol-status").displays[protocol.cd_status_protocolo] + ".",
        **({"preAuthRef": bill.cd_senha} if bill.cd_senha else {}),
        **({"item": [_item(item, site) for item in bill.itens]} if bill.itens else {}),
        "total": total,
    }


def _item(item: BillItem, site: Site) -> Json:
    return {
        "itemSequence": item.nr_item,
        "adjudication": [
            _amount("submitted", item.vl_apresentado),
            _amount("benefit", item.vl_liberado),
            *(
                _amount("noncovered", one.vl_glosa, denial(Reason(cd_motivo_tiss=one.cd_motivo_tiss), site))
                for one in item.glosas
            ),
        ],
    }


def _payment(protocol: Protocol, site: Site, now: datetime) -> Json:
    systems = site.systems
    paid = sum((Decimal(bill.vl_liberado) for bill in protocol.contas), Decimal(0))
    due = protocol.dt_previsao_pagamento or now.date()
    return {
        "resourceType": "PaymentReconciliation",
        "id": f"protocolo-{protocol.nr_protocolo}",
        "identifier": identifier(systems.sid("tasy/protocolo"), protocol.nr_protocolo),
        "status": "active",
        "created": instant(now, site.zone),
        "paymentIssuer": site.insurer(),
        "requestor": site.reference("Organization", "tasy/prestador", protocol.nr_seq_prestador),
        "outcome": "complete",
        "paymentDate": due.isoformat(),
        "paymentAmount": _money(paid),
        "detail": [
            {
                "identifier": identifier(systems.sid("tasy/conta"), bill.nr_seq_conta)[0],
                "type": concept(coding("http://terminology.hl7.org/CodeSystem/payment-type", "payment")),
                "response": {"reference": f"ClaimResponse/conta-{bill.nr_seq_conta}"},
                "amount": _money(bill.vl_liberado),
            }
            for bill in protocol.contas
        ],
    }
