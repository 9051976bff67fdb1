"""Dates, weekdays and times of day in a message, as Brazilians write them. Pure.

A date without a year is the next such day, today among them; what is no day of the calendar is none.
https://hl7.org/fhir/R4/valueset-days-of-week.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from care_services.entities.entity import Entity
from care_services.triage.normal import Words

_MONTHS = ("janeiro", "fevereiro", "marco", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
           "novembro", "dezembro")  # fmt: skip
_WEEKDAYS = {
    "segunda": "mon", "segundas": "mon", "terca": "tue", "tercas": "tue", "quarta": "wed", "quartas": "wed",
    "quinta": "thu", "quintas": "thu", "sexta": "fri", "sextas": "fri", "sabado": "sat", "sabados": "sat",
    "domingo": "sun", "domingos": "sun",
}  # fmt: skip
_ORDINAL = frozenset({"via", "vias", "vez", "opiniao", "opcao", "dose", "parcela", "tentativa", "serie", "pessoa"})
"""After "segunda" and the like: no day."""
_HOURS = frozenset({"h", "hs", "hrs", "horas", "hora"})
_SPAN = frozenset({"de", "em", "ha", "faz", "cada", "por"})
_NEAR = {"hoje": 0, "amanha": 1, "ontem": -1}
_NUMERIC = re.compile(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}|\d{2}))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def moments(words: Words, today: date) -> Iterator[Entity]:
    """The dates, weekdays and times of a text."""
    said = words.words
    for at, word in enumerate(said):
        after = said[at + 1] if at + 1 < len(said) else ""
        before = said[at - 1] if at else ""
        if word in _WEEKDAYS and after not in _ORDINAL:
            yield Entity("weekday", _WEEKDAYS[word], at, at + 1)
        elif word in _NEAR:
            days = 2 if word == "amanha" and said[max(0, at - 2) : at] == ("depois", "de") else _NEAR[word]
            yield Entity("date", _shifted(today, days).isoformat(), at, at + 1)
        elif numeric := _NUMERIC.fullmatch(word):
            yield from _dated(at, at + 1, int(numeric[1]), int(numeric[2]), numeric[3], today)
        elif clock := _CLOCK.fullmatch(word):
            yield from _timed(at, at + 1, int(clock[1]), int(clock[2]))
        elif word.isdigit() and len(word) <= 2:
            if after in ("de", "d") and at + 2 < len(said) and said[at + 2] in _MONTHS:
                yield from _dated(at, at + 3, int(word), _MONTHS.index(said[at + 2]) + 1, None, today)
            elif before == "dia":
                yield from _of_month(at, int(word), today)
            elif after in ("h", "hs", "hrs", "horas", "hora") and before not in (
                "de",
                "em",
                "ha",
                "faz",
                "cada",
                "por",
            ):
                minutes = said[at + 2] if at + 2 < len(said) else ""
                exact = minutes.isdigit() and len(minutes) == 2 and after == "h"
                yield from _timed(at, at + 2 + exact, int(word), int(minutes) if exact else 0)


def _shifted(today: date, days: int) -> date:
    try:
        return today + timedelta(days)
    except OverflowError:  # the ends of the calendar
        return today


def _dated(first: int, end: int, day: int, month: int, year: str | None, today: date) -> Iterator[Entity]:
    years = [int(year) + (2000 if len(year) == 2 else 0)] if year else range(today.year, today.year + 9)
    for one in years:
        try:
            found = date(one, month, day)
        except ValueError:  # no such day, that year
            continue
        if year or found >= today:
            yield Entity("date", found.isoformat(), first, end)
            return


def _of_month(at: int, day: int, today: date) -> Iterator[Entity]:
    """ "Dia 15": of this month or of the first that has one."""
    for ahead in range(4):
        month = today.month - 1 + ahead
        try:
            found = date(today.year + month // 12, month % 12 + 1, day)
        except ValueError:  # no such day in that month
            continue
        if found >= today:
            yield Entity("date", found.isoformat(), at, at + 1)
            return


def _timed(first: int, end: int, hour: int, minute: int) -> Iterator[Entity]:
    if hour < 24 and minute < 60:
        yield Entity("time", f"{hour:02}:{minute:02}", first, end)
