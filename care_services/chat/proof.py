"""Proof that whoever writes is the member: birth date, and the last four digits of card or CPF. Pure.

The care services' contract, section 2. Three tries, then a person. What is not proved opens nothing but general
information, triage and emergencies. A number that changed voids the proof.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from care_services.chat.keywords import plain

TRIES = 3
LAST = 4
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("janeiro jan", "fevereiro fev", "marco mar", "abril abr", "maio mai", "junho jun", "julho jul", "agosto ago",
         "setembro set", "outubro out", "novembro nov", "dezembro dez"), 1,
    )
    for name in names.split()
}  # fmt: skip

_FILLERS = frozenset({"de", "do", "dia", "nasci", "em"})


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody this channel identity may be: what is asked of them."""

    reference: str
    born: date
    cards: tuple[str, ...]
    cpf: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof under way."""

    born: date | None = None
    failed: int = 0
    failed_at: int = 0
    """Seconds since 1970, of the last failure."""
    proved: str | None = None
    """Reference of the Patient."""

    @property
    def over(self) -> bool:
        """Whether a person takes over: nothing more is tried."""
        return self.proved is None and self.failed >= TRIES


def said(proof: Proof, text: str, candidates: Sequence[Known]) -> Proof:
    """The proof after an answer: first a date, then four digits.

    Only one active match proves anything: two people with the same date and digits prove nobody. Which part was
    wrong nobody is told.
    """
    if proof.proved or proof.over:
        return proof
    if proof.born is None:
        born = birth_date(text)
        return replace(proof, failed=proof.failed + 1) if born is None else replace(proof, born=born)
    digits = re.sub(r"\D", "", text)
    matches = [
        one
        for one in candidates
        if len(digits) >= LAST
        and one.born == proof.born
        and any(_ends(number, digits[-LAST:]) for number in (*one.cards, one.cpf))
    ]
    if len(matches) == 1:
        return Proof(proved=matches[0].reference)
    return replace(proof, born=None, failed=proof.failed + 1)


def _ends(number: str, last: str) -> bool:
    return len(number) >= LAST and hmac.compare_digest(number[-LAST:].encode(), last.encode())


def birth_date(text: str) -> date | None:
    """A date as people write it: 15/05/1980, 15.5.80, 15 de maio de 1980, 15051980, 1980-05-15. None: it is none.

    A year of two digits is one of the last century from 27 on, else one of this.
    """
    words = [
        word for word in re.split(r"[^a-z0-9]+", plain(text)) if word not in ("", "de", "do", "dia", "nasci", "em")
    ]
    if len(words) == 1 and re.fullmatch(r"[0-9]{8}", words[0]):
        words = [words[0][:2], words[0][2:4], words[0][4:]]
    if len(words) != 3:
        return None
    if re.fullmatch(r"[0-9]{4}", words[0]):
        words.reverse()
    day, month, year = words
    number = str(_MONTHS.get(month, month))
    if not (day.isdigit() and number.isdigit() and year.isdigit() and len(year) in (2, 4)):
        return None
    full = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= 27 else 2000)
    try:
        return date(full, int(number), int(day))
    except ValueError:
        return None
