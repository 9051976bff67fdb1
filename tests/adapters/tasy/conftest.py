"""A simulated Tasy on a real socket, and the hub's client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from adapters.tasy.client import Tasy
from adapters.tasy.door import Door
from adapters.tasy.wire import Wire
from mappings.tasy.records import AuthorizationRequest, EligibilityRequest, ItemAsked, ProcedureAsked, Requester
from simulators.tasy.certificates import Authority
from simulators.tasy.installation import Tasy as Installation
from simulators.tasy.population import Plan, population
from simulators.tasy.serve import serving
from simulators.tasy.troubles import Trouble

SECRET = "a secret of tests"


@pytest.fixture(scope="session")
def plan() -> Plan:
    return population(200)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@dataclass
class Partner:
    """The simulated Tasy, and doors to it."""

    installation: Installation
    authority: Authority
    door: Door

    def trouble(self, name: str, path: str = "", times: int = 1, seconds: float = 30) -> None:
        self.installation.troubles.append(Trouble(name, path, times, seconds))

    def calls(self, path: str) -> list[int]:
        """Status of each call of a path so far; 0: no answer."""
        return [one.status for one in self.installation.calls if one.path.startswith(path)]

    def other(self, certificate: str, days: float = 365) -> Door:
        pair = self.authority.client(certificate, days)
        return replace(self.door, certificate=pair.certificate, key=pair.key)


@pytest.fixture
async def partner(plan: Plan, authority: Authority) -> AsyncIterator[Partner]:
    installation = Installation(plan, "hub", SECRET)
    async with serving(installation, authority) as url:
        pair = authority.client()
        door = Door(url, "hub", SECRET, pair.certificate, pair.key, authority.certificate)
        yield Partner(installation, authority, door)


@pytest.fixture
async def wire(partner: Partner) -> AsyncIterator[Wire]:
    wire = Wire(partner.door, pause=lambda: 0.01)
    yield wire
    await wire.close()


@pytest.fixture
async def tasy(wire: Wire) -> Tasy:
    return Tasy(wire)


def card(plan: Plan) -> str:
    """Of a member in good standing."""
    members = ((one["segurado"], one["carteira"]) for one in plan.members)
    found: str = next(
        card["cd_usuario_plano"] for who, card in members if who["ie_situacao"] == "A" and not who["dt_rescisao"]
    )
    return found


@pytest.fixture
def asked(plan: Plan) -> EligibilityRequest:
    """About a member in good standing."""
    return EligibilityRequest("2026-03-10T14:20:00", card(plan), procedimentos=[ProcedureAsked(1, "41101014", 8, 1)])


def guide(plan: Plan, number: str = "HUB26000000001", code: str = "10101012") -> AuthorizationRequest:
    """For a member in good standing. Codes that begin with 1, 2 or 4 are authorised at once."""
    who = Requester(4711, "JOAO EXEMPLO SOUZA", "06", "123456", "35", "225125")
    items = [ItemAsked(1, "22", code, 1)]
    return AuthorizationRequest(number, "SADT", "E", "2026-03-10T14:25:00", card(plan), who, items, cids=["R51"])
