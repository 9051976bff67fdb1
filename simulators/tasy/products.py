"""What the plan sells: its products, as Tasy tells of them in answers. Tasy contract, section 5."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _product(key: int, name: str, number: str, segment: str, room: str, reach: str, copay: str) -> Json:
    return {
        "nr_seq_plano": key,
        "ds_plano": name,
        "nr_protocolo_ans": number,
        "ie_segmentacao": segment,
        "ie_acomodacao": room,
        "ie_abrangencia": reach,
        "ie_coparticipacao": copay,
    }


PRODUCTS: tuple[Json, ...] = (
    _product(44, "AUSTA EXEMPLO ENFERMARIA", "999001267", "AH", "C", "M", "S"),
    _product(45, "AUSTA EXEMPLO APARTAMENTO", "999002263", "AH", "I", "E", "N"),
    _product(46, "AUSTA EXEMPLO AMBULATORIAL", "999003260", "A", "N", "M", "S"),
    _product(47, "AUSTA EXEMPLO EMPRESA", "999004266", "AH", "C", "E", "S"),
)
"""Nobody's numbers of ANS. A: outpatient, H: hospital; room C: shared, I: of one's own, N: none."""

SHARES = (34, 18, 10, 38)
"""In a hundred contracts."""

WAITING = (("CONSULTAS E EXAMES SIMPLES", 30), ("EXAMES ESPECIAIS", 180), ("INTERNACOES", 180), ("PARTO", 300))
"""Waiting periods: days from the start of a contract."""
TEMPORARY = 730
"""Days in which what a member had before is covered in part (CPT)."""
