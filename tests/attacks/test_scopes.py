"""Attacks 30 to 40: what the answer tells without the data, and scopes that are read wider than they are written."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle, same
from tests.attacks.record import EVERYTHING, Record

LAB = "patient/Observation.cruds?category=laboratory"


def test_30_a_type_not_granted(record: Record) -> None:
    """The same 403, whether or not there is anything of it."""
    call, token = record.caller.get, record.token("patient/Observation.rs")
    operator = record.caller.token("system/Observation.rs")
    for bearer in (token, operator):
        for filled, empty in (
            (f"Patient/{record.a}", "Patient/unknown"),
            (f"Patient?_id={record.a}", "Patient?_id=unknown"),
            (f"Patient/{record.a}/_history", "SupplyRequest/unknown/_history"),
            ("Condition?_summary=count", "VisionPrescription?_summary=count"),
            (f"Patient/{record.a}/$everything", "Patient/unknown/$everything"),
            ("?_type=Condition", "?_type=VisionPrescription"),
            ("Observation?_include=Observation:subject:Patient", "Observation?_include=Observation:subject:Group"),
            ("Observation?_revinclude=Provenance:target", "Observation?_revinclude=DetectedIssue:implicated"),
        ):
            one, two = call(filled, bearer), call(empty, bearer)
            assert one.status == 403, filled
            assert same(one, two), (filled, empty)


def test_31_unknown_or_hidden_by_time(record: Record) -> None:
    call, token = record.caller.get, record.token()
    times: dict[str, list[float]] = {f"Observation/lab-b-{record.mark}": [], f"Observation/lab-c-{record.mark}": []}
    for _ in range(150):
        for path, found in times.items():
            began = time.perf_counter()
            assert call(path, token).status == 404
            found.append(time.perf_counter() - began)
    hidden, unknown = (statistics.median(found) for found in times.values())
    assert abs(hidden - unknown) < max(0.5 * unknown, 0.002), (hidden, unknown)


def test_32_counts_and_links(record: Record) -> None:
    call, token = record.caller.get, record.token("patient/*.rs")
    for query in (
        "Observation",
        "Observation?code=8867-4",
        "Patient?gender=female",
        "Condition",
        "Observation?_sort=-date",
    ):
        glue = "&" if "?" in query else "?"
        counted = call(f"{query}{glue}_summary=count", token).json()["total"]
        assert counted == len(record.shown(f"{query}{glue}_count=1", token)), query
        answer = call(f"{query}{glue}_total=accurate&_count=1000", token).json()
        assert answer["total"] == counted == len(answer["entry"])
        assert call(f"{query}{glue}_total=estimate", token).json()["total"] == counted
        assert [link["relation"] for link in answer["link"]] == ["self", "first"], "no page of what is hidden"
    cut = call(f"Observation?_elements=subject&_id=lab-b-{record.mark}", token).json()
    assert "entry" not in cut


def test_33_probing_by_conditions(record: Record) -> None:
    call, token = record.caller.get, record.token()
    hidden, unknown = f"Observation/lab-b-{record.mark}", f"Observation/lab-c-{record.mark}"
    for headers in (
        {"If_None_Match": 'W/"1"'},
        {"If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
        {"If_Match": 'W/"1"'},
    ):
        assert same(call(hidden, token, **headers), call(unknown, token, **headers)), headers
    for method, body in (("DELETE", None), ("PUT", record.observation("a", "lab-b"))):
        body_unknown = body and body | {"id": f"lab-c-{record.mark}"}
        one = call(hidden, token, method, body, If_Match='W/"1"')
        two = call(unknown, token, method, body_unknown, If_Match='W/"1"')
        assert same(one, two), (method, one.body, two.body)
    assert call(hidden, record.operator).json()["meta"]["versionId"] == "1"


def test_34_references_to_what_is_hidden(record: Record) -> None:
    call, token = record.caller.get, record.token()
    answers = []
    for id in (f"lab-b-{record.mark}", f"lab-c-{record.mark}"):
        mine = record.observation("a", "refers", hasMember=[{"reference": f"Observation/{id}"}])
        del mine["id"]
        answers.append(call("Observation", token, "POST", mine))
        answers.append(call("", token, "POST", bundle("transaction", ("POST", "Observation", mine))))
    assert answers[0].status == answers[1].status == 422
    assert same(answers[0], answers[2]), (answers[0].body, answers[2].body)
    assert same(answers[1], answers[3]), (answers[1].body, answers[3].body)
    assert f"lab-b-{record.mark}" not in answers[0].body.decode()
    own = record.observation("a", "refers", hasMember=[{"reference": f"Observation/lab-a-{record.mark}"}])
    del own["id"]
    narrow = record.token("patient/Observation.c")
    assert call("Observation", narrow, "POST", own).status == 201, "to one's own, and to who is shared"


def test_35_reading_scopes_do_not_write(record: Record) -> None:
    call = record.caller.get
    path, mine = f"Observation/lab-a-{record.mark}", record.observation("a", "lab-a")
    new = {name: value for name, value in mine.items() if name != "id"}
    patch = [{"op": "add", "path": "/language", "value": "pt"}]
    tries: tuple[tuple[str, str, str, Any, dict[str, str]], ...] = (
        ("c", "POST", "Observation", new, {}),
        ("u", "PUT", path, mine, {}),
        ("u", "PATCH", path, patch, {"Content_Type": PATCH}),
        ("us", "PUT", f"Observation?identifier=urn:o|lab-a-{record.mark}", new, {}),
        ("us", "PATCH", f"Observation?_id=lab-a-{record.mark}", patch, {"Content_Type": PATCH}),
        ("r", "GET", path, None, {}),
        ("r", "GET", f"{path}/_history", None, {}),
        ("r", "GET", f"{path}/_history/1", None, {}),
        ("s", "GET", "Observation?_count=1", None, {}),
        ("s", "GET", "Observation/_history?_count=1", None, {}),
        ("ds", "DELETE", "Observation?_id=nobody", None, {}),
        ("d", "DELETE", f"Observation/nobody-{record.mark}", None, {}),
    )
    for level in ("patient", "system"):
        for granted in ("read", "write", "c", "r", "u", "d", "s", "rs", "cud", "cruds"):
            token = record.token(f"{level}/Observation.{granted}")
            letters = {"read": "rs", "write": "cud"}.get(granted, granted)
            for needed, method, url, body, headers in tries:
                status = call(url, token, method, body, **headers).status
                assert (status != 403) == (set(needed) <= set(letters)), (level, granted, method, url, status)
    for wrong in ("sr", "ds.r", "", "Rs", "all"):
        assert call(path, record.token(f"patient/Observation.{wrong}")).status == 403, wrong
    for spoilt in ("patient/observation.rs", "patient/Observation\0.rs", "patient/\tObservation.rs"):
        assert call(path, record.token(spoilt)).status == 403, spoilt


def test_36_conditions_hold_for_reading_and_writing(record: Record) -> None:
    call, token = record.caller.get, record.token(LAB)
    lab, vital = f"Observation/lab-a-{record.mark}", f"Observation/vital-a-{record.mark}"
    assert (call(lab, token).status, call(vital, token).status) == (200, 404)
    assert call(f"Observation/lab-b-{record.mark}", token).status == 404
    assert vital not in record.shown("Observation?_count=1", token)
    assert lab in record.shown("Observation?_count=1", token)
    assert record.shown("Observation?category=vital-signs", token) == set()
    assert vital not in record.shown("Observation/_history?_count=100", token)
    into = record.observation("a", "lab-a", "vital-signs")
    assert call(lab, token, "PUT", into).status == 403
    assert call(vital, token, "PUT", record.observation("a", "vital-a")).status == 404
    assert call(vital, token, "DELETE").status == 204
    assert call(vital, record.operator).status == 200, "what is not visible is not deleted"
    for category, status in (("vital-signs", 403), ("laboratory", 201)):
        new = record.observation("a", "made", category)
        del new["id"]
        assert call("Observation", token, "POST", new).status == status
        made = call("", token, "POST", bundle("transaction", ("POST", "Observation", new)))
        assert made.status == (200 if status == 201 else 403)
    before = call(lab, record.operator).body
    to = [{"op": "replace", "path": "/category/0/coding/0/code", "value": "vital-signs"}]
    assert call(lab, token, "PATCH", to, Content_Type=PATCH).status == 403
    assert call(lab, record.operator).body == before
    system = record.caller.token(f"system/Observation.cruds?_id=lab-a-{record.mark},lab-b-{record.mark}")
    assert record.shown("Observation", system) == {lab, f"Observation/lab-b-{record.mark}"}
    assert call(vital, system).status == 404
    assert call(f"Observation/new-{record.mark}", system, "PUT", record.observation("a", "new")).status == 404


def test_36_an_old_version_under_a_condition(record: Record) -> None:
    one = record.observation("a", "was-vital", "vital-signs")
    record.put(one)
    record.put(record.observation("a", "was-vital"))
    token = record.token(LAB)
    path = f"Observation/{one['id']}"
    assert [record.caller.get(f"{path}/_history/{n}", token).status for n in (1, 2)] == [404, 200]
    assert len(record.caller.get(f"{path}/_history", token).json()["entry"]) == 1


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("status=final", True),
        ("status=final,amended", True),
        ("status=amended,final", True),
        ("status=final&category=laboratory", True),
        ("status=final&category=vital-signs", False),
        ("status=final%26category=vital-signs", False),
        ("status=final%2Camended", True),
        ("category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory", True),
        ("category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory", True),
        ("category=http://other|laboratory", False),
        ("status=final%5C,amended", False),
    ],
)
def test_37_values_in_conditions(record: Record, condition: str, found: bool) -> None:
    lab = f"Observation/lab-a-{record.mark}"
    token = record.token(f"patient/Observation.rs?{condition}")
    assert (lab in record.shown("Observation", token)) is found
    assert (record.caller.get(lab, token).status == 200) is found


def test_38_no_patient_in_the_token(record: Record) -> None:
    for scope in ("patient/*.rs", "system/*.rs patient/Observation.r"):
        assert record.caller.get("Observation", record.caller.token(scope)).status == 401, scope


def test_39_a_user_scope_opens_nothing_without_a_policy(record: Record) -> None:
    token = record.token("user/*.cruds")
    for path in (f"Patient/{record.a}", "Patient", "_history", "?_count=1", f"Practitioner/doctor-{record.mark}"):
        assert record.caller.get(path, token).status == 403, path


def test_40_no_way_round_a_missing_permission(record: Record) -> None:
    call, token = record.caller.get, record.token("patient/*.rs")
    before = call(f"Observation/lab-a-{record.mark}", record.operator).body
    lab, mine = f"Observation/lab-a-{record.mark}", record.observation("a", "lab-a")
    new = {name: value for name, value in mine.items() if name != "id"}
    entries = (("POST", "Observation", new), ("PUT", lab, mine | {"status": "amended"}), ("DELETE", lab))
    answer = call("", token, "POST", bundle("batch", *entries, ("GET", lab))).json()
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["403", "403", "403", "200"]
    for entry in entries:
        assert call("", token, "POST", bundle("transaction", ("GET", lab), entry)).status == 403
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}
    for operation in ("$meta-add", "$meta-delete", "$expunge"):
        assert call(f"{lab}/{operation}", token, "POST", parameters).status in (403, 404), operation
    assert call("$import", record.caller.token(EVERYTHING.replace("cruds", "rs")), "POST", parameters).status == 403
    assert call(lab, record.operator).body == before
    writer = record.token("patient/Observation.cu")
    for kind in ("representation", "minimal", "OperationOutcome"):
        made = call("Observation", writer, "POST", new, Prefer=f"return={kind}")
        assert made.status == 201
        assert b"subject" not in made.body, "what may not be read does not come back"


def test_36_what_a_condition_asks_is_not_for_everybody_to_say(record: Record) -> None:
    """A SearchParameter may take the place of one of R4, and scopes and policies go by it."""
    call = record.caller.get
    other = {
        "resourceType": "SearchParameter", "id": f"category-{record.mark}", "status": "active", "name": "category",
        "url": "http://hl7.org/fhir/SearchParameter/Observation-category", "description": "x", "code": "category",
        "base": ["Observation"], "type": "token", "expression": "Observation.status",
    }  # fmt: skip
    path = f"SearchParameter/{other['id']}"
    for scope in ("system/SearchParameter.cruds", "system/SearchParameter.cruds system/Observation.cruds"):
        narrow = record.caller.token(scope)
        for method, url, body in (
            ("PUT", path, other), ("POST", "SearchParameter", other), ("DELETE", path, None),
            ("PATCH", path, [{"op": "add", "path": "/language", "value": "pt"}]),
        ):  # fmt: skip
            kind = {"Content_Type": PATCH} if method == "PATCH" else {}
            assert call(url, narrow, method, body, **kind).status == 403, (scope, method)
        put = bundle("transaction", ("PUT", path, other))
        assert call("", narrow, "POST", put).status == 403
        assert call("SearchParameter?_count=1", narrow).status == 200
    limited = record.caller.token("system/Observation.rs?category=laboratory")
    assert f"Observation/vital-a-{record.mark}" not in record.shown(f"Observation?patient={record.a}", limited)
