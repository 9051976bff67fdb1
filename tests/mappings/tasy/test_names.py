"""Names of an installation's own: there and back is the same, and no field is lost on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import MappingError
from mappings.tasy.names import CONTRACT, Names, NamesUnusable, known, names_of
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, Provider
from mappings.tasy.refusal import refusal_of

ENTITIES = known()


@st.composite
def maps(draw: st.DrawFn) -> tuple[str, Names]:
    """An entity, and a map of some of its fields: to new names, or among themselves."""
    entity = draw(st.sampled_from(sorted(ENTITIES)))
    chosen = draw(st.lists(st.sampled_from(sorted(ENTITIES[entity])), unique=True, max_size=8))
    pool = draw(st.permutations([*chosen, *(f"outro_{number}" for number in range(len(chosen)))]))
    targets = dict(zip(chosen, pool, strict=False))
    return entity, names_of({entity: targets})


def documents(entity: str) -> st.SearchStrategy[Any]:
    """JSON of the contract's fields, in each other to any depth."""
    fields = st.sampled_from(sorted(ENTITIES[entity]))
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
        max_leaves=12,
    )


@given(st.data())
def test_there_and_back_is_the_same(data: st.DataObject) -> None:
    entity, names = data.draw(maps())
    document = data.draw(documents(entity))
    there = names.there(entity, document)
    assert names.here(entity, there) == document
    assert json.loads(names.body(entity, json.dumps(document).encode())) == there
    assert _size(there) == _size(document)


def _size(source: Any) -> int:
    if isinstance(source, dict):
        return len(source) + sum(map(_size, source.values()))
    return sum(map(_size, source)) if isinstance(source, list) else 0


@pytest.mark.parametrize(
    ("fields", "entity", "contract", "own"),
    [
        ({"nr_item": "nr_linha"}, "claim-status", {"contas": [{"itens": [{"nr_item": 1}]}]},
         {"contas": [{"itens": [{"nr_linha": 1}]}]}),
        ({"nr_cpf": "nr_documento", "provider": {"nr_cpf": "nr_cpf_prestador"}}, "provider", {"nr_cpf": "1"},
         {"nr_cpf_prestador": "1"}),
        ({"provider": {"nr_cpf": "x"}}, "eligibility-reply", {"nr_cpf": "1"}, {"nr_cpf": "1"}),
        ({"provider": {"cd_cgc": "nr_cpf", "nr_cpf": "cd_cgc"}}, "provider", {"cd_cgc": 1, "nr_cpf": 2},
         {"nr_cpf": 1, "cd_cgc": 2}),
        ({"nr_seq_prestador": "nr_prest"}, "query", {"nr_seq_prestador": "1"}, {"nr_prest": "1"}),
        ({"cd_motivo": "cd_motivo"}, "cancellation", {"cd_motivo": "2"}, {"cd_motivo": "2"}),
    ],
)  # fmt: skip
def test_tables(fields: dict[str, Any], entity: str, contract: Any, own: Any) -> None:
    names = names_of(fields)
    assert names.there(entity, contract) == own
    assert names.here(entity, own) == contract


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"nr_segurado": "x"}, r"^fields.nr_segurado: is no field of the contract"),
        ({"member": {"nr_cpf": "x"}}, r"^fields.member: is no entity; those are .*provider"),
        ({"provider": {"nr_seq_guia": "x"}}, r"^fields.provider.nr_seq_guia: is no field of that entity"),
        ({"nr_cpf": 1}, r"^fields.nr_cpf: is no name"),
        ({"provider": {"nr_cpf": "com espaço"}}, r"^fields.provider.nr_cpf: is no name"),
        ({"provider": {"nr_cpf": ""}}, r"^fields.provider.nr_cpf: is no name"),
        ({"provider": {"nr_cpf": "cd_cgc"}}, r"^fields.provider.nr_cpf: has the name that cd_cgc has"),
        ({"nr_cpf": "x", "cd_cgc": "x"}, r"^fields.\w+: has the name that \w+ has too, in provider"),
        ({"nr_cpf": "x", "provider": {"cd_cgc": "x"}}, r"has the name that \w+ has too, in provider"),
    ],
)
def test_what_cannot_be_renamed_so(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(NamesUnusable, match=told):
        names_of(fields)


def test_drift_is_counted_by_the_contracts_names() -> None:
    names = names_of({"nr_seq_prestador": "nr_prest", "cd_cep": "cep"})
    body = {
        "nr_prest": 4720,
        "ie_tipo_pessoa": "J",
        "ie_situacao": "A",
        "novo": 1,
        "enderecos": [{"nr_seq": 1, "cep": ""}],
    }
    provider, drift = read(Provider, json.dumps(body).encode(), names)
    assert provider.nr_seq_prestador == 4720
    assert [one.element for one in drift] == ["novo", "enderecos[0].cd_cep"]
    with pytest.raises(MappingError, match="nr_seq_guia"):
        read(AuthorizationReply, b"{}", names)


@pytest.mark.parametrize("first", ["nr_prest", "nr_seq_prestador"])
def test_a_field_by_both_of_its_names_is_refused(first: str) -> None:
    names = names_of({"nr_seq_prestador": "nr_prest"})
    both = dict.fromkeys((first, "nr_prest", "nr_seq_prestador"), 1)
    with pytest.raises(MappingError, match="by both of its names") as refused:
        names.here("provider", {"corpo_clinico": [both]})
    assert refused.value.element == "corpo_clinico[0].nr_seq_prestador"


def test_a_page_is_renamed_and_what_is_on_it_stays_byte_for_byte() -> None:
    names = names_of({"itens": "linhas", "dt_referencia": "dt_ref"})
    page = b'{"linhas":[{"cd_cep": "01" , "itens":[ ]}],"dt_ref":"x","cursor_proximo":null}'
    assert names.page(page) == b'{"itens":[{"cd_cep": "01" , "itens":[ ]}],"dt_referencia":"x","cursor_proximo":null}'
    assert CONTRACT.page(page) is page


def test_refusals() -> None:
    names = names_of({"erro": "falha", "refusal": {"cd_erro": "codigo"}})
    found = refusal_of(200, b'{"falha":{"codigo":"PLS-4221","detalhes":[{"cd_motivo_tiss":"1001"}]}}', names)
    assert found is not None
    assert (found[0].cd_erro, found[1].issue, found[0].detalhes[0].cd_motivo_tiss) == (
        "PLS-4221", "business-rule", "1001",
    )  # fmt: skip
