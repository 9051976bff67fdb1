"""`hub serve --simulate`: an ERP beside the hub, its members in the record, days that pass, lines that are bad."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.cli import main
from hub.simulate import said
from simulators.tasy.station import where
from tests.hub.running import Hub
from tests.hub.tasy.conftest import claim, question

Json = Any
SECONDS = 90


@pytest.fixture(scope="module")
def served(hub: Hub) -> Hub:
    hub.settings["access"] = "smart"
    hub.serve("--simulate")
    until(lambda: where(hub.folder / "tasy"))
    return hub


def until(found: Callable[[], Any]) -> Any:
    """Asks until there is an answer."""
    deadline = time.monotonic() + SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return answer


def did(hub: Hub, path: str = "", body: str = "") -> Json:
    return json.loads(said(hub.folder / "tasy", path, body))


def receipt(hub: Hub, flow: str, number: int) -> Callable[[], Json]:
    def look() -> Json:
        return next(
            (
                one
                for one in did(hub)["recibos"]
                if (one["fluxo"], one["nr_sequencia_fluxo"], one["assinado"]) == (flow, number, True)
            ),
            None,
        )

    return look


def test_members_network_and_products_are_in_the_record(served: Hub) -> None:
    first = until(receipt(served, "MEMBROS", 1))
    assert (first["cd_resultado"], first["qt_rejeitados"]) == ("ACEITO", 0)
    bearer = {"Authorization": f"Bearer {served.run('token', '--demo', '--minutes', '60').stdout.strip()}"}

    def total(kind: str) -> int:
        found: int = httpx2.get(f"{served.url}/fhir/{kind}?_summary=count", headers=bearer).json()["total"]
        return found

    assert (total("Patient"), total("Coverage"), total("InsurancePlan")) == (200, 200, 4)
    assert total("Patient") + total("RelatedPerson") + total("Coverage") == first["qt_recebidos"]
    assert until(receipt(served, "REDE", 1))["cd_resultado"] == "ACEITO"
    page = httpx2.get(f"{served.url}/").text
    assert "The simulated ERP" in page
    assert "is simulated at https://127.0.0.1:" in served.output()


def test_1_a_guide_from_the_question_to_its_payment(served: Hub) -> None:
    until(receipt(served, "REDE", 1))
    until(receipt(served, "MEMBROS", 1))
    token = served.run("token", "--demo", "--minutes", "60").stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    def found(path: str) -> list[Json]:
        bundle = httpx2.get(f"{served.url}/fhir/{path}", headers=headers, timeout=30).json()
        return [entry["resource"] for entry in bundle.get("entry", ())]

    def submit(resource: Json) -> Json:
        url = f"{served.url}/fhir/{resource['resourceType']}/$submit"
        answer = httpx2.post(url, content=json.dumps(resource), headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    cover = next(one for one in found("Coverage?status=active&_count=50") if "end" not in one["period"])
    keys = (cover["beneficiary"]["reference"].removeprefix("Patient/pf-"), cover["id"].removeprefix("seg-"))
    member = {"segurado": dict(zip(("cd_pessoa_fisica", "nr_seq_segurado"), keys, strict=True))}
    answer = submit(question(member, servicedDate=date.today().isoformat()))
    assert answer["insurance"][0]["inforce"] is True

    [clinic], [doctor] = found("Organization?_count=1"), found("Practitioner?_count=1")
    asked = claim(member, "JOURNEY1", "31003079", provider={"reference": f"Organization/{clinic['id']}"})
    asked["careTeam"][0]["provider"]["reference"] = f"Practitioner/{doctor['id']}"
    response = submit(asked)
    assert response["outcome"] == "queued"
    [key] = until(lambda: list(did(served)["guias"]))
    did(served, "guias", json.dumps({"nr_seq_guia": int(key)}))  # a person says yes, and the hub is told
    until(lambda: found(f"ClaimResponse?_id={response['id']}&outcome=complete"))
    [number] = did(served, "contas", "{}")["protocolos"]
    for _ in range(3):
        did(served, "contas", '{"advance": true}')
    [paid] = until(lambda: found("PaymentReconciliation"))
    assert paid["id"] == f"protocolo-{number}"


def test_a_day_passes_and_a_line_is_bad(served: Hub) -> None:
    until(receipt(served, "MEMBROS", 1))
    did(served, "conjuntos", '{"flow": "MEMBROS", "full": false}')
    assert until(receipt(served, "MEMBROS", 2))["cd_resultado"] == "ACEITO"
    done = served.run("simulate", "do", "cenarios", '{"number": 18}')
    assert json.loads(done.stdout)["cenario"] == 18, done.stderr
    bad = until(receipt(served, "MEMBROS", 3))
    assert (bad["cd_resultado"], bad["qt_rejeitados"]) == ("PARCIAL", 1)
    [rejected] = bad["rejeitos"]
    assert (rejected["nr_linha"], rejected["cd_erro"]) == (17, "HUB-B204")


def test_started_again_it_goes_on(served: Hub, tmp_path: Path) -> None:
    until(receipt(served, "MEMBROS", 1))
    before = did(served)["recibos"]
    served.stop()
    served.serve("--simulate")
    until(lambda: where(served.folder / "tasy"))
    assert did(served)["recibos"] == before
    other = served.run("simulate", "do", "--folder", str(tmp_path))
    assert (other.returncode, "no simulated ERP runs" in other.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("serve", "--simulate"), ("simulate", "tasy"), ("simulate", "population")])
def test_never_in_production(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "ENV": "production", "DATABASE_URL": "postgresql://x@y/z", "ACCESS": "smart",
        "BASE_URL": "https://example.org/fhir", "KEY": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"HUB_{name}", value)
    assert main(arguments) == 2
    assert "HUB_ENV=production" in capsys.readouterr().err
