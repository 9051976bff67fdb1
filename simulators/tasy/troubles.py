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


REFUSALS: dict[str, tuple[int, str, str]] = {
    "error-in-200": (200, "PLS-4221", "NEGOCIO"),
    "token-expired": (401, "PLS-4011", "SEGURANCA"),
    "wrong-certificate": (401, "PLS-4012", "SEGURANCA"),
    "locked": (423, "PLS-4231", "TRANSITORIO"),
    "rate": (429, "PLS-4291", "TRANSITORIO"),
    "internal": (500, "PLS-5001", "INTERNO"),
    "oracle": (500, "PLS-5002", "INTERNO"),
    "maintenance": (503, "PLS-5031", "TRANSITORIO"),
    "upstream-timeout": (504, "PLS-5041", "TRANSITORIO"),
}
"""Answers without carrying anything out: HTTP status, code, kind."""

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
}
"""Answers that are carried out, and changed on their way back."""

NAMES = (*REFUSALS, *SILENCES, *CHANGES)
