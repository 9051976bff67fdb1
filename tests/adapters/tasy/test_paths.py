"""Paths of an installation's own."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tasy.paths import BASE, CONTRACT, PATHS, TOKEN, PathsUnusable, paths_of

GUIDE = "/autorizacoes/{nr_seq_guia}"


def test_without_anything_they_are_the_contracts() -> None:
    assert dict(CONTRACT) == {TOKEN: TOKEN} | {path: BASE + path for path in PATHS}


def test_renamed() -> None:
    found = paths_of({
        BASE: "/erp/v2", TOKEN: "/token", "/autorizacoes": "/pls/guias", f"{GUIDE}/anexos": "/docs/{nr_seq_guia}/novo",
    })  # fmt: skip
    assert found[TOKEN] == "/token"
    assert found["/contas"] == "/erp/v2/contas"
    assert found["/autorizacoes"] == "/erp/v2/pls/guias"
    assert found[f"{GUIDE}/cancelamento"] == "/erp/v2/pls/guias/{nr_seq_guia}/cancelamento"
    assert found[f"{GUIDE}/anexos"] == "/erp/v2/docs/{nr_seq_guia}/novo"


def test_two_that_are_exchanged() -> None:
    found = paths_of({"/contas": "/prestadores", "/prestadores": "/contas"})
    assert found["/prestadores/{nr_seq_prestador}"] == f"{BASE}/contas/{{nr_seq_prestador}}"


@pytest.mark.parametrize(
    ("renamed", "told"),
    [
        ({"/guias": "/x"}, r'^paths."/guias": is no path of the contract'),
        ({"/contas": "x"}, r'^paths."/contas": is no path'),
        ({"/contas": "/x/../y"}, r'^paths."/contas": is no path'),
        ({"/contas": "/x?a=1"}, r'^paths."/contas": is no path'),
        ({"/contas": 1}, r'^paths."/contas": is no path'),
        ({GUIDE: "/guias"}, r"needs the parameters"),
        ({GUIDE: "/guias/{numero}"}, r"needs the parameters"),
        ({"/contas": "/x/{nr_seq_conta}"}, r"needs the parameters"),
        ({"/contas": "/prestadores"}, r'^paths."/contas": is where /prestadores is too'),
        (
            {"/protocolos/{nr_protocolo}": "/autorizacoes/{nr_protocolo}"},
            r"is where /autorizacoes/\{nr_seq_guia\} is too",
        ),
    ],
)
def test_what_cannot_be_renamed_so(renamed: dict[str, Any], told: str) -> None:
    with pytest.raises(PathsUnusable, match=told):
        paths_of(renamed)
