"""The plan's products as FHIR lines: InsurancePlan, another version each month. Tasy contract, section 10.3, B-3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from simulators.tasy.products import PRODUCTS, TEMPORARY, WAITING
from simulators.tasy.systems import codes, concept, extension, identifier, insurer, known, sid, without_empty

Json = dict[str, Any]

_GROUPS = (
    ("consultas", "Consultas", "A", "Livre", 30, None),
    ("exames-simples", "Exames simples", "A", "Livre", 15, None),
    ("exames-especiais", "Exames especiais", "A", "Autorização prévia, diretriz de utilização (DUT)", 60, None),
    ("terapias", "Terapias", "A", "Autorização prévia", 25, 40),
    ("internacao-clinica", "Internação clínica", "H", "Autorização prévia", 250, None),
    (
        "internacao-cirurgica",
        "Internação cirúrgica",
        "H",
        "Autorização prévia, diretriz de utilização (DUT)",
        250,
        None,
    ),
    ("parto", "Parto", "H", "Autorização prévia", 250, None),
)
"""Group of TUSS codes, name, segment that has it, what it needs, reais that the member pays, sessions a year."""


def lines(today: date) -> Iterator[Json]:
    """Each product as it is from the first of the month on."""
    return (_version(product, today.replace(day=1)) for product in PRODUCTS)


def _version(product: Json, start: date) -> Json:
    key, groups = product["nr_seq_plano"], [one for one in _GROUPS if one[2] in product["ie_segmentacao"]]
    waiting = [
        extension(
            "carencia", extension=[{"url": "descricao", "valueString": name}, {"url": "dias", "valueInteger": days}]
        )
        for name, days in (*WAITING, ("COBERTURA PARCIAL TEMPORARIA", TEMPORARY))
    ]
    return without_empty(
        {
            "resourceType": "InsurancePlan",
            "id": f"plano-{key}",
            "extension": waiting,
            "identifier": [
                *identifier(sid("tasy/plano"), key),
                *identifier(sid("produto-ans"), product["nr_protocolo_ans"]),
            ],
            "status": "active",
            "name": product["ds_plano"],
            "period": {"start": start.isoformat()},
            "ownedBy": insurer(),
            "administeredBy": insurer(),
            "network": [known("Organization", "tasy/rede", key)],
            "coverage": [
                {
                    "type": concept(codes("segmentacao"), product["ie_segmentacao"]),
                    "benefit": [
                        without_empty(
                            {
                                "type": concept(codes("grupo-tuss"), code, name),
                                "requirement": requirement,
                                "limit": [{"value": {"value": limit, "unit": "sessões por ano"}}] if limit else [],
                            }
                        )
                        for code, name, _, requirement, _, limit in groups
                    ],
                }
            ],
            "plan": [
                without_empty(
                    {
                        "type": concept(codes("acomodacao"), product["ie_acomodacao"]),
                        "specificCost": [_copayment(groups)] if product["ie_coparticipacao"] == "S" else [],
                    }
                )
            ],
        }
    )


def _copayment(groups: Sequence[tuple[str, str, str, str, int, int | None]]) -> Json:
    kind = concept(codes("coparticipacao"), "membro", "Paga o membro")
    return {
        "category": concept(codes("coparticipacao"), "fixa", "Valor fixo"),
        "benefit": [
            {
                "type": concept(codes("grupo-tuss"), code, name),
                "cost": [{"type": kind, "value": {"value": amount, "unit": "BRL"}}],
            }
            for code, name, _, _, amount, _ in groups
        ],
    }
