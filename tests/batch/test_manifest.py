"""Names, manifests, the chain, guards, receipts: decisions about sets of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch import guards
from batch.chain import Turn, turn
from batch.faults import CODES, SetRefused
from batch.manifest import Manifest, digest, manifest_of
from batch.names import FLOWS, SetName, set_name
from batch.receipt import receipt, refused, rejected

NAME = SetName("999997", "MEMBROS", date(2026, 3, 10), 1)
FILE = {
    "nm_arquivo": NAME.file("Coverage"), "ds_recurso": "Coverage", "qt_registros": 312, "qt_bytes": 48211,
    "ds_sha256": "a" * 64, "ds_sha256_claro": "b" * 64,
}  # fmt: skip
SET: dict[str, Any] = {
    "versao_contrato": "1.0", "fluxo": "MEMBROS", "modo": "DELTA", "nr_sequencia_fluxo": 412,
    "nr_sequencia_anterior": 411,
    "registro_ans": "999997", "cd_estabelecimento": 1, "dt_corte_de": "2026-03-09T00:00:00",
    "dt_corte_ate": "2026-03-10T00:00:00", "dt_geracao": "2026-03-10T03:00:12", "arquivos": [FILE],
    "totais": {"qt_ativos_apos": 120345, "qt_inclusao": 40, "qt_alteracao": 262, "qt_exclusao": 8, "qt_reativacao": 2},
}  # fmt: skip
NOW = datetime(2026, 3, 10, 3, 4, 55)


def manifest(**changes: Any) -> Manifest:
    return manifest_of(json.dumps(SET | changes).encode(), NAME)


def test_the_contracts_manifest() -> None:
    found = manifest()
    assert (found.arquivos[0].qt_registros, found.totais.qt_ativos_apos) == (312, 120345)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"versao_contrato": "2.0"}, "HUB-B101"),
        ({"modo": "PARTIAL"}, "HUB-B101"),
        ({"nr_sequencia_fluxo": 0}, "HUB-B101"),
        ({"arquivos": [FILE | {"ds_sha256": "x"}]}, "HUB-B101"),
        ({"arquivos": [FILE, FILE]}, "HUB-B101"),
        ({"fluxo": "REDE"}, "HUB-B102"),
        ({"registro_ans": "999989"}, "HUB-B102"),
        ({"arquivos": [FILE | {"nm_arquivo": "../../etc/passwd"}]}, "HUB-B102"),
        ({"arquivos": [FILE | {"nm_arquivo": NAME.file("Coverage/../x")}]}, "HUB-B102"),
        ({"arquivos": [FILE | {"ds_recurso": "Patient"}]}, "HUB-B102"),
    ],
)
def test_manifests_that_are_none(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(SetRefused) as told:
        manifest(**changes)
    assert told.value.code == code
    assert CODES[code] in str(told.value)


@pytest.mark.parametrize("source", [b"", b"{}", b"[]", b"\xff"])
def test_no_manifest(source: bytes) -> None:
    with pytest.raises(SetRefused):
        manifest_of(source, NAME)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("999997_MEMBROS_20260310_0001_Coverage.ndjson.gz.pgp", NAME),
        ("999997_MEMBROS_20260310_0001.done", NAME),
        ("999997_MEMBROS_20260230_0001.done", None),
        ("99999_MEMBROS_20260310_0001.done", None),
        ("999997_OUTRO_20260310_0001.done", None),
        ("x", None),
    ],
)
def test_names(text: str, found: SetName | None) -> None:
    assert set_name(text) == found


@given(
    st.builds(
        SetName,
        st.from_regex(r"[0-9]{6}", fullmatch=True),
        st.sampled_from(FLOWS),
        st.dates(date(2000, 1, 1)),
        st.integers(1, 9999),
    )
)
def test_a_name_comes_back(name: SetName) -> None:
    assert set_name(name.done) == set_name(name.manifest) == name
    assert name.resource_of(name.file("PractitionerRole")) == "PractitionerRole"
    assert name.resource_of(name.file("_Deleted")) == "_Deleted"


@pytest.mark.parametrize(
    ("number", "before", "mode", "answered", "expected"),
    [
        (412, 411, "DELTA", {}, Turn.APPLY),
        (412, 411, "DELTA", {411: "x"}, Turn.APPLY),
        (413, 412, "DELTA", {411: "x"}, Turn.WAIT),
        (412, 411, "DELTA", {411: "x", 412: "this"}, Turn.DUPLICATE),
        (412, 411, "DELTA", {411: "x", 412: "another"}, Turn.REFUSE),
        (413, 412, "FULL", {411: "x"}, Turn.APPLY),
        (412, 411, "DELTA", {411: "x", 413: "y"}, Turn.OUTDATED),
        (412, 411, "FULL", {411: "x", 413: "y"}, Turn.OUTDATED),
        (412, None, "DELTA", {411: "x"}, Turn.APPLY),
        (414, None, "DELTA", {411: "x"}, Turn.WAIT),
    ],
)
def test_16_the_chain(number: int, before: int | None, mode: str, answered: Mapping[int, str], expected: Turn) -> None:
    found = manifest(nr_sequencia_fluxo=number, nr_sequencia_anterior=before, modo=mode)
    assert turn(found, "this", answered) is expected


@given(st.permutations(range(410, 416)))
def test_16_any_order_of_arrival_is_applied_in_order(arrivals: list[int]) -> None:
    answered: dict[int, str] = {409: "409"}
    waiting: list[int] = []
    for number in arrivals:
        waiting.append(number)
        while ready := [
            one for one in waiting
            if turn(manifest(nr_sequencia_fluxo=one, nr_sequencia_anterior=one - 1), str(one), answered) is Turn.APPLY
        ]:  # fmt: skip
            [one] = ready
            assert one == max(answered) + 1
            answered[one] = str(one)
            waiting.remove(one)
    assert list(answered) == list(range(409, 416))


@pytest.mark.parametrize(
    ("active", "exclusions", "expected", "counted", "names"),
    [
        (10_000, 200, 9_800, 9_800, []),
        (10_000, 201, 9_799, 9_799, ["exclusions"]),
        (120_000, 501, 119_499, 119_499, ["exclusions"]),
        (120_000, 500, 119_500, 119_500, []),
        (10_000, 0, 10_000, 10_050, []),
        (10_000, 0, 10_000, 10_051, ["total"]),
        (10_000, 3_000, 7_000, 10_000, ["exclusions", "total"]),
        (0, 0, 50_000, 50_000, []),
    ],
)
def test_17_guards_of_members(active: int, exclusions: int, expected: int, counted: int, names: list[str]) -> None:
    assert [one.name for one in guards.members(active, exclusions, expected, counted)] == names


def test_guards_of_network_and_plans() -> None:
    assert guards.network(100, 95, {}) == []
    assert [one.name for one in guards.network(100, 94, {"3549805": {"225125"}, "3550308": set()})] == [
        "providers",
        "specialty",
    ]
    assert guards.plans(0, set()) == []
    assert [one.name for one in guards.plans(1, {"2026-02"})] == ["ans-number", "closed-month"]


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_figures_of_a_receipt_add_up(received: int, bad: int, waiting: int) -> None:
    rejects = [rejected(NAME.file("Coverage"), line, None, "HUB-B204") for line in range(1, bad + 1)]
    if bad + waiting > received:
        with pytest.raises(ValueError):
            receipt(manifest(), "h", received, rejects, waiting, NOW)
        return
    found = receipt(manifest(), "h", received, rejects, waiting, NOW)
    assert found.qt_recebidos == found.qt_aceitos + found.qt_rejeitados + found.qt_em_revisao
    assert (found.cd_resultado == "ACEITO") == (bad == waiting == 0)


def test_a_receipt_as_it_is_sent() -> None:
    found = json.loads(
        receipt(manifest(), digest(b"x"), 312, [rejected("f", 17, "880017", "HUB-B204")], 1, NOW).encoded()
    )
    assert (found["cd_resultado"], found["qt_aceitos"]) == ("PARCIAL", 310)
    assert found["rejeitos"] == [
        {"nm_arquivo": "f", "nr_linha": 17, "id_recurso": "880017", "cd_erro": "HUB-B204",
         "ds_erro": "dígito verificador inválido", "ie_corrigivel": "S"}
    ]  # fmt: skip
    held = refused(manifest(), "h", 312, NOW, held=True)
    assert (held.cd_resultado, held.qt_em_revisao, held.qt_rejeitados) == ("RETIDO", 312, 0)
