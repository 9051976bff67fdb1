"""The members' page in a browser: consents, who saw what, files to take along, correction, erasure, and their state."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from hub.apps_served import PRIVACY
from tests.apps.privacy.member import enter
from tests.apps.site import Site
from tests.attacks.browser import person


def decide(site: Site, task: str, **given: str) -> int:
    """As the privacy officer, with a second factor shown just now."""
    token = site.caller.token(
        "user/*.cruds", roles=("privacy-officer",), subject="the-officer", auth_time=int(time.time()), acr="2"
    )
    values = [{"name": name, "valueString": value} for name, value in given.items()]
    body = {"resourceType": "Parameters", "parameter": values}
    return site.caller.get(f"Task/{task}/$decide", token, "POST", body).status


def test_consent_given_and_taken_back(site: Site, page: Page) -> None:
    page.goto(f"{site.apps}/privacy/")
    page.click("a.btn-primary")
    enter(site, page)
    reminders = page.locator("#purpose-reminders")
    expect(reminders.locator(".badge")).to_have_text("não")
    # By keyboard.
    reminders.locator("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]").first).to_contain_text("Autorização registrada")
    expect(reminders.locator(".badge")).to_have_text("sim")
    reminders.locator("button").click()
    expect(reminders.locator(".badge")).to_have_text("não")
    reminders.locator("summary").click()
    expect(reminders.locator("li")).to_have_count(2)
    expect(reminders.locator("li").first).to_contain_text("não, por você")
    assert page.locator("#purpose-care-messages button").count() == 0
    told = site.caller.get(f"Patient/{site.patient}/$consents", site.caller.token("system/*.rs")).json()
    [purpose] = [one for one in told["parameter"] if {"name": "code", "valueCode": "reminders"} in one["part"]]
    assert len([part for part in purpose["part"] if part["name"] == "decision"]) == 2


def test_who_saw_the_data(site: Site, page: Page) -> None:
    doctor = person(site.caller, "dra.rosa", "physician", fhir_user="Practitioner/none")
    token = site.caller.token("user/*.rs", roles=("physician",), subject=doctor.subject)
    assert site.caller.get(f"Condition?patient={site.patient}", token).status == 200
    enter(site, page)
    row = page.locator(".accesses tbody tr", has_text="Person dra.rosa").first
    for _ in range(20):  # the trail is sealed within a second or two
        if row.count():
            break
        time.sleep(0.5)
        page.reload()
    expect(row).to_contain_text("médico(a)")
    expect(row).to_contain_text("diagnósticos")
    expect(row).to_contain_text("atendimento")
    expect(page.locator(".accesses")).not_to_contain_text("titular")
    page.click("text=Mostrar também os seus próprios acessos")
    expect(page.locator(".accesses")).to_contain_text("titular")


def test_to_take_along(site: Site, page: Page) -> None:
    enter(site, page)
    page.click("text=Preparar os arquivos")
    summary = page.locator("a", has_text="Resumo para ler")
    for _ in range(60):
        if summary.count():
            break
        time.sleep(0.5)
        page.reload()
    with page.expect_download() as download:
        summary.click()
    assert "MEDIDAS E RESULTADOS DE EXAMES" in download.value.path().read_text()
    with page.expect_download() as download:
        page.locator("a", has_text="Patient (1)").click()
    assert json.loads(download.value.path().read_text())["id"] == site.patient


def test_a_correction_from_the_question_to_the_answer(site: Site, page: Page) -> None:
    enter(site, page)
    page.select_option("#resource", f"Patient/{site.patient}")
    page.fill("#statement", "o meu telefone mudou")
    page.click("text=Enviar pedido")
    mine = page.locator("section", has=page.locator("#requests")).locator("li", has_text="o meu telefone mudou")
    expect(mine).to_contain_text("recebido, aguarda decisão")
    task = str(mine.locator("text=protocolo").inner_text()).rpartition(" ")[2]
    assert decide(site, task, decision="accept", reason="tem razão") == 200
    assert decide(site, task, decision="complete", reason="corrigido no cadastro", outcome="telefone novo") == 200
    page.reload()
    expect(mine).to_contain_text("concluído")
    expect(mine).to_contain_text("corrigido no cadastro")


def test_erasure_of_what_the_law_does_not_keep(site: Site, page: Page) -> None:
    own = {"reference": f"Patient/{site.patient}"}
    steps: dict[str, Any] = {
        "resourceType": "Observation", "status": "final", "code": {"text": "passos do dia"}, "subject": own,
        "performer": [own], "valueString": "9000",
    }  # fmt: skip
    id = site.caller.get("Observation", site.caller.token("system/*.cruds"), "POST", steps).json()["id"]
    enter(site, page)
    chart = page.locator("section", has=page.locator("#erasure")).locator("li", has_text="Prontuário")
    expect(chart).to_contain_text("Lei 13.787/2018, art. 6º")
    expect(chart).to_contain_text(str(date.today().year + 20))
    expect(chart.locator("input")).to_be_disabled()
    page.click("text=Pedir eliminação")
    expect(page.locator("[role=alert]")).to_contain_text("confirme")
    page.check("#class-self-recorded")
    page.check("#sure")
    page.click("text=Pedir eliminação")
    mine = page.locator("section", has=page.locator("#requests")).locator("li", has_text="Eliminação de dados").first
    expect(mine).to_contain_text("aguarda decisão")
    task = str(mine.locator("text=protocolo").inner_text()).rpartition(" ")[2]
    assert decide(site, task, decision="accept", reason="nada obriga a guardar") == 200
    page.reload()
    expect(mine).to_contain_text("eliminados: 1")
    reader = site.caller.token("system/*.rs")
    assert site.caller.get(f"Observation/{id}", reader).status == 404
    assert site.caller.get(f"Observation/{id}/_history", reader).status == 404


def test_on_a_phone(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(site, page)
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    record = page.url
    page.click("text=Sair")
    assert page.goto(record).status == 401  # type: ignore[union-attr]


def test_what_others_get(site: Site, page: Page) -> None:
    enter(site, page)
    record = page.url.partition("#")[0]
    for method, path in (("GET", ""), ("POST", "consent"), ("POST", "export"), ("GET", "files/Patient.1.ndjson")):
        form = {"purpose": "research", "granted": "true"} if method == "POST" else None
        answer = httpx2.request(method, record + path, data=form)
        assert answer.status_code == 401, path
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    cookie = {one["name"]: one["value"] for one in page.context.cookies(record)}
    answer = httpx2.post(
        f"{record}consent", data={"purpose": "research", "granted": "true"}, cookies=cookie,
        headers={"sec-fetch-site": "cross-site"},
    )  # fmt: skip
    assert answer.status_code == 403
    secret = site.caller.seal.derived(f"client:{PRIVACY}")
    assert secret not in page.content()
    assert "eyJ" not in page.content()


@pytest.mark.parametrize("path", ["launch?iss=https://evil.example.org/fhir&launch=x", "callback?state=guessed&code=x"])
def test_strangers(site: Site, path: str) -> None:
    assert httpx2.get(f"{site.apps}/privacy/{path}").status_code == 400
