"""Notices in a browser: turned on in Chromium, sent over a push service, shown by the app's service worker, turned off.

The vendor's push service alone is not real: PushManager.subscribe answers with a subscription at the simulated one.
What that has opened is handed to Chromium's own service worker, as its push service would do it.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from adapters.web_push import Browser, Message, WebPush
from apps.privacy.browsers import called
from fhir_server.privacy.browsers import ON, SYSTEM, browser_of
from hub.push_key import push_key
from hub.settings import read_settings
from tests.apps.privacy.member import enter
from tests.apps.site import PUSH_CONTACT, Site
from tests.hub_process import ROOT

SUBSCRIBE = """
PushManager.prototype.subscribe = async function (options) {
  if (!options.userVisibleOnly) throw new Error("not visible");
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const made = await window.subscribedWith(text(options.applicationServerKey));
  localStorage.setItem("made", JSON.stringify(made));
  return subscription(made, options);
};
PushManager.prototype.getSubscription = async function () {
  const made = JSON.parse(localStorage.getItem("made"));
  return made && subscription(made, { applicationServerKey: null });
};
function subscription(made, options) {
  const bytes = (text) => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0)).buffer;
  return { endpoint: made.endpoint, options, getKey: (name) => bytes(made.keys[name]), unsubscribe: async () => true };
}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of what commands the simulated push service."""
    command = [sys.executable, "-m", "hub.cli", "simulate", "push", "--port", "0"]
    environment = {"HUB_DATA": str(tmp_path_factory.mktemp("push"))}
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    assert simulator.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        told += simulator.stdout.readline()
    [url] = re.findall(r"(http\S+/_simulador)/navegadores", told)
    yield url
    simulator.send_signal(signal.SIGINT)
    assert simulator.wait(10) == 0


def those_on(site: Site) -> list[dict[str, Any]]:
    token = site.caller.token("system/*.rs")
    path = f"Basic?subject=Patient/{site.patient}&code={SYSTEM}|{ON}"
    return [one["resource"] for one in site.caller.get(path, token).json().get("entry", ())]


def push(site: Site, browser: Browser, content: dict[str, str]) -> None:
    """As the hub sends. In a thread of its own: the browser's loop runs in this one."""
    settings = read_settings({"HUB_KEY": site.key, "HUB_PUSH_CONTACT": PUSH_CONTACT})

    async def post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        async with httpx2.AsyncClient(trust_env=False) as http:
            return (await http.post(url, content=body, headers=dict(headers))).status_code

    sent = WebPush(post, push_key(settings), PUSH_CONTACT).send(
        browser, Message(json.dumps(content).encode(), content["tag"], 60)
    )
    with ThreadPoolExecutor(1) as alone:
        alone.submit(asyncio.run, sent).result()


def shown(page: Page) -> list[dict[str, str]]:
    """Notices that the service worker shows."""
    asked = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
      .map((one) => ({title: one.title, body: one.body, tag: one.tag}))"""
    found: list[dict[str, str]] = page.evaluate(asked)
    return found


def test_turned_on_told_and_turned_off(site: Site, page: Page, service: str) -> None:
    page.expose_function(
        "subscribedWith", lambda key: httpx2.post(f"{service}/navegadores", content=json.dumps({"key": key})).json()
    )
    page.add_init_script(SUBSCRIBE)
    page.context.grant_permissions(["notifications"], origin=site.apps)
    enter(site, page)
    part = page.locator("section", has=page.locator("#browsers"))
    expect(part).to_contain_text("Nenhum navegador ligado")
    expect(part.locator("#turn-on")).to_be_visible()
    part.locator("#turn-on button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]").first).to_contain_text("Avisos ligados neste navegador")
    row = part.locator("li", has_text="Chrome (Linux)")
    expect(row).to_contain_text("este navegador")
    expect(part.locator("#turn-on")).to_be_hidden()
    [kept] = those_on(site)
    known = browser_of(kept)
    assert known is not None
    assert known.endpoint not in page.content()
    assert known.secret not in page.content()

    said = {"title": "Mensagem da AUSTA", "text": "Há uma mensagem para você.", "tag": "1"}
    push(site, Browser(known.endpoint, known.key, known.secret), said)
    [came] = httpx2.get(service).json()["came"]
    assert json.loads(came["text"]) == said
    browser = page.context.new_cdp_session(page)
    registrations: list[dict[str, Any]] = []
    browser.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(told["registrations"]))
    browser.send("ServiceWorker.enable")
    for _ in range(100):
        if registrations:
            break
        page.wait_for_timeout(100)
    scope = f"{site.apps}/privacy/"
    [id] = {one["registrationId"] for one in registrations if one["scopeURL"] == scope}
    for _ in range(2):  # one that comes twice is shown once
        browser.send(
            "ServiceWorker.deliverPushMessage", {"origin": site.apps, "registrationId": id, "data": came["text"]}
        )
    end = time.monotonic() + 20
    while not shown(page) and time.monotonic() < end:
        page.wait_for_timeout(100)
    assert shown(page) == [{"title": said["title"], "body": said["text"], "tag": "1"}]

    row.locator("button").click()
    expect(page.locator("[role=status]").first).to_contain_text("Avisos desligados")
    expect(part).to_contain_text("Nenhum navegador ligado")
    assert those_on(site) == []
    # Tests of erasure count what is there.
    token = site.caller.token("system/*.cruds")
    assert site.caller.get(f"Basic/{kept['id']}", token, "DELETE").status in (200, 204)


def test_who_does_not_allow_it_is_told_how(site: Site, page: Page) -> None:
    enter(site, page)
    page.evaluate("Notification.requestPermission = async () => 'denied'")
    page.click("#turn-on button")
    expect(page.locator("[data-said=denied]")).to_be_visible()
    assert those_on(site) == []


def test_the_worker_is_the_app_s_own_and_may_speak_for_all_of_it(site: Site) -> None:
    answer = httpx2.get(f"{site.apps}/privacy/worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "http" not in answer.text
    for path in ("browsers", "browsers/off"):
        assert httpx2.post(f"{site.apps}/privacy/nobody/{path}", data={"browser": "1"}).status_code == 401


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox (Linux)"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile"
         " Safari/537.36", "Chrome (Android)"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
         " Safari/537.36 Edg/140.0.0.0", "Edge (Windows)"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
         " Version/18.5 Mobile/15E148 Safari/604.1", "Safari (iPhone)"),
        ("curl/8", "Navegador"), ("", "Navegador"),
    ],
)  # fmt: skip
def test_what_a_browser_is_called(agent: str, expected: str) -> None:
    assert called(agent) == expected
