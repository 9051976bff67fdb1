"""The desk in a browser, beside the page that looks like a telephone: a nurse takes a case, answers, closes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.apps_served import PARTS
from tests.apps.conftest import SECONDS
from tests.apps.desk.inbox import NURSE, OTHER_NURSE, SERVICE, Inbox, enter, serving, writes


@pytest.fixture(scope="module")
def inbox(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    if not PARTS.is_dir():
        pytest.skip("the apps' front-end packages are missing: make parts")
    with serving(tmp_path_factory.mktemp("desk"), module_database) as served:
        yield served


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """Somebody's telephone."""
    context = chromium.new_context(viewport={"width": 440, "height": 840})
    context.set_default_timeout(SECONDS * 1000)
    yield context.new_page()
    context.close()


def other(chromium: Browser) -> Page:
    """Another person's browser."""
    context = chromium.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    context.set_default_timeout(SECONDS * 1000)
    return context.new_page()


def test_a_nurse_takes_an_emergency_answers_and_closes(
    inbox: Inbox, page: Page, phone: Page, chromium: Browser
) -> None:  # fmt: skip
    enter(inbox, page, NURSE)
    expect(page.locator("#queue")).to_contain_text("Nada na fila")
    phone.goto(inbox.joined.phone)
    phone.fill("#phone", "5517988881001")
    writes(phone, "minha mãe acordou com a boca torta e não consegue falar")
    expect(phone.locator("#lines")).to_contain_text("192")

    # It comes by itself, and the keys lead to it.
    case = page.locator(".case.stat").first
    expect(case).to_contain_text("Emergência")
    expect(case).to_contain_text("sem responsável")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#findings")).to_contain_text("boca torta")
    expect(page.locator("#rules")).to_contain_text("RF05")
    expect(page.locator(".talk")).to_contain_text("Ligue agora para o 192")
    expect(page.locator("#levels")).to_contain_text("pelas regras")
    here = page.url

    # Two people cannot both take it.
    second = other(chromium)
    queue = enter(inbox, second, OTHER_NURSE)
    second.goto(f"{queue}cases/{here.rpartition('/')[2]}")
    page.click("#take")
    expect(page.locator("#owner")).to_have_text("você")
    second.click("#take")
    expect(second.locator("[role=alert]")).to_contain_text("Rosa Dias has taken this case already.")
    expect(second.locator("#answer")).to_have_count(0)
    second.context.close()

    # What the member writes appears, what the nurse writes arrives.
    writes(phone, "estamos na rua das Flores 10")
    expect(page.locator(".talk")).to_contain_text("rua das Flores 10")
    page.keyboard.press("r")
    page.keyboard.type("Aqui é a enfermeira Rosa. A ambulância está a caminho?")
    page.click("#answer button")
    expect(page.locator("[role=status]")).to_have_text("Enviado.")
    expect(phone.locator("#lines")).to_contain_text("Aqui é a enfermeira Rosa")
    expect(page.locator(".talk .ours").last).to_contain_text("Rosa Dias")

    page.select_option("#level", "very-urgent")
    page.fill("#reason", "fala normal, força preservada, por telefone")
    page.click("#change button")
    expect(page.locator("#levels li").first).to_contain_text("Muito urgente revisado, Rosa Dias")
    expect(page.locator("#levels li").last).to_contain_text("a revisar, pelas regras")

    page.select_option("#outcome", "sent-to-care")
    page.fill("#note", "SAMU no local")
    page.click("#close button.btn-success")
    expect(page.locator("[role=status]")).to_have_text("Caso encerrado.")
    expect(page.locator("#queue")).to_contain_text("Nada na fila")
    writes(phone, "oi")
    expect(phone.locator("#lines")).to_contain_text(re.compile("Como posso ajudar"))


