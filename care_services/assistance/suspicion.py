"""Texts that speak to a model instead of a person: it is not asked about them. Pure.

The care services' contract, section 8.
Rules read such a text like any other. A false alarm costs an answer of the model, nothing else.
"""

from __future__ import annotations

import re

from care_services.chat.keywords import plain

_ORDERS = re.compile(
    r"\b(?:ignor(?:e|a|ar|em)|desconsider(?:e|a|ar|em)|esque(?:ca|ce|cer|cam)|"
    r"descart(?:e|ar)|forget|disregard|override)\b(?: \w+){0,6}? "
    r"(?:regras?|instruc\w*|instruct\w*|orientac\w*|prompts?|rules?|anterior\w*|previous|acima|above|tudo|system\w*)\b|"
    r"\b(?:system|developer|sistema) ?(?:prompt|message|mensagem|instruc\w*)\b|\bprompt (?:do|de) sistema\b|"
    r"\b(?:jailbreak|modo desenvolvedor|developer mode|prompt injection)\b|"
    r"\b(?:aja|atue|comporte se|responda) como (?:se fosse|um|uma)\b|\bfinja (?:que|ser)\b|\bact as\b|\byou are now\b|"
    r"\b(?:voce|vc) (?:agora )?e (?:agora )?(?:um|uma) (?:ia|modelo|assistente|chatbot|robo|medic[oa])\b|"
    r"\b(?:responda|retorne|devolva|diga) (?:apenas|somente|so) (?:com )?(?:json|nao urgente|non urgent|level)|"
    r"\b(?:classifi\w+|marque|defina|coloque|registre|rebaixe|baixe)(?: \w+){0,5}? "
    r"(?:nao urgente|nao e urgente|non urgent|baix[ao]|azul|verde)\b|"
    r"\b(?:nivel|level|urgencia) (?:nao urgente|non ?urgent|azul|verde|baix[ao])\b"
)
_MARKS = re.compile(
    r"<\|?/?\s*(?:im_start|im_end|system|assistant|user|inst|turn|endoftext)\b|\[/?INST\]|<<SYS>>|"
    r"^\s*(?:#+\s*)?(?:system|assistant|developer|sistema|assistente|instru[cç][oõ]es|instructions?)\s*:|```|"
    r"[{\[]\s*\"(?:findings|role|level|present|about_whom|sentences|turns?|messages)\"|\"present\"\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_BLOCK = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_CODED = re.compile(r"(?:%[0-9a-fA-F]{2}){4,}|(?:\\[ux][0-9a-fA-F]{2,4}){3,}|(?:&#x?[0-9a-fA-F]+;){3,}|"
                    r"(?:\b[01]{8}\b\s*){4,}|(?:\b[0-9a-fA-F]{2}\b[\s:]){12,}")  # fmt: skip


def suspicious(text: str) -> str | None:
    """Why a text is not given to a model: order, marks, hidden or encoded; None: it may be."""
    if _ORDERS.search(plain(text)):
        return "order"
    if _MARKS.search(text):
        return "marks"
    if _HIDDEN.search(text):
        return "hidden"
    if _CODED.search(text) or any(_looks_coded(one) for one in _BLOCK.findall(text)):
        return "encoded"
    return None


def _looks_coded(block: str) -> bool:
    """Whether a long run of letters is no word: letters of both cases with digits, or all hexadecimal."""
    mixed = any(c.isdigit() for c in block) and any(c.islower() for c in block) and any(c.isupper() for c in block)
    return mixed or (len(block) >= 32 and all(c in "0123456789abcdefABCDEF" for c in block) and not block.isdigit())
