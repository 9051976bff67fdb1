"""B-4: what differs between the ERP's record and the hub's is found, and nothing else."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.canonical import FIELDS, masked
from batch.compare import Comparison, Kind
from batch.entities import FLOWS, OF_ERP, Entity, entity
from batch.report import as_csv, as_html
from mappings.identifiers import CNS, CPF
from messages import runs
from simulators.tasy import population
from simulators.tasy.differences import Seeded
from tests.batch.conftest import Party, end_agent
from tests.batch.sets import DAY, NAME, SITE, active, members, written
from tests.batch.station import SEALING, Station
from tests.hub_process import HubProcess

PATIENT: dict[str, Any] = {
    "resourceType": "Patient", "id": "pf-1", "active": True, "birthDate": "1980-05-15", "gender": "female",
    "identifier": [{"system": CPF, "value": "52998224725"}], "name": [{"text": "MARIA DA CONCEIÇÃO SILVA"}],
}  # fmt: skip
COVERAGE: dict[str, Any] = {
    "resourceType": "Coverage", "id": "seg-1", "status": "active", "subscriberId": "0012",
    "period": {"start": "2026-01-01"}, "beneficiary": {"reference": "Patient/pf-1"},
}  # fmt: skip
CUT = datetime(2026, 3, 10, tzinfo=UTC)


def kind_of(resource_type: str) -> Entity:
    found = entity("RECONCILIACAO", resource_type)
    assert found is not None
    return found


def compared(tasy: dict[str, Iterable[Any]], hub: dict[str, Iterable[Any]]) -> Comparison:
    comparison = Comparison(SITE, CUT)
    for one in FLOWS["RECONCILIACAO"]:
        if one.type in tasy:
            side = comparison.begin(one, tasy[one.type], lambda id: OF_ERP.fullmatch(id) is not None)
            for resource in hub.get(one.type, ()):
                side.add(resource)
            side.end()
    assert all(one.adds_up for one in comparison.tallies.values())
    return comparison


@pytest.mark.parametrize(
    ("tasy", "hub", "found"),
    [
        ({}, {}, []),
        ({"name": [{"text": "Maria  da Conceicao Silva"}]}, {}, []),
        ({"identifier": [{"system": "https://saude.gov.br/sid/cpf", "value": "52998224725"}]}, {}, []),
        ({"telecom": [{"value": "1"}]}, {}, []),
        ({"name": [{"text": "MARIA CONCEICAO SOUZA"}]}, {}, [(Kind.IDENTITY, "nome")]),
        ({"birthDate": "1980-05-16", "gender": "male"}, {}, [(Kind.IDENTITY, "nascimento"), (Kind.IDENTITY, "sexo")]),
        ({"active": False}, {}, [(Kind.STATE, "situacao")]),
        ({}, {"identifier": []}, [(Kind.IDENTITY, "cpf")]),
        ({}, {"name": 5, "identifier": "x"}, [(Kind.IDENTITY, "cpf"), (Kind.IDENTITY, "nome")]),
    ],
)
def test_people(tasy: dict[str, Any], hub: dict[str, Any], found: list[tuple[Kind, str]]) -> None:
    comparison = compared({"Patient": [PATIENT | tasy]}, {"Patient": [PATIENT | hub]})
    assert [(one.kind, one.field) for one in comparison.differences] == found


def test_contracts() -> None:
    other = COVERAGE | {"subscriberId": "12", "period": {"start": "2026-01-02T00:00:00-03:00"}}
    comparison = compared({"Patient": [PATIENT], "Coverage": [COVERAGE]}, {"Patient": [PATIENT], "Coverage": [other]})
    [one] = comparison.differences
    assert (one.kind, one.field, one.hub, one.tasy, one.newest) == (
        Kind.CONTENT, "inicio", "2026-01-02", "2026-01-01", "tasy"
    )  # fmt: skip


def test_one_side_alone_duplicates_and_orphans() -> None:
    twin = PATIENT | {"id": "pf-9"}
    own = PATIENT | {"id": "5f3a-portal"}
    stranger = PATIENT | {"id": "app-1", "identifier": [{"system": CNS, "value": "700000000012348"}]}
    nobodys = COVERAGE | {"id": "seg-2", "subscriberId": "13", "beneficiary": {"reference": "Patient/pf-none"}}
    comparison = compared(
        {"Patient": [PATIENT, twin], "Coverage": [COVERAGE, nobodys]},
        {"Patient": [PATIENT, own, stranger, PATIENT | {"id": "pf-7", "identifier": []}], "Coverage": []},
    )
    assert [(one.kind, one.id, one.other) for one in comparison.differences] == [
        (Kind.DUPLICATE_TASY, "pf-9", "pf-1"),
        (Kind.DUPLICATE_HUB, "5f3a-portal", "pf-1"),
        (Kind.ONLY_HUB, "pf-7", ""),
        (Kind.ORPHAN, "seg-2", ""),
        (Kind.ONLY_TASY, "seg-1", ""),
    ]
    page = as_html(comparison, NAME).decode()
    rows = list(csv.reader(io.StringIO(as_csv(comparison).decode())))
    for text in (page, str(rows)):
        assert "52998224725" not in text
        assert "***4725" in text
    assert len(rows) == 6


def decision(number: int, outcome: str = "queued", state: str = "2") -> dict[str, Any]:
    """A guide's, as the ERP tells it."""
    return {
        "resourceType": "ClaimResponse", "id": f"guia-{number}", "status": "active", "outcome": outcome,
        "identifier": [{"system": SITE.systems.sid("tasy/guia"), "value": str(number)}],
        "extension": [{"url": SITE.systems.extension("tasy-status"), "valueCode": state}],
    }  # fmt: skip


