"""A served hub with its apps, the sample patients, and somebody who signs in: for tests, and for pictures of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from smart_auth import people
from smart_auth.seal import new_key
from tests.attacks.browser import PASSWORD, person
from tests.attacks.caller import Caller
from tests.hub_process import HubProcess, free_port

PUSH_CONTACT = "mailto:avisos@austa.example"


@dataclass(frozen=True)
class Site:
    """What is served."""

    caller: Caller
    apps: str
    """URL of the apps."""
    patient: str
    """Id of the sample patient, among the living, with most observations."""
    key: str
    """HUB_KEY."""
    member: people.Person
    """That patient."""

    @property
    def base(self) -> str:
        """FHIR base URL."""
        return self.caller.site.fhir_base


@contextmanager
def serve(database: str, folder: Path) -> Iterator[Site]:
    """Serves it on a database of its own."""
    key, port = new_key(), free_port()
    settings = {"database_url": database, "access": "smart", "key": key, "apps_port": str(port),
                "push_contact": PUSH_CONTACT}  # fmt: skip
    with HubProcess(folder, settings, arguments=("--sample-data",)) as served:
        caller = Caller(served, database, key)
        token = caller.token("system/*.rs")
        living = caller.get("Patient?deceased=false&_count=50", token).json()["entry"]
        ids = [entry["resource"]["id"] for entry in living]
        counts = {id: caller.get(f"Observation?patient={id}&_summary=count", token).json()["total"] for id in ids}
        patient = max(counts, key=lambda id: counts[id])
        member = person(caller, "the-member", fhir_user=f"Patient/{patient}", patients=[patient])
        yield Site(caller, f"http://127.0.0.1:{port}", patient, key, member)
        caller.close()


def sign_in(page: Page, login: str) -> None:
    """On the sign-in page."""
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.main")
