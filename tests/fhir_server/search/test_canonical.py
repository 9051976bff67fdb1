"""Canonical references lead to what they name: chains, `_has`, `_include`, `_revinclude`, `_filter`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.query import parse_query
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, patient

FORM = "http://forms.example.org/F"
LIBRARY = "http://libraries.example.org/L"


def form(id: str, title: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Questionnaire", "id": id, "status": "active", "title": title} | more


def library(id: str, version: str, *bases: str) -> dict[str, Any]:
    derived = [{"type": "derived-from", "resource": base} for base in bases]
    return {
        "resourceType": "Library", "id": id, "status": "active", "url": LIBRARY, "version": version, "title": f"L{id}",
        "type": {"text": "logic"}, "relatedArtifact": derived,
    }  # fmt: skip


def filled(id: str, form: str, who: str) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse", "id": id, "status": "completed", "questionnaire": form,
        "subject": {"reference": f"Patient/{who}"},
    }  # fmt: skip


RESOURCES: tuple[dict[str, Any], ...] = (
    patient("ann", "Silva", "1980-02-29", "female"),
    patient("bob", "Souza", "1990-01-01", "male"),
    form("f1", "First", url=FORM, version="1"),
    form("f2", "Second", url=FORM, version="2"),
    form("g", "Other", url="http://forms.example.org/G"),
    form("nameless", "Nameless"),
    library("l1", "1"),
    library("l2", "2", f"{LIBRARY}|1"),
    library("l3", "3", LIBRARY),
    library("l4", "4", f"{FORM}|2"),
    filled("any", FORM, "ann"),
    filled("one", f"{FORM}|1", "ann"),
    filled("two", f"{FORM}|2#item", "bob"),
    filled("three", f"{FORM}|3", "bob"),
    filled("lost", "http://forms.example.org/lost", "bob"),
    {"resourceType": "Measure", "id": "m", "status": "active", "url": "http://measures.example.org/M", "name": "M"},
    {
        "resourceType": "MeasureReport", "id": "mr", "status": "complete", "type": "summary",
        "measure": "http://measures.example.org/M", "period": {"start": "2020"},
    },
)  # fmt: skip


@pytest.fixture
async def forms(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, "MeasureReport", "mr") is None:
        await found.put(*RESOURCES)
    yield found
    store.close()


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("QuestionnaireResponse?questionnaire.title=first", "one any"),
        ("QuestionnaireResponse?questionnaire:Questionnaire.title=second", "two any"),
        ("QuestionnaireResponse?questionnaire.status=active", "two one any"),
        ("QuestionnaireResponse?questionnaire.title=second&subject=Patient/bob", "two"),
        ("QuestionnaireResponse?questionnaire.title:missing=true", ""),
        ("MeasureReport?measure.name=m", "mr"),
        ("Measure?_has:MeasureReport:measure:status=complete", "m"),
        ("Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed", "f2 f1"),
        ("Questionnaire?_has:QuestionnaireResponse:questionnaire:patient.name=souza", "f2"),
        ("Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=one", "f1"),
        ("Library?derived-from:Library.version=1", "l3 l2"),
        ("Library?derived-from.version=2", "l4 l3"),
        ("Library?derived-from:Library.derived-from:Library.version=1", "l3"),
        ("Library?derived-from:Library.derived-from:Library.derived-from:Questionnaire.title=second", "l3"),
        ("Library?_has:Library:derived-from:version=2", "l1"),
        ("Library?_has:Library:derived-from:_has:Library:derived-from:title=ll2", ""),
        ("Questionnaire?_has:Library:derived-from:title=ll4", "f2"),
        (f"QuestionnaireResponse?_filter={quote('questionnaire.title eq first or questionnaire.version eq 2')}",
         "two one any"),
        ("Patient?_has:QuestionnaireResponse:subject:questionnaire.title=second", "bob ann"),
    ],
)  # fmt: skip
async def test_chains(forms: World, url: str, ids: str) -> None:
    assert await forms.ids(url) == ids.split()
    assert await forms.pages(url + "&_count=1") == ids.split()
    assert (await forms.bundle(url + "&_summary=count"))["total"] == len(ids.split())


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("QuestionnaireResponse?_id=one&_include=QuestionnaireResponse:questionnaire", "f1"),
        ("QuestionnaireResponse?_id=any&_include=QuestionnaireResponse:questionnaire", "f1 f2"),
        ("QuestionnaireResponse?_id=three&_include=QuestionnaireResponse:questionnaire", ""),
        ("QuestionnaireResponse?_id=two&_include=*", "bob f2"),
        ("QuestionnaireResponse?_id=two&_include=QuestionnaireResponse:questionnaire"
         "&_revinclude:iterate=Library:derived-from", "f2 l3 l4"),
        ("QuestionnaireResponse?_id=two&_include=QuestionnaireResponse:questionnaire:Questionnaire", "f2"),
        ("Questionnaire?_id=f1&_revinclude=QuestionnaireResponse:questionnaire", "any one"),
        ("Library?_id=l4&_include:iterate=Library:derived-from", "f2"),
        ("Library?_id=l3&_include:iterate=Library:derived-from", "f2 l1 l2 l4"),
        ("Library?_id=l1&_revinclude=Library:derived-from", "l2 l3"),
        ("Measure?_revinclude=MeasureReport:measure", "mr"),
        ("Measure?_revinclude=*", "mr"),
    ],
)  # fmt: skip
async def test_includes(forms: World, url: str, ids: str) -> None:
    assert sorted(await forms.ids(url, "include")) == ids.split()


async def test_what_is_renamed_leads_there_no_more(empty: World) -> None:
    await empty.put(form("f", "Form", url=FORM), patient("ann", "Silva", None, "female"), filled("r", FORM, "ann"))
    assert await empty.ids("QuestionnaireResponse?questionnaire.title=form") == ["r"]
    await empty.put(form("f", "Form", url=f"{FORM}2"))
    assert await empty.ids("QuestionnaireResponse?questionnaire.title=form") == []
    await empty.put(filled("r", f"{FORM}2", "ann"))
    assert await empty.ids("QuestionnaireResponse?questionnaire.title=form") == ["r"]
    await empty.remove("Questionnaire", "f")
    assert await empty.ids("QuestionnaireResponse?questionnaire.title=form") == []


def test_pages_are_not_sorted_by_what_has_a_canonical() -> None:
    with pytest.raises(Invalid, match="cannot be sorted"):
        parse_query("QuestionnaireResponse", [("_sort", "questionnaire.title")])
