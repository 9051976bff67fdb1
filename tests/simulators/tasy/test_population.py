"""The synthetic plan: the same for the same seed, its numbers right, its families whole."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from mappings.check_digits import wrong
from mappings.tasy.member import to_coverage, to_patient
from mappings.tasy.provider import to_provider_resources
from mappings.tasy.read import record
from mappings.tasy.records import Card, Member, Plan, Provider
from mappings.tasy.site import Site
from simulators.tasy.population import population

SIZE = 3000


def test_the_same_seed_gives_the_same_plan() -> None:
    assert population(100, 7) == population(100, 7)
    assert population(100, 7) != population(100, 8)


def test_cards_and_persons_are_told_apart() -> None:
    members = population(SIZE).members
    for part, name in (
        ("carteira", "cd_usuario_plano"),
        ("segurado", "nr_seq_segurado"),
        ("segurado", "cd_pessoa_fisica"),
    ):
        assert len({one[part][name] for one in members}) == SIZE


def test_families_have_their_holder() -> None:
    members = population(SIZE).members
    holders = {one["segurado"]["nr_seq_segurado"] for one in members if one["segurado"]["cd_parentesco_sib"] == "1"}
    for one in members:
        who = one["segurado"]
        assert (who["nr_seq_titular"] in holders) == (who["cd_parentesco_sib"] != "1")
        assert "1900-01-01" < who["dt_nascimento"] <= "2026-03-10"


@pytest.mark.parametrize(("kind", "name"), [("cpf", "nr_cpf"), ("cns", "nr_cartao_nac_sus")])
def test_numbers_are_right_or_absent(kind: str, name: str) -> None:
    numbers = [one["segurado"][name] for one in population(SIZE).members]
    given = [number for number in numbers if number]
    assert SIZE / 2 < len(given) < SIZE
    assert {wrong(kind, number) for number in given} == {None}


def test_everything_can_be_mapped() -> None:
    """The mappings take all of it without a fault."""
    plan, site = population(500), Site()
    for one in plan.members:
        member, drift = record(Member, one["segurado"])
        assert (drift, to_patient(member, site)[1]) == ([], [])
        assert to_coverage(member, msgspec.convert(one["carteira"], Card), msgspec.convert(one["plano"], Plan), site)
    for one in plan.providers:
        provider, drift = record(Provider, one)
        resources, faults = to_provider_resources(provider, site, date(2026, 3, 10))
        assert (drift, faults) == ([], [])
        assert resources[0]["active"] is True
