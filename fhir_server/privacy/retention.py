"""How long each class of data must be kept in Brazil, and why: the table, and what it says of a record. Pure.

The law is cited by statute and article; `confirm` says what counsel must confirm before a release. The table has a
version, which every decision names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fhir_server.privacy.browsers import is_browser
from fhir_server.privacy.purposes import SYSTEM as PURPOSE

VERSION = "2026-2"
SYSTEM = "urn:fhir-hub:CodeSystem:retention-class"

FROM_ITSELF, FROM_LAST, WITH_OTHERS = "itself", "last", "others"
"""What a term counts from: the entry, the last entry of its class; or there is none and it stays with the others."""


@dataclass(frozen=True, slots=True)
class DataClass:
    """One class of data."""

    code: str
    title: str
    what: str
    """For the person."""
    years: int
    """To be kept; 0: erased when it is asked for."""
    counts: str
    """FROM_ITSELF, FROM_LAST or WITH_OTHERS."""
    sources: tuple[str, ...]
    confirm: str = ""
    """What counsel must confirm; "": nothing."""


_ERASED = ("LGPD (Lei 13.709/2018), art. 8º, § 5º, art. 15, III e art. 18, VI",)
_DUTY = "LGPD (Lei 13.709/2018), art. 16, I"
_CONSUMER = "Código de Defesa do Consumidor (Lei 8.078/1990), art. 27 (5 anos)"

CLASSES: Mapping[str, DataClass] = {
    one.code: one
    for one in (
        DataClass(
            "consented", "Dados usados só com o seu consentimento",
            "O que foi registrado para bem-estar, pontos de saúde, pesquisa ou ofertas.", 0, FROM_ITSELF, _ERASED,
        ),
        DataClass(
            "self-recorded", "Medidas que você mesmo registrou",
            "Medidas e fotos suas ou dos seus aparelhos que nenhum atendimento usou, e os navegadores em que você é"
            " avisado.", 0, FROM_ITSELF, _ERASED,
            "se medidas enviadas pelo titular e não usadas em atendimento ficam fora do prontuário (Resolução CFM"
            " 1.638/2002, art. 1º)",
        ),
        DataClass(
            "chart", "Prontuário",
            "Consultas, diagnósticos, exames, receitas, documentos e tudo o que foi registrado para cuidar de você.",
            20, FROM_LAST, ("Lei 13.787/2018, art. 6º, caput e § 5º (20 anos a partir do último registro)", _DUTY),
            "prazos diferenciados em regulamento (Lei 13.787/2018, art. 6º, § 1º) e a guarda permanente que a Resolução"
            " CFM 1.821/2007, art. 7º pedia",
        ),
        DataClass(
            "claims", "Contas e uso do plano",
            "Guias, contas, autorizações, reembolsos e a sua cobertura.", 10, FROM_ITSELF,
            (
                "Lei 9.613/1998, art. 10, § 2º e RN ANS 529/2022 (5 anos)",
                "CTN (Lei 5.172/1966), arts. 173 e 174 (5 anos)",
                "Código Civil (Lei 10.406/2002), art. 205 (10 anos; defesa de direitos: LGPD, art. 11, II, d)",
            ),
            "os 10 anos, e o que a ANS pede para dados do padrão TISS",
        ),
        DataClass(
            "service", "Mensagens e atendimento da operadora",
            "As conversas com a operadora e os avisos que você recebeu.", 2, FROM_ITSELF,
            ("Decreto 11.034/2022 (SAC), histórico das demandas (2 anos)", _DUTY),
            "artigo e início da contagem (da solução da demanda)",
        ),
        DataClass(
            "complaint", "Reclamações", "Mensagens que fazem parte de uma reclamação.", 5, FROM_ITSELF, (_CONSUMER,),
            "se basta a prescrição do CDC",
        ),
        DataClass(
            "consent", "Consentimentos",
            "O que você autorizou e quando; é a prova de que você disse sim ou não.", 5, FROM_ITSELF,
            ("LGPD (Lei 13.709/2018), art. 8º, § 2º (prova do consentimento)", _CONSUMER),
            "os 5 anos depois do fim do consentimento",
        ),
        DataClass(
            "request", "Os seus pedidos", "Pedidos de correção e de eliminação, e as respostas.", 5, FROM_ITSELF,
            ("LGPD (Lei 13.709/2018), art. 6º, X e art. 37", _CONSUMER), "os 5 anos",
        ),
        DataClass(
            "provenance", "Origem dos registros", "Quem registrou o quê: fica com o registro de que fala.", 0,
            WITH_OTHERS, ("Lei 13.787/2018, art. 2º (integridade e autenticidade)",),
        ),
        DataClass(
            "identity", "Cadastro", "Nome, documentos e contatos: ficam enquanto outro dado tiver de ficar.", 0,
            WITH_OTHERS, (_DUTY,),
        ),
        DataClass(
            "audit", "Registro de acessos", "Quem viu ou mudou os seus dados, e quando.", 5, FROM_ITSELF,
            ("Marco Civil da Internet (Lei 12.965/2014), art. 15 (6 meses)",
             "LGPD (Lei 13.709/2018), art. 37 e art. 46", _CONSUMER), "os 5 anos",
        ),
    )
}  # fmt: skip
"""Code -> class."""

_CLAIMS = frozenset(
    (
        "Account", "ChargeItem", "Claim", "ClaimResponse", "Coverage", "CoverageEligibilityRequest",
        "CoverageEligibilityResponse", "EnrollmentRequest", "ExplanationOfBenefit", "Invoice",
    )
)  # fmt: skip
_BY_TYPE: Mapping[str, str] = {
    **dict.fromkeys(_CLAIMS, "claims"),
    **dict.fromkeys(("Communication", "CommunicationRequest"), "service"),
    "Consent": "consent", "Task": "request", "Provenance": "provenance",
    **dict.fromkeys(("Patient", "RelatedPerson", "Person"), "identity"),
}  # fmt: skip
"""Type -> class; of all others the chart, which is kept the longest."""
BY_CONSENT = frozenset({"wellness", "healthpoints", "research", "marketing"})
"""Purposes by whose code in meta.tag a resource says that it is there by consent alone."""
_USED = ("encounter", "basedOn", "partOf", "derivedFrom", "hasMember")
"""Elements by which care has used a measurement."""
_OWN = ("Patient", "RelatedPerson")


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of a record, as far as its retention goes."""

    rid: int
    data_class: str
    at: int
    """When it was last written: microseconds since 1970 UTC."""
    active: bool = False
    """Still in force, so that no term has begun."""