def test_open_guides_are_found_by_the_number_of_the_erp() -> None:
    own = [decision(number) | {"id": f"5f3a-{number}"} for number in range(1, 4)]
    comparison = compared(
        {"ClaimResponse": [decision(1), decision(2), decision(3, state="5"), decision(4)]},
        {
            "ClaimResponse": [
                own[0],
                decision(2, "complete", "1") | {"id": "5f3a-2", "preAuthRef": "A000002"},
                own[2],
                decision(5) | {"id": "5f3a-5"},
                decision(6, "complete") | {"id": "5f3a-6"},  # decided: the ERP does not tell of it
                decision(7) | {"id": "5f3a-7", "identifier": []},  # on its way to the ERP
                decision(8) | {"id": "5f3a-8", "status": "cancelled"},
            ]
        },
    )
    assert [(one.kind, one.id, one.field) for one in comparison.differences] == [
        (Kind.CONTENT, "guia-2", "resultado"),
        (Kind.CONTENT, "guia-2", "estado"),
        (Kind.CONTENT, "guia-2", "senha"),
        (Kind.CONTENT, "guia-3", "estado"),
        (Kind.ONLY_HUB, "guia-5", ""),
        (Kind.ONLY_TASY, "guia-4", ""),
    ]
    assert comparison.tallies["ClaimResponse"].equal == 1


NAMES = st.sampled_from(["identifier", "name", "period", "system", "class"])
ANYTHING = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
)


@given(st.sampled_from(sorted(FIELDS)), ANYTHING)
def test_whatever_stands_in_a_resource_can_be_compared(resource_type: str, content: Any) -> None:
    resource = {"resourceType": resource_type, "id": "x", "name": content, "identifier": content, "period": content,
                "class": content, "relationship": content, "location": content, "address": content}  # fmt: skip
    comparison = compared({resource_type: [resource]}, {resource_type: [resource]})
    assert not [one for one in comparison.differences if one.kind is not Kind.ORPHAN]


def test_every_type_of_a_flow_is_compared() -> None:
    assert {one.type for found in FLOWS.values() for one in found} == set(FIELDS)


def test_what_is_personal_is_masked() -> None:
    fields = {(kind, one.name): one for kind, found in FIELDS.items() for one in found}
    assert masked("52998224725", fields["Patient", "cpf"]) == "***4725"
    assert masked("MARIA SILVA", fields["Patient", "nome"]) == "***"
    assert masked("1980-05-15", fields["Patient", "nascimento"]) == "***"
    assert masked("2026-01-01", fields["Coverage", "inicio"]) == "2026-01-01"


def test_22_seeded_differences_are_found_and_none_invented(
    module_database: str, tmp_path: Path, parties: dict[str, Party]
) -> None:
    people = members(400)
    seeded = Seeded(population.members(400, 1, DAY), 4, 1, DAY)
    other: dict[str, list[Any]] = {kind: [] for kind in people}
    for kind, line in seeded.lines((kind, one) for kind, found in people.items() for one in found):
        other[kind].append(line)
    with HubProcess(tmp_path / "hub", {"database_url": module_database}) as hub:
        station = Station.between(hub, module_database, tmp_path, parties)
        station.sent(written(people), totals={"qt_ativos_apos": active(people)})
        station.synced()
        before = station.versions()
        station.cleared()
        name = station.sent(written(other), flow="RECONCILIACAO", mode="FULL", sequence=7)
        [outcome] = station.synced("RECONCILIACAO")
        assert outcome.state == runs.APPLIED
        assert station.versions() == before  # nothing is applied
        with psycopg.connect(module_database, autocommit=True) as connection:
            [run] = runs.listed(connection, flow="B-4")
            reports = dict(runs.reports(connection, run.id))
            kept = runs.report(connection, SEALING, run.id, f"{name}.csv")
        assert set(reports) == {f"{name}.html", f"{name}.csv"}
        assert kept is not None
        rows = list(csv.DictReader(io.StringIO(kept.body.decode())))
        told = {f"{one['recurso']}/{one['id']}" for one in rows}
        wanted = {
            reference
            for one in seeded.told
            for reference in (one.references[:1] if one.kind == "duplicate" else one.references)
        }
        assert told == wanted & told
        assert wanted - told <= {one for one in wanted if one.startswith("RelatedPerson") and one not in before}
        kinds = {
            "only-in-hub": Kind.ONLY_HUB, "name": Kind.IDENTITY, "birth-date": Kind.IDENTITY, "card": Kind.CONTENT,
            "status": Kind.STATE, "duplicate": Kind.DUPLICATE_TASY, "only-in-tasy": Kind.ONLY_TASY,
            "orphan": Kind.ORPHAN,
        }  # fmt: skip
        by_reference = {f"{one['recurso']}/{one['id']}": one["tipo"] for one in rows}
        for one in seeded.told:
            assert by_reference[one.references[0]] == kinds[one.kind], one
        assert len(rows) == len(told)
        # The ERP's team gets them encrypted, with values.
        sealed = station.folder / "saida" / "retorno" / name.file("Propostas")
        assert station.tasy.open(sealed, tmp_path / "proposals") == station.keys[1]
        assert len(gzip.decompress((tmp_path / "proposals").read_bytes()).splitlines()) == len(rows)
        assert station.receipt(name)["cd_resultado"] == "ACEITO"
    end_agent(tmp_path / "keys")
    end_agent(tmp_path / "tasy-keys")
