"""What may be erased, by law: the table, its properties, and the erasure itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.privacy.requests import named
from fhir_server.privacy.retention import (
    CLASSES,
    WITH_OTHERS,
    Held,
    active,
    class_of,
    free,
    terms,
    unreferred,
    verdicts,
    years_after,
)
from tests.fhir_server.privacy.conftest import ANA, CODE, Hub, parts

TAG = {"tag": [{"system": "urn:fhir-hub:CodeSystem:consent-purpose", "code": "wellness"}]}
MEASURED: dict[str, Any] = {
    "resourceType": "Observation", "status": "final", "code": CODE, "subject": ANA, "performer": [ANA]
}  # fmt: skip


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (MEASURED, "self-recorded"),
        (MEASURED | {"performer": [{"reference": "http://fhir.example.org/fhir/Patient/ana"}]}, "self-recorded"),
        (MEASURED | {"performer": [ANA, {"reference": "Practitioner/1"}]}, "chart"),
        (MEASURED | {"performer": [{"display": "somebody"}]}, "chart"),
        (MEASURED | {"performer": []}, "chart"),
        (MEASURED | {"encounter": {"reference": "Encounter/1"}}, "chart"),
        (MEASURED | {"basedOn": [{"reference": "ServiceRequest/1"}]}, "chart"),
        (MEASURED | {"encounter": {"reference": "Encounter/1"}, "meta": TAG}, "consented"),
        ({"resourceType": "Media", "operator": ANA}, "self-recorded"),
        ({"resourceType": "Media"}, "chart"),
        ({"resourceType": "QuestionnaireResponse", "source": ANA}, "chart"),
        ({"resourceType": "Goal", "meta": TAG}, "consented"),
        ({"resourceType": "Goal", "meta": {"tag": [{"system": "urn:other", "code": "wellness"}]}}, "chart"),
        ({"resourceType": "Consent", "meta": TAG}, "consent"),
        ({"resourceType": "Communication"}, "service"),
        ({"resourceType": "Communication", "category": [{"coding": [{"code": "complaint"}]}]}, "complaint"),
        ({"resourceType": "Claim"}, "claims"),
        ({"resourceType": "Task"}, "request"),
        ({"resourceType": "Provenance"}, "provenance"),
        ({"resourceType": "Patient", "meta": TAG}, "identity"),
        ({"resourceType": "Device"}, "chart"),
    ],
)
def test_classes(resource: dict[str, Any], expected: str) -> None:
    assert class_of(resource) == expected


@pytest.mark.parametrize(
    ("written", "years", "expected"),
    [
        ("2006-11-28T12:00", 20, date(2026, 11, 29)),
        ("2004-02-29T23:59", 20, date(2024, 3, 1)),
        ("2004-02-29T00:00", 5, date(2009, 3, 2)),
        ("2005-12-31T10:00", 10, date(2016, 1, 1)),
    ],
)
def test_first_day_after_a_term(written: str, years: int, expected: date) -> None:
    assert years_after(at(written), years) == expected


@pytest.mark.parametrize(
    ("held", "day", "going"),
    [
        # The last entry of a chart keeps all of it.
        ([Held(1, "chart", at("2000-01-01")), Held(2, "chart", at("2010-01-01"))], "2030-01-01", set()),
        ([Held(1, "chart", at("2000-01-01")), Held(2, "chart", at("2010-01-01"))], "2030-01-02", {1, 2}),
        # Of claims each has its own term; they do not keep the chart, nor it them.
        ([Held(1, "claims", at("2000-01-01")), Held(2, "claims", at("2010-01-01"))], "2015-01-01", {1}),
        ([Held(1, "claims", at("2000-01-01")), Held(2, "chart", at("2010-01-01"))], "2015-01-01", {1}),
        ([Held(1, "consented", at("2026-01-01")), Held(2, "self-recorded", at("2026-01-01"))], "2026-01-01", {1, 2}),
        ([Held(1, "consent", at("2000-01-01"), active=True), Held(2, "consent", at("2000-01-01"))], "2026-01-01", {2}),
        ([Held(1, "identity", at("1990-01-01"))], "2026-01-01", set()),
        ([Held(1, "service", at("2024-01-01"))], "2026-01-01", set()),
        ([Held(1, "service", at("2024-01-01"))], "2026-01-02", {1}),
        ([Held(1, "complaint", at("2024-01-01"))], "2026-01-02", set()),
    ],
)
def test_terms(held: list[Held], day: str, going: set[int]) -> None:
    assert free(held, (), date.fromisoformat(day)) == going


def test_each_class_names_its_law() -> None:
    for rule in CLASSES.values():
        assert rule.sources, rule.code
        assert all(("/" in source and "art" in source) or "Decreto" in source for source in rule.sources)
        assert rule.years in (0, 2, 5, 10, 20)
    assert CLASSES["chart"].years == 20
    assert all(len(rule.what) > 20 for rule in CLASSES.values())


RIDS = st.integers(1, 12)
PAIRS = st.lists(st.tuples(RIDS, RIDS), max_size=20)
RECORD = st.dictionaries(
    RIDS, st.tuples(st.sampled_from(sorted(CLASSES)), st.integers(at("1990-01-01"), at("2026-01-01")), st.booleans()),
    max_size=12,
).map(lambda found: [Held(rid, *rest) for rid, rest in found.items()])  # fmt: skip


@given(RECORD, PAIRS, PAIRS, st.dates(date(1995, 1, 1), date(2060, 1, 1)), st.sets(st.sampled_from(sorted(CLASSES))))
def test_nothing_goes_that_must_stay(
    held: list[Held], others: list[tuple[int, int]], told: list[tuple[int, int]], today: date, classes: set[str]
) -> None:
    classed = {one.rid: one for one in held}
    tells = [(one, two) for one, two in told if one in classed and classed[one].data_class == "provenance"]
    references = [*others, *tells]
    going = unreferred(free(held, tells, today, classes), references, tells)
    day = terms(held)
    for rid in going:
        rule = CLASSES[classed[rid].data_class]
        if rule.code == "provenance":
            assert all(target in going for source, target in tells if source == rid)
            continue
        assert rule.counts != WITH_OTHERS
        assert rule.code in classes
        assert not classed[rid].active
        term = day[rid]
        assert term is not None
        assert term <= today
    assert all(source in going for source, target in references if target in going)
    # It is all that can go: with any more, something that stays would refer to it.
    rest = free(held, tells, today, classes) - going
    assert unreferred(rest | going, references, tells) == going
    told_of = verdicts(held, going, today)
    assert sorted(rid for one in told_of.values() for rid in (*one.erased, *one.kept)) == sorted(classed)
    # What is asked for later, or more widely, never loses what would have gone before: but by a newer entry.
    assert free(held, tells, date(2100, 1, 1), classes) >= free(held, tells, today, classes)
    assert free(held, tells, today) >= free(held, tells, today, classes)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Consent", "status": "active"}, True),
        ({"resourceType": "Consent", "status": "inactive"}, False),
        ({"resourceType": "Coverage", "status": "active"}, True),
        ({"resourceType": "Task", "status": "requested"}, True),
        ({"resourceType": "Task", "status": "completed"}, False),
        ({"resourceType": "Observation", "status": "active"}, False),
    ],
)
def test_in_force(resource: dict[str, Any], expected: bool) -> None:
    assert active(resource) is expected


async def fill(hub: Hub) -> None:
    """Beside what is in the record already, which is of the chart."""
    for one in (
        MEASURED | {"id": "steps", "valueString": "only-the-person-knew"},
        MEASURED | {"id": "steps", "valueString": "only-the-person-knows"},
        MEASURED | {"id": "used", "valueString": "told the doctor"},
        MEASURED | {"id": "shared", "performer": [ANA, {"reference": "Patient/rui"}]},
        {"resourceType": "Goal", "id": "tagged", "lifecycleStatus": "active", "description": CODE, "subject": ANA,
         "meta": TAG},
        {"resourceType": "DiagnosticReport", "id": "report", "status": "final", "code": CODE, "subject": ANA,
         "result": [{"reference": "Observation/used"}]},
        {"resourceType": "Provenance", "id": "of-steps", "target": [{"reference": "Observation/steps"}],
         "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": ANA}]},
        {"resourceType": "Coverage", "id": "cover", "status": "active", "beneficiary": ANA,
         "payor": [{"display": "x"}]},
    ):  # fmt: skip
        await hub.put(one)


async def test_erasure(hub: Hub, database: str) -> None:
    await fill(hub)
    status, plan, _ = await hub.ask("ana", "Patient/ana/$erasure-plan")
    assert status == 200
    classes = {one["code"]: one for one in map(parts, plan["parameter"][1:])}
    assert {code: (one["erased"], one["kept"]) for code, one in classes.items() if one["erased"] or one["kept"]} == {
        "consented": (1, 0), "self-recorded": (1, 2), "chart": (0, 2), "claims": (0, 1), "identity": (0, 1),
    }  # fmt: skip
    this_year = datetime.now(UTC).year
    assert classes["chart"]["until"].startswith(str(this_year + 20))
    assert "Lei 13.787/2018, art. 6º" in str(plan)
    status, task, _ = await hub.ask("ana", "Patient/ana/$erasure", "POST")
    assert (status, task["status"], len(named(task, "class"))) == (201, "requested", len(CLASSES))
    for who, expected in (("ana", 403), ("nurse", 403), ("officer", 403)):
        found, _, _ = await hub.ask(who, f"Task/{task['id']}/$decide", decision="accept", reason="por lei")
        assert found == expected, who
    assert (await hub.ask("ana", "Observation/steps"))[0] == 200, "nothing happens before the officer says so"
    officer = "officer, second factor shown"
    status, done, _ = await hub.ask(officer, f"Task/{task['id']}/$decide", decision="accept", reason="por lei")
    assert (status, done["status"]) == (200, "completed"), done
    counts = {
        (one["type"]["coding"][0]["code"], one["type"]["coding"][1]["code"]): one.get("valueUnsignedInt")
        for one in done["output"] if len(one["type"]["coding"]) == 2
    }  # fmt: skip
    assert counts["erased", "self-recorded"] == 1
    assert counts["kept", "self-recorded"] == 2
    assert counts["erased", "consented"] == 1
    assert counts["kept", "request"] == 1
    for path, expected in (
        ("Observation/steps", 404), ("Observation/steps/_history/1", 404), ("Observation/steps/_history", 404),
        ("Goal/tagged", 404), ("Provenance/of-steps", 404), ("Observation/used", 200),
        ("Observation/shared", 200), ("DiagnosticReport/report", 200),
        ("Observation/own", 200), ("Coverage/cover", 200), ("Observation/other", 200), ("Patient/ana", 200),
    ):  # fmt: skip
        assert (await hub.ask("operator", path))[0] == expected, path
    _, found, _ = await hub.ask("operator", "Observation?patient=Patient/ana&_summary=count")
    assert found["total"] == 3
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select fhir_id from resource where fhir_id = any(%s) union all"
            " select r.fhir_id from resource_version v join resource r using (rid) where r.fhir_id = any(%s)",
            [["steps", "tagged", "of-steps"], ["steps", "tagged", "of-steps"]],
        ).fetchall()
        orphans = connection.execute(
            "select count(*) from reference f where not exists (select from resource r where r.rid = f.rid)"
        ).fetchone()
    assert rows == []
    assert orphans == (0,)
    assert (await hub.ask(officer, f"Task/{task['id']}/$decide", decision="accept", reason="por lei"))[0] == 409
    # Once more there is nothing left to go, and that is told, too.
    _, again, _ = await hub.ask("officer", "Patient/ana/$erasure-plan")
    assert all(parts(one)["erased"] == 0 for one in again["parameter"][1:])
    assert "only-the-person" not in str(done)


async def test_one_class_alone(hub: Hub) -> None:
    await fill(hub)
    _, task, _ = await hub.ask("ana", "Patient/ana/$erasure", **{"class": ["consented"]})
    _, done, _ = await hub.ask(
        "officer, second factor shown", f"Task/{task['id']}/$decide", decision="accept", reason="por lei"
    )
    assert done["status"] == "completed"
    assert (await hub.ask("operator", "Goal/tagged"))[0] == 404
    assert (await hub.ask("operator", "Observation/steps"))[0] == 200


@pytest.mark.parametrize(
    ("who", "patient", "plan", "asking"),
    [
        ("ana", "rui", 404, 404),
        ("rui", "ana", 404, 404),
        ("ana's reader", "ana", 403, 403),
        ("guardian", "kid", 200, 201),
        ("guardian of a grown-up", "ana", 404, 404),
        ("nurse", "ana", 403, 403),
        ("officer", "ana", 200, 403),
    ],
)
async def test_who_may(hub: Hub, who: str, patient: str, plan: int, asking: int) -> None:
    assert (await hub.ask(who, f"Patient/{patient}/$erasure-plan"))[0] == plan
    assert (await hub.ask(who, f"Patient/{patient}/$erasure", statement="apaguem"))[0] == asking


async def test_no_such_class(hub: Hub) -> None:
    status, told, _ = await hub.ask("ana", "Patient/ana/$erasure", **{"class": ["everything"]})
    assert (status, told["resourceType"]) == (400, "OperationOutcome")
