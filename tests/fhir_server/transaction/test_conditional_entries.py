"""Conditional references and requests inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import AsyncClient

from fhir_server.dispatch import Settings
from fhir_server.transaction import carry_out
from tests.fhir_server.transaction.bundles import (
    bundle,
    count,
    entry,
    expressions,
    identified,
    location,
    observation,
    post,
    statuses,
)

A = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a01"
B = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a02"
ONE = "identifier=http://ids|1"


async def given(client: AsyncClient, *values: str) -> list[str]:
    """Patients with these identifiers."""
    answer = await post(client, bundle(*[entry("POST", "Patient", identified(value)) for value in values]))
    return [location(answer, index) for index in range(len(values))]


async def subject(client: AsyncClient, answer: Any, index: int) -> Any:
    return (await client.get(location(answer, index))).json()["subject"]["reference"]


async def test_conditional_reference(client: AsyncClient) -> None:
    [one] = await given(client, "1")
    answer = await post(
        client,
        bundle(
            entry("POST", "Observation", observation(f"Patient?{ONE}")),
            entry("POST", "Observation", observation("Patient?identifier=http://ids%7C1")),
        ),
    )
    assert [await subject(client, answer, n) for n in (0, 1)] == [one, one]


async def test_conditional_reference_to_what_the_bundle_creates(client: AsyncClient) -> None:
    answer = await post(
        client,
        bundle(
            entry("POST", "Observation", observation(f"Patient?{ONE}")),
            entry("POST", "Patient", identified("1"), ifNoneExist=ONE),
        ),
    )
    assert await subject(client, answer, 0) == location(answer, 1)


async def test_conditional_reference_follows_what_the_bundle_changes(client: AsyncClient) -> None:
    [one] = await given(client, "1")
    id = one.split("/")[1]
    json = bundle(
        entry("PUT", one, identified("2", id=id)),
        entry("POST", "Observation", observation("Patient?identifier=http://ids|2")),
    )
    answer = await post(client, json)
    assert await subject(client, answer, 1) == one
    json = bundle(
        entry("PUT", one, identified("3", id=id)), entry("POST", "Observation", observation("Patient?identifier=2"))
    )
    await post(client, json, 400)


async def test_conditional_reference_with_several_matches(client: AsyncClient) -> None:
    await given(client, "1", "1")
    outcome = await post(client, bundle(entry("POST", "Observation", observation(f"Patient?{ONE}"))), 412)
    assert expressions(outcome) == ["Bundle.entry[0].resource.subject"]
    assert await count(client, "Observation") == 0


async def test_conditional_create(client: AsyncClient) -> None:
    json = bundle(
        entry("POST", "Patient", identified("1"), A, ifNoneExist=ONE), entry("POST", "Observation", observation(A))
    )
    first, second = await post(client, json), await post(client, json)
    assert (statuses(first), statuses(second)) == (["201", "201"], ["200", "201"])
    assert location(first, 0) == location(second, 0) == await subject(client, second, 1)
    await given(client, "1")
    outcome = await post(client, json, 412)
    assert expressions(outcome) == ["Bundle.entry[0].request.ifNoneExist"]


@pytest.mark.parametrize("criteria", [ONE, "family=nobody"])
async def test_the_same_conditional_create_twice_in_one_bundle(client: AsyncClient, criteria: str) -> None:
    answer = await post(
        client,
        bundle(
            entry("POST", "Patient", identified("1"), A, ifNoneExist=criteria),
            entry("POST", "Patient", identified("1"), B, ifNoneExist=criteria),
            entry("POST", "Observation", observation(B)),
        ),
    )
    assert statuses(answer) == ["201", "200", "201"]
    assert location(answer, 0) == location(answer, 1) == await subject(client, answer, 2)
    assert await count(client, "Patient") == 1


async def test_conditional_update(client: AsyncClient) -> None:
    json = bundle(entry("PUT", f"Patient?{ONE}", identified("1"), A), entry("POST", "Observation", observation(A)))
    first = await post(client, json)
    json["entry"][0]["resource"]["active"] = True
    second = await post(client, json)
    assert (statuses(first), statuses(second)) == (["201", "201"], ["200", "201"])
    assert location(first, 0) == location(second, 0) == await subject(client, second, 1)
    assert second["entry"][0]["response"]["etag"] == 'W/"2"'
    await given(client, "1")
    await post(client, json, 412)


async def test_conditional_update_with_an_id(client: AsyncClient) -> None:
    json = bundle(entry("PUT", f"Patient?{ONE}", identified("1", id="chosen")))
    assert location(await post(client, json), 0) == "Patient/chosen"
    assert statuses(await post(client, json)) == ["200"]
    await post(client, bundle(entry("PUT", f"Patient?{ONE}", identified("1", id="other"))), 400)
    await post(client, bundle(entry("PUT", "Patient?identifier=none", identified("1", id="chosen"))), 409)


async def test_conditional_delete(client: AsyncClient, database: str, served: Callable[..., Any]) -> None:
    json = bundle(entry("DELETE", f"Patient?{ONE}"))
    assert statuses(await post(client, json)) == ["204"]
    await given(client, "1", "1", "2")
    await post(client, json, 412)
    async with served(database, Settings(conditional_delete_multiple=True)) as several:
        assert statuses(await post(several, json)) == ["204"]
    assert await count(client, "Patient") == 1


async def test_conditional_patch(client: AsyncClient) -> None:
    [one] = await given(client, "1")
    value = {"name": "value", "valueBoolean": True}
    parts = [{"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"}]
    parts += [{"name": "name", "valueString": "active"}, value]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    answer = await post(client, bundle(entry("PATCH", f"Patient?{ONE}", patch)))
    assert (statuses(answer), location(answer, 0)) == (["200"], one)
    assert (await client.get(one)).json()["active"] is True
    await post(client, bundle(entry("PATCH", "Patient?identifier=none", patch)), 404)


async def test_a_match_deleted_first_does_not_count(client: AsyncClient) -> None:
    [one] = await given(client, "1")
    answer = await post(
        client, bundle(entry("POST", "Patient", identified("1"), ifNoneExist=ONE), entry("DELETE", one))
    )
    assert statuses(answer) == ["201", "204"]
    assert location(answer, 0) != one


async def test_many_at_once_make_one_resource(client: AsyncClient) -> None:
    json = bundle(
        entry("POST", "Patient", identified("1"), A, ifNoneExist=ONE),
        entry("POST", "Patient", identified("2"), ifNoneExist="identifier=http://ids|2"),
        entry("POST", "Observation", observation(A)),
    )
    reverse = bundle(*reversed(json["entry"]))
    answers = await asyncio.gather(*[post(client, json if n % 2 else reverse) for n in range(24)])
    assert sum(statuses(answer).count("200") for answer in answers) == 2 * 23
    assert await count(client, "Patient") == 2
    assert await count(client, "Observation") == 24


async def test_many_at_once_updating_the_same(client: AsyncClient) -> None:
    async def once(n: int) -> None:
        both = [entry("PUT", f"Patient/{id}", identified(str(n), id=id)) for id in ("a", "b")]
        await post(client, bundle(*(both if n % 2 else reversed(both))))

    await asyncio.gather(*[once(n) for n in range(12)])
    a, b = [(await client.get(f"Patient/{id}")).json() for id in ("a", "b")]
    assert a["identifier"] == b["identifier"]
    assert a["meta"]["versionId"] == b["meta"]["versionId"] == "12"


async def test_one_of_many_wins_with_if_match(client: AsyncClient) -> None:
    await post(client, bundle(entry("PUT", "Patient/a", identified("0", id="a"))))

    async def once(n: int) -> int:
        json = bundle(entry("PUT", "Patient/a", identified(f"n{n}", id="a"), ifMatch='W/"1"'))
        headers = {"content-type": "application/fhir+json"}
        return (await client.post("", json=json, headers=headers)).status_code

    found = sorted(await asyncio.gather(*[once(n) for n in range(12)]))
    assert found == [200] + [412] * 11


async def test_too_many_criteria(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "MOST_CRITERIA", 2)
    creates = [entry("POST", "Patient", identified(v), ifNoneExist=f"identifier=http://ids|{v}") for v in "123"]
    assert statuses(await post(client, bundle(*creates[:2]))) == ["201", "201"]
    await post(client, bundle(*creates), 413)
    assert await count(client, "Patient") == 2
