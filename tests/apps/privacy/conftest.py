"""A member for all tests of the page."""

from __future__ import annotations

import pytest

from tests.apps.privacy.member import LOGIN
from tests.apps.site import Site
from tests.attacks.browser import person


@pytest.fixture(scope="session", autouse=True)
def member(site: Site) -> None:
    """Of their own: what they allow is not on the list of the person of other tests."""
    person(site.caller, LOGIN, fhir_user=f"Patient/{site.patient}", patients=[site.patient])