def test_the_service_desk_sees_its_own_and_nothing_clinical(
    inbox: Inbox, page: Page, phone: Page, chromium: Browser
) -> None:  # fmt: skip
    phone.goto(inbox.joined.phone)
    phone.fill("#phone", "5517988881002")
    writes(phone, "desmaiei agora há pouco")
    expect(phone.locator("#lines")).to_contain_text("pronto-socorro")
    phone.fill("#phone", "5517988881003")
    writes(phone, "atendente")
    expect(phone.locator("#lines")).to_contain_text("Chamei nossa equipe")
    enter(inbox, page, SERVICE)
    expect(page.locator(".case")).to_have_count(1)
    expect(page.locator(".case")).to_contain_text("Central de atendimento")
    page.click("[data-case]")
    expect(page.locator(".talk")).to_contain_text("atendente")
    page.click("#take")
    expect(page.locator("#change")).to_have_count(0)
    expect(page.locator("#levels")).to_have_count(0)
    page.fill("#what", "retorno com clínico")
    page.fill("#tell", "Sua consulta ficou marcada para amanhã.")
    page.click("#book button")
    expect(page.locator("#appointments")).to_contain_text("marcada retorno com clínico")
    expect(phone.locator("#lines")).to_contain_text("ficou marcada para amanhã")
    page.click("#close button.btn-outline-secondary")
    expect(page.locator("[role=status]")).to_contain_text("A conversa voltou")
    writes(phone, "oi")
    expect(phone.locator("#lines li").last).to_contain_text("Como posso ajudar")

    page.click("[data-up]")
    page.click("[data-case]")
    page.click("#release")
    expect(page.locator("[role=status]")).to_contain_text("voltou à fila")
    expect(page.locator("#take")).to_be_visible()

    # Files of members' are for professionals.
    binary = {"resourceType": "Binary", "id": "a-file", "contentType": "image/png", "data": "iVBORw0KGgo="}
    assert inbox.caller.get("Binary/a-file", inbox.caller.token("system/Binary.cu"), "PUT", binary).status == 201
    refused = page.request.get(f"{page.url.partition('/cases/')[0]}/files/a-file")
    nurse = other(chromium)
    queue = enter(inbox, nurse, NURSE)
    shown = nurse.request.get(f"{queue}files/a-file")
    assert (refused.status, shown.status, shown.headers["content-type"]) == (403, 200, "image/png")
    assert "sandbox" in shown.headers["content-security-policy"]
    nurse.context.close()

    # Not even by the FHIR API.
    caller = inbox.caller
    token = caller.token("user/*.cruds", roles=("service-desk",), subject="x", fhir_user="Practitioner/cent-prado")
    found = caller.get("Task?code=nurse-callback,conversation", token).json()
    assert found.get("entry", []) == []
    for kind in ("RiskAssessment", "Flag", "Observation", "Encounter", "Binary"):
        assert caller.get(kind, token).status == 403


CODES = ("nurse-callback", "pharmacist", "service-desk", "data-subject-request", "phone-contact", "conversation")


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        ("nurse", {"nurse-callback", "pharmacist", "phone-contact", "phone-contact urgent"}),
        ("physician", {"nurse-callback", "pharmacist", "phone-contact", "phone-contact urgent"}),
        ("pharmacist", {"pharmacist"}),
        ("service-desk", {"service-desk", "phone-contact"}),
        ("coordinator", {"service-desk escalated"}),
        ("privacy-officer", {"data-subject-request"}),
        ("operator", set()),
    ],
)
def test_each_desk_sees_its_own(inbox: Inbox, role: str, sees: set[str]) -> None:
    caller = inbox.caller
    made = {
        **{code: {"code": code} for code in CODES},
        "phone-contact urgent": {"code": "phone-contact", "priority": "stat"},
        "service-desk escalated": {"code": "service-desk", "desks": ("service-desk", "coordinator")},
    }  # fmt: skip
    writing = caller.token("system/Task.cruds")
    for name, one in made.items():
        task = {
            "resourceType": "Task", "id": f"seen-{name.replace(' ', '-')}", "status": "on-hold", "intent": "order",
            "priority": one.get("priority", "routine"), "code": {"coding": [{"code": one["code"]}]},
            "description": name,
            **({"performerType": [{"coding": [{"code": each}]} for each in one["desks"]]} if "desks" in one else {}),
        }  # fmt: skip
        assert caller.get(f"Task/{task['id']}", writing, "PUT", task).status in (200, 201)
    token = caller.token("user/*.cruds", roles=(role,), subject="x", fhir_user="Practitioner/cent-prado")
    answer = caller.get("Task?status=on-hold&_count=50", token)
    found = (
        {one["resource"]["description"] for one in answer.json().get("entry", ())} if answer.status == 200 else set()
    )
    assert found == sees | ({"service-desk escalated"} if role == "service-desk" else set())
