"""Tasy's JSON: types of the contract, and drift."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Fault, MappingError
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, Protocol, Provider

PROVIDER: dict[str, Any] = {"nr_seq_prestador": 4720, "ie_tipo_pessoa": "J", "ie_situacao": "A"}


def bytes_of(**changes: Any) -> bytes:
    return json.dumps(PROVIDER | changes).encode()


def test_null_and_absent_are_not_informed() -> None:
    provider, drift = read(Provider, bytes_of(cd_cgc=None))
    assert (provider.cd_cgc, provider.nm_fantasia, provider.enderecos, drift) == (None, None, [], [])


def test_leading_zeros_stay() -> None:
    assert read(Provider, bytes_of(cd_prestador="004720"))[0].cd_prestador == "004720"


@pytest.mark.parametrize(
    ("changes", "drift"),
    [
        ({"nm_fantasia": ""}, [Fault("nm_fantasia", "empty string: nothing that is not known is sent as empty")]),
        ({"ie_novo": 1}, [Fault("ie_novo", "field unknown to the contract")]),
        (
            {"enderecos": [{"nr_seq": 1}, {"nr_seq": 2, "ds_ref": "x"}]},
            [Fault("enderecos[1].ds_ref", "field unknown to the contract")],
        ),
    ],
)
def test_drift(changes: dict[str, Any], drift: list[Fault]) -> None:
    assert read(Provider, bytes_of(**changes))[1] == drift


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"nr_seq_prestador": "4720"}, "nr_seq_prestador"),
        ({"nr_seq_prestador": 10**10}, "nr_seq_prestador"),
        ({"cd_cnes": 9990001}, "cd_cnes"),
        ({"enderecos": [{"nr_seq": 1, "cd_cep": 15015000}]}, "enderecos[0].cd_cep"),
        ({"dt_exclusao": "10/03/2026"}, "dt_exclusao"),
        ({"ie_situacao": None}, "ie_situacao"),
        ({"ie_situacao": ""}, "ie_situacao"),
    ],
)
def test_types_of_the_contract(changes: dict[str, Any], element: str) -> None:
    with pytest.raises(MappingError) as failed:
        read(Provider, bytes_of(**changes))
    assert failed.value.element == element
    assert "15015000" not in str(failed.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(MappingError, match="nr_protocolo"):
        read(AuthorizationReply, b'{"nr_seq_guia":1}')


@pytest.mark.parametrize("money", ["850", "850.0", "8,50", 850.0, "1.000.00"])
def test_money_is_text_with_two_decimals(money: object) -> None:
    bill = {"nr_seq_conta": 1, "vl_apresentado": money, "vl_liberado": "1.00", "vl_glosa": "0.00"}
    body = {"nr_protocolo": "P", "cd_status_protocolo": "1", "nr_seq_prestador": 1, "contas": [bill]}
    with pytest.raises(MappingError, match="vl_apresentado"):
        read(Protocol, json.dumps(body).encode())


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda one: st.lists(one) | st.dictionaries(st.text(max_size=5), one),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_told(body: object) -> None:
    with contextlib.suppress(MappingError):
        assert read(Provider, json.dumps(body).encode())[0].ie_tipo_pessoa
