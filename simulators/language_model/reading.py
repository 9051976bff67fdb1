"""How the simulated model reads turns and passages when it means well: phrases and words in common. Pure.

It says only what the schema of the request lets it say, and quotes literally, as a good model would.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

PHRASES: Mapping[str, str] = {
    "chest_pain": r"(?:dor|aperto|peso|pontada|queimacao|fisgada)\w* (?:\w+ ){0,2}(?:peito|torax)|"
    r"(?:elefante|tijolo|pedra) (?:\w+ ){0,3}peito",
    "dyspnea": r"falta de ar|sem folego|(?:puxar|faltando) o ar|folego curto|ar nao entra",
    "face_droop": r"(?:boca|rosto|cara)(?: \w+){0,2} (?:tort[ao]|cai(?:u|d[ao])|repuxad[ao])",
    "speech_trouble": r"fala(?:ndo)? (?:enrolad\w+|embolad\w+|arrastad\w+)|voz (?:de )?bebad[ao]",
    "one_side_weak": r"(?:braco|perna|lado)(?: \w+){0,2} (?:mol\w+|dormente\w*|nao (?:mexe|responde|obedece))",
    "unconscious": r"nao acorda|desacordad[ao]|nao responde a nada",
    "seizure": r"convuls\w+|se debatendo|ataque epileptico",
    "fainted": r"desmai\w+|apagou",
    "confused": r"confus[ao]|nao fala coisa com coisa|trocando as palavras",
    "fever": r"febre|febril|ardendo em febre",
    "headache": r"(?:dor|pressao) (?:de|na) cabeca|cabeca (?:doendo|latejando|estourando)",
    "vomiting": r"vomit\w+|botando (?:tudo )?para fora",
    "diarrhea": r"diarreia|intestino solto|desarranjo",
    "dizzy": r"tont\w+|tudo rodando|vertigem",
    "belly_pain": r"(?:dor|colica)\w* (?:\w+ ){0,2}(?:barriga|abdomen|estomago)",
    "bleeding": r"sangr\w+|sangue",
    "cough_cold": r"tosse|tossindo|resfriad\w+|gripad\w+|nariz (?:entupido|escorrendo)",
    "throat_ear": r"(?:dor|arranhando) (?:de|na|no) (?:garganta|ouvido)",
    "rash": r"manchas|brotoej\w+|empolad\w+",
    "palpitations": r"coracao (?:disparad\w+|acelerad\w+|batendo forte)|palpita\w+",
    "sweating": r"suor frio|suando frio|suadouro",
    "suicide_thought": r"queria sumir|sumir do mapa|nao (?:vejo|tem) (?:mais )?(?:sentido|saida)|cansei de viver",
    "back_pain": r"dor (?:nas|de) (?:costas|coluna)|travei a coluna",
    "urinary": r"ardencia (?:ao|para) (?:urinar|fazer xixi)|xixi (?:ardendo|com sangue)",
    "fatigue": r"cansac\w+|fraqueza|moleza|sem energia",
}
_DENIED = re.compile(r"(?:\bnao|\bsem|\bnunca|\bnem|\bnega)\b(?: \w+){0,3} ?$")
_PIECE = re.compile(r"\s+|[.,;!?]")
_INTENTS: Mapping[str, str] = {
    "authorization_request": r"autoriza|guia|liberacao|pedido de exame",
    "appointment_booking": r"marcar|consulta|agendar|horario",
    "medication_question": r"remedio|comprimido|receita|dose",
    "general_inquiry": r"boleto|carteirinha|endereco|telefone|rede|reembolso|carencia",
}
_PERSON = re.compile(r"atendente|falar com (?:alguem|uma pessoa)|humano")
_DISTRESS = re.compile(r"desesper|pelo amor de deus|nao aguento|muito medo|apavorad")
_CHILD = re.compile(r"\b(?:bebe|crianca|meu filho|minha filha|filhinh[ao])\b")
_OTHER = re.compile(r"\b(?:minha? (?:mae|pai|avo|esposa|marido|irma|irmao|sogra)|meu (?:pai|avo|marido|irmao))\b")
_AGE = re.compile(r"\b(\d{1,3}) anos\b")


def folded(text: str) -> str:
    """Lower case without accents, letter for letter."""
    return "".join((unicodedata.normalize("NFD", one)[0] if one.strip() else one).lower()[:1] for one in text)


def extraction(turns: Sequence[Json], codes: Collection[str]) -> Json:
    """What it finds in turns (`turn`, `who`, `text`). codes: it may use."""
    told = [one for one in turns if one.get("who") == "member"]
    whole = " ".join(folded(one["text"]) for one in told)
    found: list[Json] = []
    for one in told:
        plain = folded(one["text"])
        for code, phrase in PHRASES.items():
            hit = re.search(phrase, plain) if code in codes else None
            if hit is not None and not any(other["code"] == code for other in found):
                denied = _DENIED.search(plain[: hit.start()]) is not None
                found.append(
                    {
                        "code": code, "present": "no" if denied else "yes", "onset": None, "severity": None,
                        "quote": one["text"][hit.start() : hit.end()], "turn": one["turn"],
                    }
                )  # fmt: skip
    age = _AGE.search(whole)
    intents = [name for name, word in _INTENTS.items() if re.search(word, whole)]
    if any(one["present"] == "yes" for one in found):
        intents.insert(0, "symptom_report")
    return {
        "about_whom": "child" if _CHILD.search(whole) else "other" if _OTHER.search(whole) else None,
        "age": int(age[1]) if age and int(age[1]) <= 120 else None,
        "pregnant": True if "gravida" in whole and "nao estou gravida" not in whole else None,
        "findings": found,
        "intents": intents,
        "asks_human": bool(_PERSON.search(whole)),
        "distress": bool(_DISTRESS.search(whole)),
    }


def phrasing(passages: Sequence[Json], question: str) -> Json:
    """An answer out of passages (`id`, `text`): the one with most words of the question, sentence by sentence."""
    asked = {word for word in _PIECE.split(folded(question)) if len(word) > 3}
    best = max(passages, key=lambda one: len(asked & set(_PIECE.split(folded(one["text"])))), default=None)
    if best is None:
        return {"sentences": []}
    sentences = re.split(r"(?<=[.!?])\s+", best["text"])
    return {"sentences": [{"text": one, "passages": [best["id"]]} for one in sentences if one]}
