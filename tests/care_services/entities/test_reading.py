"""What a message names."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.entities.entity import KINDS
from care_services.entities.numbered import cns
from care_services.entities.reading import entities

TODAY = date(2026, 11, 28)  # a Saturday


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("quero autorizar uma ressonância do joelho", {("exam", "ressonancia")}),
        ("RAIO-X e eco do coração", {("exam", "raio-x"), ("exam", "ecocardiograma")}),
        ("minha cirurgia de hérnia", {("procedure", "cirurgia")}),
        ("marca um cardio pra mim em Rio Preto", {("specialty", "cardiologia"), ("city", "sao jose do rio preto")}),
        ("dipirona com o remédio da pressão?", {("medicine", "dipirona"), ("medicine", "remedio de pressao")}),
        ("protocolo 3298710 ainda em análise", {("protocol", "3298710")}),
        ("é o 32982520261128000017", {("protocol", "32982520261128000017")}),
        ("a guia de número 20394857", {("protocol", "20394857")}),
        ("minha carteirinha é 0012 3456 7890", {("card", "001234567890")}),
        ("meu CNS: 700 0000 0000 0005", {("card", "700000000000005")}),
        ("meu telefone é 17991234567", set()),
        ("amanhã às 14:30", {("date", "2026-11-29"), ("time", "14:30")}),
        ("depois de amanhã às 9h", {("date", "2026-11-30"), ("time", "09:00")}),
        ("9h30 na quinta-feira", {("time", "09:30"), ("weekday", "thu")}),
        ("segunda via do boleto na segunda", {("weekday", "mon")}),
        ("no dia 15", {("date", "2026-12-15")}),
        ("dia 31", {("date", "2026-12-31")}),
        ("3 de março", {("date", "2027-03-03")}),
        ("em 02/12/2026, ou 5/1", {("date", "2026-12-02"), ("date", "2027-01-05")}),
        ("31/02 e 45/13", set()),
        ("de 8 em 8 horas, 25:00", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_what_is_named(text: str, named: set[tuple[str, str]]) -> None:
    assert {(one.kind, one.value) for one in entities(text, TODAY)} == named


@given(st.text() | st.from_regex(r"(dia|guia|às|[a-z]{2,6}|\d{1,20}|[/.:]| ){0,12}"), st.dates())
def test_any_text_has_its_entities(text: str, today: date) -> None:
    for one in entities(text, today):
        assert one.kind in KINDS
        assert one.value
        assert one.first < one.end


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_date_is_read_as_it_is_written(day: date, today: date) -> None:
    written = f"consulta em {day:%d/%m/%Y}"
    assert [one.value for one in entities(written, today)] == [day.isoformat()]


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 31))
def test_a_day_of_the_month_is_not_behind_us(today: date, day: int) -> None:
    [found] = entities(f"dia {day}", today)
    ahead = date.fromisoformat(found.value) - today
    assert date.fromisoformat(found.value).day == day
    assert 0 <= ahead.days < 62


@given(st.integers(0, 10**15 - 1).map("{:015}".format))
def test_one_digit_changed_is_no_card(digits: str) -> None:
    if cns(digits):
        changed = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        assert not cns(changed)
