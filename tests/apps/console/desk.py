"""A served hub with the console, the ERP's folder of sets, and operators: for tests, and for pictures of pages."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from batch.names import SetName
from smart_auth.seal import new_key
from tests.apps.site import sign_in
from tests.attacks.browser import otp, person
from tests.attacks.caller import Caller
from tests.batch.conftest import Party, end_agent
from tests.batch.sets import active, members, written
from tests.batch.station import Station
from tests.hub_process import HubProcess, free_port

PEOPLE = members(312)
OPERATOR, LOOKS = "operadora", "olha"


@dataclass
class Desk:
    """A served hub, the ERP's folder, and the console."""

    hub: HubProcess
    caller: Caller
    station: Station
    console: str
    sets: int = 0

    def sent(self, people: dict[str, list[Any]], **totals: int) -> SetName:
        """The next set of the ERP's, in the place of the one before."""
        if self.sets:
            self.station.cleared()
        self.sets += 1
        return self.station.sent(
            written(people), number=self.sets, sequence=411 + self.sets,
            totals={"qt_ativos_apos": active(people), **totals},
        )  # fmt: skip

    def sync(self) -> subprocess.CompletedProcess[str]:
        return self.hub.command("sync", "run", "B-1", "--file", str(self.station.folder / "saida"))


@contextmanager
def serving(database: str, folder: Path, parties: Mapping[str, Party]) -> Iterator[Desk]:
    """Serves it on a database of its own."""
    key, port = new_key(), free_port()
    tasy, ours = parties["tasy"], parties["hub"]
    settings = {
        "database_url": database, "access": "smart", "key": key, "apps_port": str(port),
        "pgp_home": str(folder / "keys"), "pgp_key": ours.fingerprint, "pgp_partners": tasy.fingerprint,
    }  # fmt: skip
    hub = HubProcess(folder / "hub", settings)
    station = Station.between(hub, database, folder, parties)
    with hub:
        caller = Caller(hub, database, key)
        person(caller, OPERATOR, "operator", "operator-unmask")
        person(caller, LOOKS, "operator")
        yield Desk(hub, caller, station, f"http://127.0.0.1:{port}/console")
        caller.close()
    end_agent(folder / "keys")
    end_agent(folder / "tasy-keys")


def enter(desk: Desk, page: Page, login: str) -> str:
    """Signs in, second factor and all; the URL of the overview."""
    page.goto(f"{desk.console}/launch")
    sign_in(page, login)
    page.fill("#code", otp(desk.caller, login))
    page.click("button.main")
    allow = page.locator("button[value=allow]")
    expect(allow.or_(page.locator("#flows")).first).to_be_visible()
    if allow.count():
        allow.click()
    expect(page.locator("#flows")).to_be_visible()
    return page.url
