"""How many requests a minute."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hub.rates import Rates, TooManyRequests
from hub.shared_counts import SharedCounts
from smart_auth.scopes import Access
from smart_auth.seal import new_key
from tests.attacks.caller import Caller
from tests.hub_process import HubProcess

SERVICE = Access("lab", unrestricted=False, client="lab")


def person(name: str, app: str = "app") -> Access:
    return Access(name, unrestricted=False, client=app)


@dataclass
class Clock:
    at: float = 120.0

    def __call__(self) -> float:
        return self.at


def test_each_counts_for_itself_and_every_minute_anew() -> None:
    clock = Clock(130.0)
    rates = Rates(3, 2, SharedCounts(None), clock)
    assert rates.count(SERVICE) == {"RateLimit-Policy": '"client";q=3;w=60', "RateLimit": '"client";r=2;t=50'}
    rates.count(SERVICE)
    assert rates.count(SERVICE)["RateLimit"] == '"client";r=0;t=50'
    with pytest.raises(TooManyRequests) as refused:
        rates.count(SERVICE)
    assert refused.value.headers["Retry-After"] == "50"
    assert refused.value.headers["RateLimit"] == '"client";r=0;t=50'
    # One app, two people; one person, two apps.
    rates.count(person("ana"))
    rates.count(person("rui"))
    rates.count(person("ana", "other"))
    with pytest.raises(TooManyRequests):
        rates.count(person("ana"))
    rates.count(person("rui"))
    clock.at = 180.0
    assert rates.count(SERVICE)["RateLimit"] == '"client";r=2;t=60'
    rates.count(person("ana"))


def test_no_limit() -> None:
    rates = Rates(0, 0, SharedCounts(None))
    assert [rates.count(SERVICE) for _ in range(10)] == [{}] * 10
    assert rates.count(person("ana")) == {}


@pytest.fixture(scope="module")
def caller(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    key = new_key()
    settings = {"database_url": module_database, "access": "smart", "key": key, "client_rate": "20", "person_rate": "5",
                "workers": "2"}  # fmt: skip
    with HubProcess(tmp_path_factory.mktemp("hub"), settings) as served:
        found = Caller(served, module_database, key)
        yield found
        found.close()


def test_served(caller: Caller) -> None:
    service, ana = caller.token("system/*.rs"), caller.token("system/*.rs", subject="ana")
    statuses = []
    began = time.monotonic()
    for _ in range(61):  # in one minute or two
        caller.hub.client.close()  # the next connection may come to the other worker
        answer = caller.get("Patient/none", service)
        statuses.append(answer.status)
        assert answer.headers["ratelimit-policy"] == '"client";q=20;w=60'
    assert set(statuses) == {404, 429}
    assert statuses[:20] == [404] * 20 or 404 in statuses[20:]
    minutes = time.monotonic() // 60 - began // 60 + 1
    assert statuses.count(404) == 20 * minutes, "over both workers"
    assert answer.status == 429
    assert answer.json()["issue"][0]["code"] == "throttled"
    assert answer.headers["retry-after"] == answer.headers["ratelimit"].rpartition("=")[2]
    # Others are not in its way, and what is open to all is not counted.
    assert caller.get("Patient/none", ana).status == 404
    assert caller.get("metadata", service).status == 200
