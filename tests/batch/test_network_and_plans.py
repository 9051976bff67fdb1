"""B-2 and B-3 on a served hub: networks whose full sets end what they leave out, products that keep what they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from batch.ledger import Counts
from messages import runs
from tests.batch.conftest import Party, end_agent
from tests.batch.sets import network, products, written
from tests.batch.station import Station
from tests.hub_process import HubProcess

NETWORK = network(250)
PRODUCTS = products()["InsurancePlan"]


@pytest.fixture
def station(hub: HubProcess, module_database: str, tmp_path: Path, parties: dict[str, Party]) -> Iterator[Station]:
    yield Station.between(hub, module_database, tmp_path, parties)
    end_agent(tmp_path / "keys")
    end_agent(tmp_path / "tasy-keys")


def test_a_network_ends_what_it_leaves_out_unless_it_is_too_much(station: Station) -> None:
    station.sent(written(NETWORK), flow="REDE", mode="FULL")
    [first] = station.synced("REDE")
    assert (first.state, first.counts and first.counts.rejected) == (runs.APPLIED, 0)
    # One affiliation is no more: it ends. What the set does not tell is not counted as a line of it.
    station.cleared()
    affiliations = NETWORK["OrganizationAffiliation"]
    fewer = NETWORK | {"OrganizationAffiliation": affiliations[1:]}
    station.sent(written(fewer), flow="REDE", mode="FULL", number=2, sequence=413)
    [second] = station.synced("REDE")
    total = sum(map(len, fewer.values()))
    assert (second.state, second.counts) == (runs.APPLIED, Counts(total, 0, total, 0, 0))
    gone = station.hub.client.get(f"OrganizationAffiliation/{affiliations[0]['id']}")
    assert gone["active"] is False
    # Nobody would offer a specialty any more, and a tenth of the providers is gone.
    station.cleared()
    offered = [one for kind in ("PractitionerRole", "HealthcareService") for one in NETWORK[kind] if "specialty" in one]
    code = offered[0]["specialty"][0]["coding"][0]["code"]
    left = fewer | {
        kind: [one for one in NETWORK[kind] if f'"{code}"' not in orjson.dumps(one).decode()]
        for kind in ("PractitionerRole", "HealthcareService")
    }
    left["Practitioner"] = NETWORK["Practitioner"][3:]
    station.sent(written(left), flow="REDE", mode="FULL", number=3, sequence=414)
    [third] = station.synced("REDE")
    assert third.state == runs.HELD
    with psycopg.connect(station.url, autocommit=True) as connection:
        [held] = runs.listed(connection, states=[runs.HELD])
    assert {one.name for one in held.guards} == {"providers", "specialty"}
    assert station.hub.client.get(f"Practitioner/{NETWORK['Practitioner'][0]['id']}")["active"] is True


def test_a_product_keeps_what_it_was_and_closed_months_are_a_persons(station: Station) -> None:
    product = next(one for one in PRODUCTS if "end" not in one["period"]) | {"id": "plano-44"}
    february = product | {"period": {"start": "2026-02-01"}}
    station.sent(written({"InsurancePlan": [february]}), flow="PLANOS", mode="FULL")
    assert [one.state for one in station.synced("PLANOS")] == [runs.APPLIED]
    # The next month's version comes into force: what it was is closed and stays.
    station.cleared()
    march = product | {"period": {"start": "2026-03-01"}, "name": "OUTRO NOME"}
    station.sent(written({"InsurancePlan": [march]}), flow="PLANOS", mode="FULL", number=2, sequence=413)
    assert [one.state for one in station.synced("PLANOS")] == [runs.APPLIED]
    now, was = (station.hub.client.get(f"InsurancePlan/{id}") for id in ("plano-44", "plano-44-20260201"))
    assert (now["name"], now["period"]) == ("OUTRO NOME", {"start": "2026-03-01"})
    assert (was["name"], was["status"], was["period"]) == (
        product["name"], "retired", {"start": "2026-02-01", "end": "2026-02-28"}
    )  # fmt: skip
    # Terms of a closed month, and a product without its number: a person decides.
    station.cleared()
    late = product | {"period": {"start": "2026-02-01"}, "name": "RETROATIVO"}
    unnumbered = product | {"id": "plano-99", "identifier": product["identifier"][:1]}
    lines = {"InsurancePlan": [late, unnumbered]}
    station.sent(written(lines), flow="PLANOS", mode="FULL", number=3, sequence=414)
    [held] = station.synced("PLANOS")
    assert (held.state, "2026-02" in held.told, "1 produtos" in held.told) == (runs.HELD, True, True)
