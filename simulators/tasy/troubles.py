"""What goes wrong on demand: each trouble by name, for so many calls of a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Trouble:
    """One trouble that waits for calls."""

    name: str
    path: str = ""
    """Calls whose path begins so, below the base path."""
    times: int = 1
    seconds: float = 30
    """Of a silence, or of Retry-After."""

    def meets(self, path: str) -> bool:
        return self.times > 0 and path.startswith(self.path)


REFUSALS: dict[str, tuple[int, str, str, str]] = {
    "error-in-200": (200, "PLS-4221", "NEGOCIO", "1001"),
    "malformed": (400, "PLS-4001", "FORMATO", ""),
    "wrong-type": (400, "PLS-4002", "FORMATO", ""),
    "unknown-field": (400, "PLS-4003", "FORMATO", ""),
    "token-expired": (401, "PLS-4011", "SEGURANCA", ""),
    "wrong-certificate": (401, "PLS-4012", "SEGURANCA", ""),
    "no-scope": (403, "PLS-4031", "SEGURANCA", ""),
    "establishment": (403, "PLS-4032", "SEGURANCA", ""),
    "state-forbids": (409, "PLS-4093", "CONFLITO", ""),
    "too-large": (413, "PLS-4131", "FORMATO", ""),
    "media-type": (415, "PLS-4151", "FORMATO", ""),
    "no-member": (422, "PLS-4221", "NEGOCIO", "1001"),
    "no-provider": (422, "PLS-4222", "NEGOCIO", "1203"),
    "no-procedure": (422, "PLS-4223", "NEGOCIO", "1801"),
    "validity": (422, "PLS-4224", "NEGOCIO", "1016"),
    "attachment-missing": (422, "PLS-4225", "NEGOCIO", "3052"),
    "locked": (423, "PLS-4231", "TRANSITORIO", ""),
    "rate": (429, "PLS-4291", "TRANSITORIO", ""),
    "internal": (500, "PLS-5001", "INTERNO", ""),
    "oracle": (500, "PLS-5002", "INTERNO", ""),
    "maintenance": (503, "PLS-5031", "TRANSITORIO", ""),
    "upstream-timeout": (504, "PLS-5041", "TRANSITORIO", ""),
}
"""Answers without carrying anything out: HTTP status, code, kind, TISS reason."""

TEXTS = {"oracle": "ORA-00060: deadlock detected while waiting for resource"}
"""What else than "Simulado" an error says."""

SILENCES = ("silence", "silence-after-commit", "hang-up", "hang-up-after-commit")
"""No answer at all: for so many seconds, or the connection ends; before or after the request was carried out."""


def _everywhere(name: str, value: Any) -> Callable[[Json], None]:
    def change(answer: Json) -> None:
        for key, one in answer.items():
            if key == name:
                answer[key] = value
            elif isinstance(one, dict):
                change(one)
            elif isinstance(one, list):
                for inner in one:
                    if isinstance(inner, dict):
                        change(inner)

    return change


def _denied_without_grounds(answer: Json) -> None:
    answer.update(cd_status="3", nm_auditor=None, ie_analise_humana="N")
    for item in answer.get("itens", ()):
        item.update(ie_status="N", qt_autorizada=0, motivos=[{"cd_motivo_tiss": "1438", "ds_motivo": "NAO ATENDE"}])


def _summer_time(answer: Json) -> None:
    """The first half hour of 15 October 2017 is in no clock of São Paulo."""
    for name in ("dt_consulta", "dt_autorizacao"):
        _everywhere(name, "2017-10-15T00:30:00")(answer)


def _drifted(answer: Json) -> None:
    answer.update(ie_campo_novo="1", ds_observacao="")


CHANGES: dict[str, Callable[[Json], None]] = {
    "unknown-state": _everywhere("ie_situacao", "Q"),
    "unknown-item-status": _everywhere("ie_status", "X"),
    "header-says-more": _everywhere("cd_status", "1"),
    "header-says-less": _everywhere("cd_status", "2"),
    "denial-without-grounds": _denied_without_grounds,
    "mojibake": _everywhere("nm_pessoa_fisica", "MARIA DA CONCEIÃ‡ÃƒO"),
    "drift": _drifted,
    "summer-time": _summer_time,
}
"""Answers that are carried out, and changed on their way back."""

NAMES = (*REFUSALS, *SILENCES, *CHANGES)
