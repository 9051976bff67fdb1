"""Texts as members might write them, made of the grammar: what the classifier learns from. The same each time."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

GRAMMAR = Path(__file__).parent / "grammar.toml"
VOCABULARY = Path(__file__).parents[1] / "entities" / "vocabulary.toml"
SEED = 20261
_SLOT = re.compile(r"\{(\w+)\}")
_BEFORE = (
    "oi", "olá", "bom dia", "boa tarde", "boa noite", "oi bom dia", "boa tarde tudo bem?", "oi, tudo bem?", "por favor",
    "gente", "moça", "olha", "então", "seguinte", "é o seguinte", "deixa eu explicar", "deixa eu te perguntar",
    "por gentileza", "prezados", "doutora", "me ajuda", "uma dúvida", "uma pergunta", "só uma dúvida", "viu", "ei",
    "sou a Maria", "meu nome é José", "aqui é a Ana", "sou cliente de vocês", "tenho o plano de vocês", "com licença",
    "desculpa incomodar", "não sei se é aqui", "vocês podem me ajudar?", "preciso de uma ajuda", "cara", "oxe", "uai", "bah",
    "nossa", "poxa", "seguinte moça", "então é o seguinte", "escuta", "me diz uma coisa", "me fala uma coisa", "pessoal",
)  # fmt: skip
_AFTER = (
    "por favor", "obrigado", "obrigada", "desde já agradeço", "pode me ajudar?", "aguardo", "pf", "pfv", "por gentileza",
    "urgente", "o que eu faço?", "me ajuda", "fico no aguardo", "viu", "tá?", "né", "sabe", "ok?", "beleza?", "como faço?",
    "alguém pode ver?", "o que faço", "pode ser?", "é isso", "e agora", "me responde", "!!", "caramba", "gente",
)  # fmt: skip
_ASIDE = (
    "ela tem 70 anos", "ele tem 5 anos", "eu moro sozinha", "já liguei e ninguém atende", "meu cpf é 12345678900",
    "já faz tempo", "tô no trabalho agora", "o doutor falou ontem", "fui na consulta semana passada", "não entendi direito",
    "minha irmã que falou", "a moça da recepção me disse", "entende?", "sou titular do plano", "é a primeira vez que falo aqui",
    "tô preocupada", "minha mãe que pediu", "a gente mora longe", "eu trabalho o dia todo", "meu convênio é o básico",
)  # fmt: skip


def samples(each: int) -> Iterator[tuple[str, str]]:
    """Text and intent, as many of each intent."""
    grammar = tomllib.loads(GRAMMAR.read_text(encoding="utf-8"))
    slots = {name: said.split("|") for name, said in grammar["slots"].items()}
    for kind, names in tomllib.loads(VOCABULARY.read_text(encoding="utf-8")).items():
        forms = [form for name in names.values() for form in name if not form.endswith("*") and len(form) > 2]
        slots[kind] = [*slots.get(kind, ()) * 3, *forms]
    chance = random.Random(SEED)
    for intent, templates in grammar["templates"].items():
        lines = templates.strip().splitlines()
        order = [at % len(lines) for at in range(each)]
        for at in order:
            yield said(lines[at], slots, chance, short=intent in ("greeting", "thanks")), intent


def said(template: str, slots: Mapping[str, Sequence[str]], chance: random.Random, short: bool) -> str:
    """One text of a template: slots filled, with courtesies, asides, words left out and slips of typing."""
    text = _SLOT.sub(lambda slot: chance.choice(slots[slot[1]]), template)
    return varied(text, chance, short)


def varied(text: str, chance: random.Random, short: bool = False) -> str:
    """The text with courtesies, asides, words left out and slips of typing."""
    if not short:
        if chance.random() < 0.35:
            text = f"{chance.choice(_BEFORE)}{chance.choice((' ', ', ', '. '))}{text}"
        if chance.random() < 0.12:
            text = f"{chance.choice(_ASIDE)}{chance.choice((', ', '. ', ' e '))}{text}"
        if chance.random() < 0.12:
            text = f"{text}{chance.choice((', ', '. ', ' '))}{chance.choice(_ASIDE)}"
        if chance.random() < 0.25:
            text = f"{text}{chance.choice((' ', ', ', '. '))}{chance.choice(_AFTER)}"
    words = text.split(" ")
    if len(words) > 3 and chance.random() < 0.3:
        del words[chance.randrange(len(words))]
    return " ".join(_slip(word, chance) if len(word) > 3 and chance.random() < 0.04 else word for word in words)


def _slip(word: str, chance: random.Random) -> str:
    """One letter left out, doubled, or swapped with the next."""
    at = chance.randrange(len(word) - 1)
    return chance.choice(
        (word[:at] + word[at + 1 :], word[:at] + word[at] * 2 + word[at + 1 :],
         word[:at] + word[at + 1] + word[at] + word[at + 2 :])
    )  # fmt: skip
