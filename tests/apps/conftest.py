"""A served hub with its apps and the sample patients, people who sign in, and a browser without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.apps_served import PARTS
from tests.apps.site import Site, serve
from tests.conftest import fresh

SECONDS = 30
"""What comes by events takes as long as the machine is busy."""


@pytest.fixture(scope="session")
def apps_database(postgres: str, samples: str) -> Iterator[str]:
    """Of its own, with the sample patients."""
    yield from fresh(postgres, f"template {samples} strategy file_copy")


@pytest.fixture(scope="session")
def site(apps_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not PARTS.is_dir():
        pytest.skip("the apps' front-end packages are missing: make parts")
    with serve(apps_database, tmp_path_factory.mktemp("hub")) as served:
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for the session: while it is open, its event loop counts as running and no test can have one of its own."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of a browser nobody has used; it fails on errors of a page's scripts."""
    context = chromium.new_context(locale="pt-BR", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    found = context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    yield found
    context.close()
    assert not faults
