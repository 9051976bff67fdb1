"""Nothing that tells who somebody is leaves, however it is written; and whatever was taken out comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.language_model.pseudonyms import bare, hidden
from care_services.triage.rule_set import rules

DICTIONARY = rules().spelling.usual

GIVEN = ["maria aparecida", "João Pedro", "ana clara", "Thayná", "SEBASTIÃO", "Enzo Gabriel", "zuleica", "Davi"]
FAMILY = ["da Silva", "Tanaka", "de Oliveira Souza", "Haddad", "dos santos", ""]
DIGITS = st.text("0123456789", min_size=7, max_size=20)
SEPARATOR = st.sampled_from(["", ".", "-", " ", "/", "\u200b"])
FRAMES = [
    "{} está com dor no peito", "meu nome é {} e tenho febre", "minha mãe {} caiu", "aqui é o {}, estou tonto",
    "Oi. {} desmaiou agora", "dor de barriga desde ontem, {}", "falei com a {} ontem",
]  # fmt: skip


@given(
    DIGITS, SEPARATOR, st.integers(2, 5), st.sampled_from(["meu cpf é {}", "{}", "cartão:{}.", "liga no {} por favor"])
)
def test_no_long_number_leaves(digits: str, separator: str, every: int, frame: str) -> None:
    written = separator.join(digits[at : at + every] for at in range(0, len(digits), every))
    text = frame.format(written)
    [sent], restore = hidden([text])
    assert not any(c.isdigit() for c in sent.split("[")[0] + sent.rpartition("]")[2])
    assert sum(c.isdigit() for c in sent) <= 2
    assert restore(sent) == text


@given(st.sampled_from(GIVEN), st.sampled_from(FAMILY), st.sampled_from(FRAMES))
def test_no_name_leaves(given: str, family: str, frame: str) -> None:
    name = f"{given} {family}".strip()
    text = frame.format(name)
    [sent], restore = hidden([text], (), DICTIONARY)
    kept = set(bare(sent).replace("[", " ").replace("]", " ").split())
    assert not {bare(part) for part in name.split() if len(part) > 3} & kept, sent
    assert restore(sent) == text


@given(st.lists(st.text(max_size=120), max_size=6))
def test_everything_comes_back(texts: list[str]) -> None:
    sent, restore = hidden(texts, ["Ana"], DICTIONARY)
    assert [restore(one) for one in sent] == texts


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("CPF 123.456.789-09", "123 456 789 09"),
        ("cns 7001 2345 6789 012", "7001 6789"),
        ("(17) 98888-0001", "98888 0001"),
        ("+55 17 98888 0001", "17 98888"),
        ("ana.souza@gmail.com", "ana souza gmail"),
        ("cep 15000-123", "15000 123"),
        ("moro na rua das flores, 123 apto 45", "flores 123 45"),
        ("Av. Bady Bassitt 4500", "Bady Bassitt 4500"),
        ("endereço: travessa do limoeiro", "limoeiro"),
        ("um dois três quatro cinco seis sete oito nove zero zero", "dois oito"),
        ("veja https://perfil.example/ana", "perfil ana"),
        ("minha irma thamyres ta gravida", "thamyres"),
        ("nasci em 12/03/1980", "12/03/1980 1980"),
        ("nascido 12 de março de 1980", "março 1980"),
        ("protocolo 34628920261128000012", "34628920261128000012"),
    ],
)
def test_table_of_cases(text: str, gone: str) -> None:
    [sent], _ = hidden([text], (), DICTIONARY)
    assert not [one for one in gone.split() if one in sent], sent


@pytest.mark.parametrize(
    "text",
    [
        "febre de 38,5 desde ontem", "pressão 18 por 12, glicemia 480", "ESTOU COM DOR NO PEITO E FALTA DE AR",
        "meu filho de 4 anos não acorda", "minha mãe está confusa", "meu marido desmaiou", "socorro, ela não respira",
        "saturação 88", "tomei 3 comprimidos há 2 horas",
    ],
)  # fmt: skip
def test_what_a_story_needs_stays(text: str) -> None:
    assert hidden([text], (), DICTIONARY)[0] == [text]


def test_known_names_go_and_the_same_words_have_one_tag() -> None:
    sent, restore = hidden(["rosa aqui", "a rosa caiu", "[NOME_1] caiu"], ["Rosa Flor"])
    assert sent == ["[NOME_2] aqui", "a [NOME_2] caiu", "[NOME_1] caiu"]
    assert restore("[NOME_2] [NOME_1] [CPF_9]") == "rosa [NOME_1] [CPF_9]"
