"""What names the object of a callback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.tasy.callbacks import key_of
from mappings.tasy.names import names_of
from simulators.tasy.dialect import Dialect

FIELDS = {"nr_seq_guia": "nr_guia", "nr_protocolo": "protocolo", "nr_seq_prestador": "nr_prest"}


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("autorizacoes", {"nr_seq_guia": 5500321}, "5500321"),
        ("contas", {"nr_protocolo": "PC2026030000045"}, "PC2026030000045"),
        ("prestadores", {"nr_seq_prestador": 4720}, "4720"),
        ("prestadores", {"nr_seq_prestador": True}, None),
        ("autorizacoes", {"nr_seq_guia": "1; x"}, None),
        ("contas", [], None),
    ],
)
def test_key(kind: str, body: Any, key: str | None) -> None:
    assert key_of(kind, json.dumps(body).encode()) == key
    own = json.dumps(Dialect(fields=FIELDS).says(body)).encode()
    assert key_of(kind, own, names_of(FIELDS)) == key
    assert key_of(kind, own) is None
