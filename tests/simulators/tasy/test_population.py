"""The synthetic plan: the same for the same seed, its numbers right, its families whole, its lines valid."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from fhir_server.validation import validate
from mappings.check_digits import wrong
from mappings.tasy.member import to_coverage, to_patient
from mappings.tasy.provider import to_provider_resources
from mappings.tasy.read import record
from mappings.tasy.records import Card, Member, Plan, Provider
from mappings.tasy.site import Site
from simulators.tasy import families, health, ndjson, network, places, products, roster
from simulators.tasy.families import family
from simulators.tasy.places import MUNICIPALITIES
from simulators.tasy.population import members, population
from simulators.tasy.visits import visits

SIZE = 3000
DAY = date(2026, 3, 10)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert population(100, 7) == population(100, 7)
    assert population(100, 7) != population(100, 8)
    assert list(members(50, 7)) == list(islice(members(100, 7), 50))


def test_what_tells_members_apart() -> None:
    found = population(SIZE).members
    for part, name in (
        ("carteira", "cd_usuario_plano"),
        ("segurado", "nr_seq_segurado"),
        ("segurado", "cd_pessoa_fisica"),
    ):
        assert len({one[part][name] for one in found}) == SIZE
    known = [one["segurado"]["nr_cpf"] for one in found if one["segurado"]["nr_cpf"]]
    assert len(set(known)) == len(known)


def test_families_have_their_holder() -> None:
    for member, holder in ndjson.with_holders(members(SIZE)):
        who = member["segurado"]
        titular = who["nr_seq_titular"] or who["nr_seq_segurado"]
        assert titular == holder["segurado"]["nr_seq_segurado"]
        assert (who["nr_seq_titular"] is None) == (who["cd_parentesco_sib"] == "1")
        assert "1900-01-01" < who["dt_nascimento"] <= "2026-03-10"
        if who["cd_parentesco_sib"] in ("4", "6"):
            assert who["dt_nascimento"] > holder["segurado"]["dt_nascimento"]


def test_nobody_joins_a_contract_that_has_ended() -> None:
    contract = {
        "ie_situacao": "I", "dt_contratacao": date(2020, 1, 1), "dt_rescisao": DAY - timedelta(days=20),
        "dt_limite_utilizacao": None, "nr_contrato": 1, "ie_tipo_contratacao": "individual",
    }  # fmt: skip
    home, product = places.address(Random(1)), products.PRODUCTS[0]
    for seed in range(60):
        found = families.member(Random(seed), 1, 1, "4", 0, "EXEMPLO", contract, product, home, "01", DAY)["segurado"]
        assert found["dt_contratacao"] <= found["dt_rescisao"]


@pytest.mark.parametrize(("kind", "name"), [("cpf", "nr_cpf"), ("cns", "nr_cartao_nac_sus")])
def test_numbers_are_right_or_absent(kind: str, name: str) -> None:
    numbers = [one["segurado"][name] for one in population(SIZE).members]
    given = [number for number in numbers if number]
    assert SIZE / 2 < len(given) < SIZE
    assert {wrong(kind, number) for number in given} == {None}


def test_numbers_of_places_and_organizations() -> None:
    assert {wrong("ibge-municipality", one.code) for one in MUNICIPALITIES} == {None}
    found = [one["cd_cgc"] for one in population(SIZE).providers if one["ie_tipo_pessoa"] == "J"]
    found += [one["cd_cgc"] for one in population(1000, 2).providers if one["ie_tipo_pessoa"] == "J"]
    assert {wrong("cnpj", one) for one in found} == {None}
    assert {one.isdecimal() for one in found} == {True, False}


def test_the_process_is_what_is_documented() -> None:
    found = list(members(20_000, 3))
    ages = Counter((DAY - date.fromisoformat(one["segurado"]["dt_nascimento"])).days // 365 // 20 for one in found)
    assert 0.2 < ages[0] / 20_000 < 0.35
    assert 0.08 < sum(ages[band] for band in (3, 4, 5)) / 20_000 < 0.2
    kin = Counter(one["segurado"]["cd_parentesco_sib"] for one in found)
    assert set(kin) == {"1", "3", "4", "6", "8", "10"}
    assert 1.8 < 20_000 / kin["1"] < 2.8
    old = [one for one in found if one["segurado"]["dt_nascimento"] < "1961"]
    pressure = sum("I10" in one["cadastro"]["cids"] for one in old) / len(old)
    assert 0.5 < pressure < 0.65
    assert {one["segurado"]["ie_situacao"] for one in found} == {"A", "S", "I", "R"}


def test_more_visits_of_the_ill() -> None:
    plan = population(2000)
    counts: dict[bool, list[int]] = {True: [], False: []}
    for one in plan.members:
        if one["segurado"]["dt_contratacao"] < "2025-03":
            counts[bool(one["cadastro"]["cids"])].append(len(visits(one, plan.providers, 1, DAY)))
    ill, well = (sum(counts[one]) / len(counts[one]) for one in (True, False))
    assert well * 1.4 < ill < well * 4
    assert health.rate(30, "F", ()) > health.rate(30, "M", ())


def holds(more: Any, less: Any) -> bool:
    """Whether all that the one says is said by the other."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(name in more and holds(more[name], less[name]) for name in less)
    if isinstance(less, list):
        return isinstance(more, list) and all(any(holds(one, other) for one in more) for other in less)
    return bool(more == less)