@dataclass(slots=True)
class Verdict:
    """What becomes of a class."""

    erased: list[int] = field(default_factory=list)
    """rids of what may go."""
    kept: list[int] = field(default_factory=list)
    until: date | None = None
    """Until when the last of what is kept must be, as far as that is known."""


def class_of(resource: Mapping[str, Any]) -> str:
    """The class of a resource, by its content. In doubt it is the one that is kept longer."""
    kind = resource["resourceType"]
    if _tags(resource, PURPOSE) & BY_CONSENT and kind not in ("Consent", "Task", "Patient"):
        return "consented"
    if kind in ("Observation", "Media") and _self_recorded(resource):
        return "self-recorded"
    if is_browser(resource):
        return "self-recorded"
    if kind in ("Communication", "CommunicationRequest") and _complaint(resource):
        return "complaint"
    return _BY_TYPE.get(kind, "chart")


def _tags(resource: Mapping[str, Any], system: str) -> set[str]:
    tags = (resource.get("meta") or {}).get("tag", ())
    return {str(one.get("code")) for one in tags if one.get("system") == system}


def _self_recorded(resource: Mapping[str, Any]) -> bool:
    """Whether the person, and nobody else, is said to have recorded it, and no care has used it."""
    by = [resource["operator"]] if "operator" in resource else resource.get("performer", [])
    own = [str(one.get("reference", "")).rstrip("/").split("/")[-2:-1] for one in by]
    return bool(own) and all(one and one[0] in _OWN for one in own) and not any(name in resource for name in _USED)


def _complaint(resource: Mapping[str, Any]) -> bool:
    codings = (coding for one in resource.get("category", ()) for coding in one.get("coding", ()))
    return any(coding.get("code") == "complaint" for coding in codings)


def active(resource: Mapping[str, Any]) -> bool:
    """Whether it is in force, so that no term has begun: a consent, a cover, a request."""
    kind, status = resource["resourceType"], resource.get("status")
    return (kind in ("Consent", "Coverage") and status == "active") or (
        kind == "Task" and status in ("requested", "accepted", "in-progress")
    )


def years_after(at: int, years: int) -> date:
    """The first day on which a term of years from an instant is over."""
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).date()
    try:
        return day.replace(year=day.year + years) + timedelta(days=1)
    except ValueError:  # the 29th of February, in a year that has none
        return date(day.year + years, 3, 2)


def terms(held: Iterable[Held]) -> dict[int, date | None]:
    """rid -> first day on which the law does not ask for it any more; None: no day is known."""
    every = list(held)
    last: dict[str, int] = {}
    for one in every:
        last[one.data_class] = max(one.at, last.get(one.data_class, one.at))
    found: dict[int, date | None] = {}
    for one in every:
        rule = CLASSES[one.data_class]
        if one.active or rule.counts == WITH_OTHERS:
            found[one.rid] = None
        elif rule.years == 0:
            found[one.rid] = date.min
        else:
            found[one.rid] = years_after(last[one.data_class] if rule.counts == FROM_LAST else one.at, rule.years)
    return found


def free(
    held: Iterable[Held], tells: Collection[tuple[int, int]], today: date, classes: Collection[str] = CLASSES
) -> set[int]:
    """rids of what the law does not ask for, today, of the classes whose erasure is asked for; and what tells of it.

    tells: (Provenance, of what it tells).
    """
    every = {one.rid: one for one in held}
    day = terms(every.values())
    found = {rid for rid, one in every.items() if one.data_class in classes and (day[rid] or date.max) <= today}
    return found | {source for source, target in tells if target in found and source in every}


def unreferred(
    going: Collection[int], references: Collection[tuple[int, int]], tells: Collection[tuple[int, int]]
) -> set[int]:
    """Of what is free to go, what nothing that stays refers to; a Provenance goes only with all that it tells of.

    references: (who refers, to whom) of what is free, from anywhere.
    """
    found, left = set(going), -1
    while left != len(found):
        left = len(found)
        found -= {target for source, target in references if source not in found}
        found -= {source for source, target in tells if target not in found}
    return found


def verdicts(held: Iterable[Held], going: Collection[int], today: date) -> dict[str, Verdict]:
    """Class -> what becomes of it, today, when these rids go."""
    every = {one.rid: one for one in held}
    day = terms(every.values())
    found = {code: Verdict() for code in CLASSES}
    for rid, one in every.items():
        verdict = found[one.data_class]
        (verdict.erased if rid in going else verdict.kept).append(rid)
        until = day[rid]
        if rid not in going and until is not None and until > today:
            verdict.until = max(verdict.until or until, until)
    return found
