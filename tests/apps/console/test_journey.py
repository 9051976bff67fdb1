"""The console in a browser: a bad line is found, corrected, simulated, resubmitted, and the run's counts follow."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from hub.apps_served import PARTS
from tests.apps.console.desk import LOOKS, OPERATOR, PEOPLE, Desk, enter, serving
from tests.apps.site import sign_in
from tests.attacks.browser import otp, person
from tests.batch.conftest import Party


@pytest.fixture(scope="module")
def desk(module_database: str, tmp_path_factory: pytest.TempPathFactory, parties: dict[str, Party]) -> Iterator[Desk]:
    if not PARTS.is_dir():
        pytest.skip("the apps' front-end packages are missing: make parts")
    with serving(module_database, tmp_path_factory.mktemp("console"), parties) as served:
        yield served


def test_a_bad_line_is_put_right(desk: Desk, page: Page) -> None:
    people = copy.deepcopy(PEOPLE)
    people["Coverage"][16]["relationship"]["coding"][1]["code"] = "99"
    name = desk.sent(people)
    total = sum(map(len, PEOPLE.values()))
    assert desk.sync().returncode == 0

    page.goto(f"{desk.console}/")
    page.click("a.btn-primary")
    assert enter(desk, page, OPERATOR)
    expect(page.locator("th[scope=row]", has_text="B-1")).to_be_visible()
    with page.expect_response(re.compile("/live$")):  # by itself
        pass
    expect(page.locator("svg.bars")).to_be_visible()
    page.click("text=Runs")
    page.click("td a")
    expect(page.locator("[data-count=received]")).to_have_text(f"{total:,}")
    expect(page.locator("[data-count=rejected]")).to_have_text("1")
    row = page.locator(".messages tbody tr")
    expect(row).to_contain_text(f"{name.file('Coverage')}:17")
    expect(row).to_contain_text("HUB-B205")
    run = page.url
    row.locator("a").click()

    # Masked, until somebody says why not.
    subscriber = PEOPLE["Coverage"][16]["subscriberId"]
    assert subscriber not in page.content()
    page.fill("#why-unmask", "código de parentesco a conferir")
    page.click("text=Unmask")
    expect(page.locator("#raw")).to_contain_text(subscriber)

    # What is wrong stays wrong when simulated; put right, it would be applied.
    page.click("text=Simulate as it is now")
    expect(page.locator("#simulated")).to_contain_text("It would fail: HUB-B205")
    right = re.sub(r'"99"', '"1"', page.input_value("#body"))
    page.fill("#body", right.replace("{", "(", 1))
    page.click("#edit >> text=Simulate")
    expect(page.locator("#simulated")).to_contain_text("is no JSON")
    page.fill("#body", right)
    page.click("#edit >> text=Simulate")
    expect(page.locator("#simulated")).to_contain_text("It would be applied")
    page.fill("#why-edit", "parentesco conferido com o ERP")
    page.click("text=Keep the correction")
    expect(page.locator("[role=status]").first).to_contain_text("Correction 1 is kept")
    expect(page.locator("#corrections")).to_be_visible()
    page.fill("#why-resubmit", "corrigido")
    page.click("#resubmit button")
    expect(page.locator("#state")).to_have_text("stored")

    assert desk.sync().returncode == 0
    page.reload()
    expect(page.locator("#state")).to_have_text("delivered")
    expect(page.locator("#life tbody tr").filter(has_text="corrigido")).to_contain_text(re.compile("dead.*stored"))
    page.goto(run)
    expect(page.locator("[data-count=accepted]")).to_have_text(f"{total:,}")
    expect(page.locator("[data-count=rejected]")).to_have_text("0")


def test_a_run_that_is_held_is_decided_by_a_person(desk: Desk, page: Page) -> None:
    people = copy.deepcopy(PEOPLE)
    for one in people["Coverage"][:100]:
        one["status"] = "cancelled"
    desk.sent(PEOPLE)
    assert desk.sync().returncode == 0
    desk.sent(people, qt_exclusao=100)
    assert desk.sync().returncode == 1
    enter(desk, page, LOOKS)
    held = page.locator("#attention + ul a")
    expect(held).to_be_visible()
    held.click()
    expect(page.locator("#state")).to_have_text("held")
    page.fill("#why", "confirmado por telefone")
    page.click("text=Release")
    expect(page.locator("[role=status]").first).to_contain_text("Released")
    expect(page.locator("#guards + div")).to_contain_text("confirmado por telefone")
    assert desk.sync().returncode == 0
    page.reload()
    expect(page.locator("#state")).to_have_text("applied")


def test_who_may_not_unmask_corrects_what_is_masked(desk: Desk, page: Page) -> None:
    people = copy.deepcopy(PEOPLE)
    people["Coverage"][3]["relationship"]["coding"][1]["code"] = "99"
    desk.sent(people)
    done = desk.sync()
    assert "1 rejected" in done.stdout, done
    enter(desk, page, LOOKS)
    page.click("nav >> text=Dead letters")
    page.click(".messages a")
    expect(page.locator("text=Unmask")).to_have_count(0)
    assert page.get_by_label("Its value").input_value() == ""
    page.fill("#path", "relationship.coding[1].code")
    page.fill("#value", "1")
    page.click("#edit >> text=Simulate")
    expect(page.locator("#simulated")).to_contain_text("It would be applied")
    page.fill("#why-discard", "linha repetida")
    page.click("#discard button")
    expect(page.locator("#state")).to_have_text("discarded")
    page.click("nav >> text=Partners")
    expect(page.locator("h1")).to_have_text("Partners")
    page.click("nav >> text=Deadlines")
    expect(page.locator("h1")).to_contain_text("Authorizations")


def test_others_see_nothing(desk: Desk, page: Page) -> None:
    person(desk.caller, "enfermeira", "nurse")
    page.goto(f"{desk.console}/launch")
    sign_in(page, "enfermeira")
    page.fill("#code", otp(desk.caller, "enfermeira"))
    page.click("button.main")
    allow = page.locator("button[value=allow]")
    expect(allow.or_(page.locator("h1")).first).to_be_visible()
    if allow.count():
        allow.click()
    expect(page.locator("body")).not_to_contain_text("Flows")
    assert page.goto(f"{desk.console}/no-such-key/messages").status == 401  # type: ignore[union-attr]


def test_a_session_is_of_its_browser(desk: Desk, page: Page) -> None:
    url = enter(desk, page, OPERATOR)
    page.context.clear_cookies()
    page.goto(url)
    expect(page.locator("h1")).to_have_text("You are signed out")
