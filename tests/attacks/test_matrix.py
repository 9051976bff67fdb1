"""Level x interaction x type x own, other, shared, labelled: what the served hub answers, and what the evaluator says.

CI takes a part of the cells and of the random requests. All of them: MATRIX=all pytest tests/attacks/test_matrix.py -s
"""

from __future__ import annotations

import json
import os
import random
import secrets
from collections import Counter
from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle
from tests.attacks.caller import Caller as Hub
from tests.attacks.evaluator import Evaluator
from tests.attacks.record import EVERYTHING
from tests.attacks.world import OF_PATIENTS, SHARED, callers, record
from tests.hub_process import Answer

ALL = os.environ.get("MATRIX") == "all"
CELLS = 10**9 if ALL else 1_600
REQUESTS = 20_000 if ALL else 500


@pytest.fixture(scope="module")
def mark() -> str:
    return f"m{secrets.token_hex(5)}"


@pytest.fixture(scope="module")
def resources(caller: Hub, mark: str) -> list[dict[str, Any]]:
    """The record, stored."""
    found = record(mark)
    token = caller.token(EVERYTHING, client=f"{mark}-loader", seconds=3600)
    puts = [("PUT", f"{one['resourceType']}/{one['id']}", one) for one in found]
    answer = caller.get("", token, "POST", bundle("transaction", *puts))
    assert answer.status == 200, answer.body[:2000]
    return found


@pytest.fixture(scope="module")
def tokens(caller: Hub, mark: str, resources: list[dict[str, Any]]) -> dict[str, str]:
    """Of every caller."""
    return {
        one.name: caller.token(
            one.scope, client=f"{mark}-{number}", subject=f"{mark}-{number}", seconds=3600, roles=one.roles,
            patient=one.patient, fhir_user=one.user, organization=one.organization,
        )
        for number, one in enumerate(callers(mark))
    }  # fmt: skip


INTERACTIONS = {"read": "r", "vread": "r", "history": "r", "search": "s", "count": "s", "patch": "u", "batch": "r"}


def asked(hub: Hub, token: str, interaction: str, kind: str, id: str) -> int:
    """What the hub makes of it: its status, of a search without matches 404."""
    path = f"{kind}/{id}"
    if interaction == "patch":
        nothing = [{"op": "test", "path": "/resourceType", "value": kind}]
        return hub.get(path, token, "PATCH", nothing, Content_Type=PATCH).status
    if interaction == "batch":
        answer = hub.get("", token, "POST", bundle("batch", ("GET", path)))
        return int(answer.json()["entry"][0]["response"]["status"][:3]) if answer.status == 200 else answer.status
    urls = {"read": path, "vread": f"{path}/_history/1", "history": f"{path}/_history", "search": f"{kind}?_id={id}",
            "count": f"{kind}?_id={id}&_summary=count"}  # fmt: skip
    answer = hub.get(urls[interaction], token)
    if answer.status == 200 and interaction in ("search", "count"):
        body = answer.json()
        return 200 if (len(body.get("entry", ())) if interaction == "search" else body["total"]) else 404
    return answer.status


