"""What stays of a body that is masked, and what never does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hub.operations.masking import CHANGED, MASK, masked
from mappings.tasy.names import names_of

PATIENT = {
    "resourceType": "Patient", "id": "seg-880012", "meta": {"lastUpdated": "2026-03-10T14:20:00.000Z"},
    "text": {"status": "generated", "div": "<div>MARIA</div>"},
    "identifier": [{"system": "https://saude.gov.br/fhir/sid/cpf", "value": "52998224725"}],
    "name": [{"use": "official", "family": "SILVA", "given": ["MARIA"]}], "gender": "female",
    "birthDate": "1980-05-15", "active": True,
    "telecom": [{"system": "phone", "value": "17 3000-0000"}],
    "address": [{"city": "CATANDUVA", "postalCode": "15015000"}],
    "managingOrganization": {"reference": "Organization/pre-1", "display": "AUSTA"},
}  # fmt: skip


def test_a_patient() -> None:
    assert masked(PATIENT) == {
        "resourceType": "Patient", "id": "seg-880012", "meta": {"lastUpdated": "2026-03-10T14:20:00.000Z"},
        "text": {"status": "generated", "div": MASK},
        "identifier": [{"system": "https://saude.gov.br/fhir/sid/cpf", "value": MASK}],
        "name": [{"use": "official", "family": MASK, "given": [MASK]}], "gender": "female",
        "birthDate": MASK, "active": True, "telecom": [{"system": "phone", "value": MASK}],
        "address": [{"city": MASK, "postalCode": MASK}],
        "managingOrganization": {"reference": "Organization/pre-1", "display": MASK},
    }  # fmt: skip


def test_a_guide_of_the_erp() -> None:
    guide = {
        "cd_guia_prestador": "HUB26000000123", "cd_usuario_plano": "00900000001234567", "nr_cpf": "52998224725",
        "ie_carater": "E", "dt_solicitacao": "2026-03-10T14:25:00", "dt_nascimento": "1980-05-15",
        "nm_pessoa_fisica": "MARIA", "ds_indicacao_clinica": "CEFALEIA", "vl_apresentado": "850.00",
        "itens": [{"nr_item": 1, "cd_procedimento": "41101014"}], "nr_telefone": 1730000000, "cd_senha": "A7K29Q",
        "nr_protocolo": "99999720260310000123", "qt_x": Decimal("1.50"), "cd_outro": "52998224725",
    }  # fmt: skip
    kept = {name: value for name, value in masked(guide).items() if value != MASK}
    assert kept == {
        "cd_guia_prestador": "HUB26000000123", "ie_carater": "E", "dt_solicitacao": "2026-03-10T14:25:00",
        "vl_apresentado": "850.00", "itens": [{"nr_item": 1, "cd_procedimento": "41101014"}],
        "nr_protocolo": "99999720260310000123", "qt_x": Decimal("1.50"),
    }  # fmt: skip


def test_of_what_is_masked_it_is_told_whether_it_changed() -> None:
    after = json.loads(json.dumps(PATIENT))
    after["identifier"][0]["value"] = "11144477735"
    after["name"].append({"family": "SOUZA"})
    found = masked(after, PATIENT)
    assert found["identifier"][0]["value"] == CHANGED
    assert [one["family"] for one in found["name"]] == [MASK, CHANGED]
    assert found["birthDate"] == MASK


@pytest.mark.parametrize("text", ["MARIA DA SILVA", "paciente com cefaleia", "maria@example.org"])
@pytest.mark.parametrize("name", ["code", "display", "value", "cd_x", "url", "text", "reference"])
def test_no_words_whatever_member_they_are_in(name: str, text: str) -> None:
    assert text not in json.dumps(masked({"a": [{name: text}]}), ensure_ascii=False)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=20,
)


@given(body=JSON, secret=some.text(alphabet="ÁÉÍÓÚÇÃ ", min_size=3, max_size=20))
def test_names_never_stay(body: Any, secret: str) -> None:
    for name in ("code", "cd_x", "value", secret):
        assert secret not in json.dumps(masked({"x": body, "y": {name: secret, "z": [secret]}}), ensure_ascii=False)


@given(body=JSON)
def test_the_shape_stays(body: Any) -> None:
    found = masked(body)
    assert isinstance(found, list) == isinstance(body, list)
    assert found == masked(body, body)


def test_names_of_an_installation_are_masked_as_what_they_stand_for() -> None:
    own = {"dt_nascimento": "dt_nasc", "cd_usuario_plano": "cd_carteira", "nm_pessoa_fisica": "cd_nome",
           "cd_status": "cd_situacao"}  # fmt: skip
    body = {"dt_nasc": "1980-05-15", "cd_carteira": "0090", "cd_nome": "MARIA", "cd_situacao": "7"}
    shown = {**dict.fromkeys(body, MASK), "cd_situacao": "7"}
    assert masked(body, meant=names_of(own).meant) == shown
