"""Search families: which searches are measured, with values drawn from the record."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Get = Callable[[str], Any]
"""Path below the FHIR base -> parsed answer."""
MANY, REASON = 20, 1000
"""Rows read per row returned, and rows beside that, from which on a plan needs a reason."""
VALUES = 40
"""Different values of each family."""
_SEED = 20260101
_PAGE = 20


@dataclass(frozen=True)
class Family:
    """One kind of search."""

    name: str
    path: str
    """Below the FHIR base; {placeholders} are drawn from the record: see `draw`."""
    grows: str = ""
    """Why its work grows with the record by nature; "" where it must not."""
    reads: str = ""
    """Why it reads many more rows than it returns; "" where it must not."""
    p99: float | None = None
    """Milliseconds within which 99 of 100 are answered at 8 clients, where that was promised."""


_VITALS = "category=vital-signs"
_KG = "http://unitsofmeasure.org|kg"

COUNTED = "the first count reads what it counts, those after it only what is new"

FAMILIES: tuple[Family, ...] = (
    Family("read", "Patient/{patient}"),
    Family("_id", "Patient?_id={patient}"),
    Family("identifier", "Patient?identifier={identifier}"),
    Family("name, a prefix", "Patient?name={prefix}"),
    Family("name and birth date", "Patient?name={family}&birthdate={birthdate}"),
    Family("name :exact", "Patient?family:exact={family}"),
    Family("name :contains", "Patient?name:contains={part}"),
    Family("gender and birth year", "Patient?gender={gender}&birthdate={birthyear}"),
    Family("sort by name", "Patient?_sort=family&gender={gender}"),
    Family("patient and category", "Observation?patient={patient}&category=vital-signs&_count=20"),
    Family("patient and code", "Observation?patient={patient}&code={dense}"),
    Family("patient, newest first", "Observation?patient={patient}&_sort=-date"),
    Family("patient, a year", "Observation?patient={patient}&date={year}"),
    Family("code, dense", "Observation?code={dense}"),
    Family("code, rare", "Observation?code={rare}"),
    Family("code, list", "Observation?code={dense},{mid},{rare}"),
    Family("code and status", "Observation?code={dense}&status=final"),
    Family(
        "code and category",
        "Observation?code={mid}&category=laboratory",
    ),
    Family(
        "code, never with category",
        "Observation?code={dense}&category=procedure",
    ),
    Family("code, newest first: dense", "Observation?code={dense}&_sort=-date&_count=20"),
    Family("code, newest first: mid", "Observation?code={mid}&_sort=-date&_count=20"),
    Family("code, newest first: rare", "Observation?code={rare}&_sort=-date&_count=20"),
    Family("code, oldest first", "Observation?code={dense}&_sort=date"),
    Family("code and a recent year", "Observation?code={dense}&date=2020"),
    Family("code and an old year", "Observation?code={dense}&date={oldyear}"),
    Family("code since a day", "Observation?code={dense}&date=ge{day}&_sort=date"),
    Family("a month", "Observation?date={month}"),
    Family("an old year", "Observation?date={oldyear}"),
    Family("newest first", "Observation?_sort=-date"),
    Family("Encounters of a month", "Encounter?date={month}"),
    Family("_lastUpdated since", "Observation?_lastUpdated=ge{updated}"),
    Family("sort by _lastUpdated", "Observation?_sort=-_lastUpdated"),
    Family(
        "quantity, dense range",
        "Observation?value-quantity=gt60|" + _KG,
        p99=40,
        reads="both canonical and plain unit are rows of a value",
    ),
    Family("quantity, rare range", "Observation?value-quantity=gt{heavy}|" + _KG, p99=40),
    Family(
        "quantity, converted unit",
        "Observation?value-quantity=gt60000|http://unitsofmeasure.org|g",
        p99=40,
        reads="both canonical and plain unit are rows of a value",
    ),
    Family("composite, dense", "Observation?code-value-quantity=29463-7$gt60|" + _KG, p99=40),
    Family("composite, rare", "Observation?code-value-quantity=29463-7$gt{heavy}|" + _KG, p99=40),
    Family(
        "component composite",
        "Observation?component-code-value-quantity=8480-6$gt{pressure}",
        p99=40,
        reads="of a panel each component is a row",
    ),
    Family("chain, name", "Observation?patient.name={family}", p99=40),
    Family("chain, name, with code", "Observation?patient.name={prefix}&code={dense}", p99=40),
    Family(
        "chain, gender, with code",
        "Observation?patient.gender={gender}&code={dense}",
        p99=40,
        reads="three ways are begun, each up to a bound of its own, before one is gone to its end",
    ),
    Family("chain, identifier", "Encounter?patient.identifier={identifier}", p99=40),
    Family(
        "chain of two",
        "DiagnosticReport?encounter.service-provider.name={organizationname}",
        p99=40,
        reads="what refers to many by way of many is found by testing the newest",
    ),
    Family("_has, dense", "Patient?_has:Observation:patient:code={dense}", p99=40),
    Family("_has, rare", "Patient?_has:Observation:patient:code={seldom}", p99=40),
    Family("_has with name", "Patient?_has:Condition:patient:code={condition}&name={prefix}", p99=40),
    Family("_include", "Encounter?patient={patient}&_include=Encounter:practitioner"),
    Family(
        "_include:iterate",
        "DiagnosticReport?patient={patient}&_include=DiagnosticReport:encounter"
        "&_include:iterate=Encounter:service-provider",
    ),
    Family("_revinclude", "Patient?_id={patient}&_revinclude=Condition:patient"),
    Family("reference to an organization", "Encounter?service-provider={organization}"),
    Family("condition code", "Condition?code={condition}"),
    Family(
        "condition by text",
        "Condition?code:text={conditiontext}",
        reads="texts are in no order that helps: the newest resources are tested",
    ),
    Family("uri", "Observation?_profile={profile}"),
    Family("system alone", "Patient?identifier=http://hl7.org/fhir/sid/us-ssn|"),
    Family(":missing=true", "Observation?encounter:missing=true"),
    Family(":missing=true, nothing lacks it", "Observation?code:missing=true"),
    Family(":missing=true with code", "Observation?code={dense}&encounter:missing=true"),
    Family(":missing=false", "Observation?component-code:missing=false"),
    Family(":not", "Observation?code:not={dense}&patient={patient}"),
    Family(":not alone", "Patient?gender:not={gender}"),
    Family("total of a patient", "Observation?patient={patient}&_summary=count"),
    Family(
        "total of a code",
        "Observation?code={mid}&_summary=count",
        reads=COUNTED,
    ),
    Family(
        "total of a type",
        "Observation?_summary=count",
        reads=COUNTED,
    ),
    Family(
        "total of a code and a status",
        "Observation?code={mid}&status=final&_summary=count",
        reads=COUNTED,
    ),
    Family("page and total of a code", "Observation?code={mid}&_total=accurate", reads=COUNTED),
    Family("estimated total", "Observation?code={dense}&_total=estimate"),
    Family("system search", "?_type=Observation,Condition&_lastUpdated=ge{updated}"),
    Family("compartment", "Patient/{patient}/Condition"),
    Family("history of a type", "Observation/_history?_count=20"),
    Family("history of a resource", "Patient/{patient}/_history"),
    Family("second page", "{second}"),
    Family("second page by date", "{seconddated}"),
)


def paths(family: Family, drawn: Sequence[Mapping[str, str]]) -> list[str]:
    """Its paths, different ones, written as a client must."""
    return list(dict.fromkeys(family.path.format_map(values).replace("|", "%7C") for values in drawn))


def _resources(get: Get, path: str, most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following is not None and len(found) < most:
        bundle = get(following)
        found += [entry["resource"] for entry in bundle.get("entry", ())]
        following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found


def _next(get: Get, path: str) -> str:
    links: dict[str, str] = {link["relation"]: link["url"] for link in get(path)["link"]}
    return links.get("next", links["self"]).partition("/fhir/")[2]


def draw(get: Get) -> list[dict[str, str]]:
    """Values for the placeholders, drawn from the record: the same record and seed give the same values."""
    chance = random.Random(_SEED)
    patients = _resources(get, "Patient?_count=500", 500)
    observations = _resources(get, "Observation?_count=1000", 8000)
    conditions = _resources(get, "Condition?_count=1000", 2000)
    organizations = _resources(get, "Organization?_count=200", 200)
    codes = Counter(one["code"]["coding"][0]["code"] for one in observations)
    ranked = [code for code, _ in codes.most_common()]
    dense, mid, rare = ranked[:8], ranked[16:40], [code for code in ranked if codes[code] <= 8]
    # Of enough patients that the page is full at every scale: more of them are no larger answer.
    has = "Patient?_has:Observation:patient:code={}&_summary=count"
    seldom = [code for code in sorted(set(rare)) if get(has.format(code))["total"] > _PAGE] or rare
    illnesses = Counter(one["code"]["coding"][0]["code"] for one in conditions).most_common()
    texts = [word for one in conditions for word in one["code"]["text"].split() if len(word) > 5 and word.isalpha()]
    updated = observations[-1]["meta"]["lastUpdated"]
    profiles = [one for resource in observations for one in resource["meta"].get("profile", ())] or ["http://none"]
    seconds = {code: _next(get, f"Observation?code={code}") for code in dense}
    dated = {code: _next(get, f"Observation?code={code}&_sort=-date") for code in dense}
    rows = []
    for number, patient in enumerate(chance.sample(patients, min(VALUES, len(patients)))):
        family, organization = patient["name"][0]["family"], chance.choice(organizations)
        identifier = next(one for one in patient["identifier"] if "ssn" in one["system"])
        code = dense[number % len(dense)]
        values = {
            "patient": patient["id"], "family": family, "prefix": family[:3], "part": family[1:5],
            "birthdate": patient["birthDate"], "birthyear": patient["birthDate"][:4], "gender": patient["gender"],
            "identifier": f"{identifier['system']}|{identifier['value']}",
            "dense": code, "mid": chance.choice(mid), "rare": chance.choice(rare),
            "seldom": seldom[number % len(seldom)],
            "condition": illnesses[number % 12][0], "conditiontext": chance.choice(texts),
            "organization": organization["id"], "organizationname": organization["name"],
            "profile": chance.choice(profiles), "updated": updated,
            "year": str(2012 + number % 8), "oldyear": str(1992 + number % 16),
            "month": f"{2012 + number % 8}-{1 + number % 12:02d}",
            "day": f"{2013 + number % 7}-{1 + number % 12:02d}-15",
            "heavy": str(106 + number % 12), "pressure": str(110 + number % 40),
        }  # fmt: skip
        quoted = {name: quote(value, safe="|:/") for name, value in values.items()}
        rows.append(quoted | {"second": seconds[code], "seconddated": dated[code]})
    return rows