def test_matrix(caller: Hub, mark: str, resources: list[dict[str, Any]], tokens: dict[str, str]) -> None:
    evaluator = Evaluator(resources)
    cells = [
        (who, interaction, one) for one in resources for who in callers(mark) for interaction in INTERACTIONS
    ]  # fmt: skip
    chosen = random.Random(7).sample(cells, min(CELLS, len(cells)))
    wrong: list[str] = []
    counted: Counter[int] = Counter()
    for who, interaction, one in chosen:
        permission, kind = INTERACTIONS[interaction], one["resourceType"]
        expected = 403
        if evaluator.granted(who, permission, kind):
            expected = 200 if evaluator.sees(who, permission, one) else 404
        found = asked(caller, tokens[who.name], interaction, kind, one["id"])
        counted[found] += 1
        if found != expected:
            wrong.append(f"{who.name}: {interaction} {kind}/{one['id']}: {found}, not {expected}")
    print(f"\nmatrix: {len(chosen)} of {len(cells)} cells, {dict(counted)}, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:40])
    assert min(counted[status] for status in (200, 403, 404)) > len(chosen) / 10


def queries(chance: random.Random, mark: str) -> str:
    """A search, its includes, and what else leads to resources."""
    kind = chance.choice([*OF_PATIENTS, "Patient", *SHARED])
    element = OF_PATIENTS.get(kind, ("subject", {}))[0].removesuffix("[]")
    code = {"beneficiary": "beneficiary"}.get(element, "patient")
    who = chance.choice(["a", "b"])
    own = [f"{code}=Patient/{who}-{mark}", f"{code}={who}-{mark}"] if kind in OF_PATIENTS else [f"_id={who}-{mark}"]
    parameters = chance.sample(
        [
            *own, f"_id={chance.choice(['own', 'other', 'labelled', 'model', 'shared'])}-{mark}", "_security=HIV",
            "_security:not=HIV", "_security:missing=true", "_sort=-_lastUpdated", "_total=accurate", "_count=3",
            f"_filter=_id%20eq%20own-{mark}%20or%20_id%20eq%20labelled-{mark}", f"{code}._id={who}-{mark}",
            f"{code}:Patient.birthdate=gt1900", "_lastUpdated=gt2000", f"{code}:missing=false",
        ],
        chance.randint(1, 3),
    )  # fmt: skip
    further = chance.choice([*OF_PATIENTS])
    parameters += chance.sample(
        [f"_include={kind}:{code}", "_include=*", f"_revinclude={further}:patient", "_revinclude=Encounter:patient",
         f"_has:{further}:patient:_security=HIV", f"_include:iterate={further}:patient"],
        chance.randint(0, 2),
    )  # fmt: skip
    shape = chance.random()
    query = "&".join(parameters)
    if shape < 0.1:
        return f"Patient/{who}-{mark}/{chance.choice([kind, '*'])}?{query}" if chance.random() < 0.7 else f"?{query}"
    if shape < 0.18:
        return f"Patient/{who}-{mark}/$everything?_count={chance.choice([5, 500])}"
    if shape < 0.22:
        return f"{kind}/_history?_count={chance.choice([3, 100])}"
    return f"{kind}?{query}"


def test_no_random_request_shows_what_the_evaluator_denies(
    caller: Hub, mark: str, resources: list[dict[str, Any]], tokens: dict[str, str]
) -> None:
    evaluator, chance = Evaluator(resources), random.Random(11)
    known = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    people = callers(mark)
    counted: Counter[int] = Counter()
    shown, leaks = 0, list[str]()
    made = 0
    while made < REQUESTS:
        who = chance.choice(people)
        several = [queries(chance, mark) for _ in range(chance.choice([1, 1, 1, 4]))]
        made += len(several)
        token = tokens[who.name]
        if len(several) == 1:
            answers = [caller.get(several[0], token)]
        else:
            whole = caller.get("", token, "POST", bundle("batch", *[("GET", url) for url in several]))
            answers = [
                Answer(int(one["response"]["status"][:3]), {}, json.dumps(one.get("resource", {})).encode())
                for one in whole.json()["entry"]
            ]
        for url, answer in zip(several, answers, strict=True):
            counted[answer.status] += 1
            assert answer.status in (200, 400, 403, 404), (url, answer.status, answer.body[:300])
            if answer.status != 200:
                continue
            for entry_ in answer.json().get("entry", ()):
                one = entry_.get("resource", {})
                stored = known.get(f"{one.get('resourceType')}/{one.get('id')}")
                if stored is None:
                    continue
                shown += 1
                if not any(evaluator.sees(who, permission, stored) for permission in "rs"):
                    leaks.append(f"{who.name}: {url} shows {one['resourceType']}/{one['id']}")
    print(f"\n{made} random requests, {dict(counted)}, {shown} resources shown, {len(leaks)} leaks")
    assert not leaks, "\n".join(leaks[:40])
    assert shown > REQUESTS / 2