def test_members_are_the_same_by_roster_and_by_rest() -> None:
    site = Site()
    for member, holder in ndjson.with_holders(members(800, 5)):
        found, drift = record(Member, member["segurado"])
        patient, faults = to_patient(found, site)
        assert (drift, faults) == ([], [])
        assert holds(roster.patient(member), patient)
        card, product = msgspec.convert(member["carteira"], Card), msgspec.convert(member["plano"], Plan)
        coverage = to_coverage(found, card, product, site)
        assert holds(roster.coverage(member, holder), coverage)


def test_providers_are_the_same_by_files_and_by_rest() -> None:
    for one in population(10_000).providers:
        provider, drift = record(Provider, one)
        resources, faults = to_provider_resources(provider, Site(), DAY)
        assert (drift, faults) == ([], [])
        assert resources[0]["active"] is True
        lines = {(line["resourceType"], line["id"]): line for line in network.lines(one)}
        assert {(line["resourceType"], line["id"]) for line in resources} == set(lines)
        for resource in resources:
            assert holds(lines[resource["resourceType"], resource["id"]], resource)


def test_lines_are_valid_and_refer_to_what_came_before(tmp_path: Path) -> None:
    counts = ndjson.written(ndjson.resources(150, 2, DAY), tmp_path, ndjson.TYPES)
    assert all(counts.values())
    assert counts["Patient"] == counts["Coverage"] == 150
    known: set[str] = set()
    for kind in ndjson.TYPES:
        lines = (tmp_path / f"{kind}.ndjson").read_bytes().splitlines()
        assert len(lines) == counts[kind]
        resources = [json.loads(line) for line in lines]
        known |= {f"{kind}/{one['id']}" for one in resources}
        for one in resources:
            assert [issue for issue in validate(one) if issue.severity == "error"] == []
            assert references(one) <= known
    assert sum(map(len, known)) > 0


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*map(references, value.values()))
    return set()


def test_compressed_files_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        found = ndjson.resources(40, 1, DAY, ndjson.B1)
        assert ndjson.written(found, tmp_path / name, ndjson.B1, compressed=True)["Coverage"] == 40
    one, other = ((tmp_path / name / "Coverage.ndjson.gz").read_bytes() for name in ("one", "other"))
    assert one == other
    assert len(gzip.decompress(one).splitlines()) == 40


def test_keys_of_a_family_are_its_own() -> None:
    for seed in (1, 2):
        keys = [one["segurado"]["nr_seq_segurado"] for number in range(200) for one in family(seed, number, DAY)]
        assert len(set(keys)) == len(keys)
