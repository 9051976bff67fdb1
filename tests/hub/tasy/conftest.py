"""A hub as users run it, with its worker, and a simulated Tasy on a real socket that misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from hub.sealing_key import bodies
from hub.settings import Settings
from messages import dead, partners, search
from messages.search import Criteria, Message
from simulators.tasy.certificates import Authority
from simulators.tasy.installation import Tasy as Installation
from simulators.tasy.population import Plan, population
from simulators.tasy.serve import serving
from simulators.tasy.troubles import Trouble
from smart_auth.seal import new_key
from tests.hub_process import Answer, HubProcess

Json = Any
SECRET, SIGNING = "a secret of tests", "a secret of callbacks"
SID = "https://austa.example/fhir/sid"
CODES = "https://austa.example/fhir/CodeSystem"
PRIORITY = "http://terminology.hl7.org/CodeSystem/processpriority"


class Simulated:
    """A simulated Tasy in a thread of its own, which can go away and come back at the same address."""

    def __init__(self, installation: Installation, authority: Authority) -> None:
        self.installation, self._authority = installation, authority
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stop: asyncio.Event | None = None
        self._ended: Any = None
        self.port = 0

    def come(self) -> str:
        """Serves; the URL."""
        ready: asyncio.Future[str] = asyncio.run_coroutine_threadsafe(self._future(), self._loop).result(10)
        self._ended = asyncio.run_coroutine_threadsafe(self._serve(ready), self._loop)

        async def url() -> str:
            return await asyncio.wait_for(ready, 20)

        found = asyncio.run_coroutine_threadsafe(url(), self._loop).result(30)
        self.port = int(found.rpartition(":")[2])
        return found

    async def _future(self) -> asyncio.Future[str]:
        return asyncio.get_running_loop().create_future()

    async def _serve(self, ready: asyncio.Future[str]) -> None:
        self._stop = asyncio.Event()
        async with serving(self.installation, self._authority, self.port) as url:
            ready.set_result(url)
            await self._stop.wait()

    def go(self) -> None:
        """Listens no longer."""
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._ended.result(20)

    def end(self) -> None:
        self.go()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@dataclass
class Joined:
    """The hub and its partner."""

    hub: HubProcess
    tasy: Simulated
    plan: Plan
    settings: Settings
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**6)))

    @property
    def served(self) -> Settings:
        """Those of the hub that is served."""
        return replace(self.settings, port=self.hub.port)

    def trouble(self, name: str, path: str = "", times: int = 1, seconds: float = 30) -> None:
        self.tasy.installation.troubles.append(Trouble(name, path, times, seconds))

    def calls(self, path: str, method: str = "") -> list[int]:
        """Status of each call of a path so far; 0: no answer."""
        return [
            one.status
            for one in self.tasy.installation.calls
            if one.path.startswith(path) and method in ("", one.method)
        ]

    def post(self, path: str, body: Json, **headers: str) -> Answer:
        return self.hub.client.request("POST", path, body, headers or None)

    def put(self, resource: Json) -> Json:
        answer = self.hub.client.request("PUT", f"{resource['resourceType']}/{resource['id']}", resource)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    def submit(self, resource: Json) -> Json:
        answer = self.post(f"{resource['resourceType']}/$submit", resource)
        assert answer.status == 200, answer.body
        return answer.json()

    def member(self, number: int = 0, **changes: Any) -> Json:
        """A member in good standing, with Patient and Coverage in the record."""
        good = [
            one for one in self.plan.members
            if one["segurado"]["ie_situacao"] == "A" and not one["segurado"]["dt_rescisao"]
        ]  # fmt: skip
        member = good[number]
        patient = f"pf-{member['segurado']['cd_pessoa_fisica']}"
        self.put({"resourceType": "Patient", "id": patient, "active": True})
        self.put({
            "resourceType": "Coverage", "id": f"seg-{member['segurado']['nr_seq_segurado']}", "status": "active",
            "subscriberId": member["carteira"]["cd_usuario_plano"], "payor": [{"display": "Plano"}],
            "beneficiary": {"reference": f"Patient/{patient}"}, **changes,
        })  # fmt: skip
        return member

    def message(self, **criteria: Any) -> list[Message]:
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            return search.found(connection, Criteria(**criteria), most=1000)

    def path(self, id: int) -> list[str]:
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            return [str(one.after) for one in search.history(connection, id)]

    def kill_worker(self) -> None:
        """SIGKILL to the process that speaks with Tasy."""
        assert self.hub.process is not None
        for child in psutil.Process(self.hub.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(one.raddr and one.raddr.port == self.tasy.port for one in child.net_connections("tcp")):
                    child.kill()
                    return
        raise AssertionError("nobody speaks with Tasy")

    def reasons(self, id: int) -> str:
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            return " ".join(one.reason or "" for one in search.history(connection, id))

    def forms(self, id: int) -> Any:
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            return search.forms(connection, bodies(self.settings), id)

    def correct(self, id: int, body: Json) -> None:
        """A person corrects a message and sends it again."""
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            sealing, raw = bodies(self.settings), json.dumps(body).encode()
            dead.edit(connection, sealing, id, 0, "operator", "corrected", raw, datetime.now(UTC))
            dead.resubmit(connection, id, "operator", "corrected", datetime.now(UTC))

    def partner(self, what: str, name: str) -> Json:
        """What the worker reported last; {} before it did."""
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as connection:
            found = [one for one in partners.listed(connection) if (one.what, one.name) == (what, name)]
        return found[0].value if found else {}

    def callback(self, kind: str, end: str, event: str, sequence: int, body: Json, secret: str = SIGNING) -> Answer:
        raw = json.dumps(body).encode()
        signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Evento-Id": event, "X-Evento-Seq": str(sequence), "X-Assinatura": signature,
                   "Content-Type": "application/json"}  # fmt: skip
        return self.hub.client.request("POST", f"/tasy/v1/callbacks/{kind}/{end}", raw, headers)


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` gives once it gives something."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > until:
            assert found
            return found
        time.sleep(0.05)


def variables(settings: Settings) -> dict[str, str]:
    """HUB_ variables of the hub, by field name."""
    return {
        "database_url": str(settings.database_url), "key": str(settings.key), "tasy_url": str(settings.tasy_url),
        "tasy_client_secret": SECRET, "tasy_certificate": ",".join(map(str, settings.tasy_certificate)),
        "tasy_key": ",".join(map(str, settings.tasy_key)), "tasy_ca": str(settings.tasy_ca),
        "tasy_callback_secret": SIGNING, "log_level": "warning",
    }  # fmt: skip


def joined(folder: Path, database: str, access: str = "open") -> Iterator[Joined]:
    """Served as long as the generator is."""
    plan, authority = population(200), Authority(folder / "tls")
    tasy = Simulated(Installation(plan, "hub", SECRET), authority)
    pair = authority.client()
    settings = Settings(
        database_url=database, key=new_key(), data=folder / "hub", tasy_url=tasy.come(), tasy_client_secret=SECRET,
        tasy_certificate=(pair.certificate,), tasy_key=(pair.key,), tasy_ca=authority.certificate,
        tasy_callback_secret=SIGNING,
    )  # fmt: skip
    with HubProcess(folder / "hub", {**variables(settings), "access": access}) as hub:
        yield Joined(hub, tasy, plan, settings)
    tasy.end()


@pytest.fixture(scope="module")
def both(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    yield from joined(tmp_path_factory.mktemp("joined"), module_database)


def question(member: Json, priority: str = "normal", **changes: Any) -> Json:
    """CoverageEligibilityRequest about a member."""
    return {
        "resourceType": "CoverageEligibilityRequest", "status": "active", "purpose": ["validation", "benefits"],
        "priority": {"coding": [{"system": PRIORITY, "code": priority}]},
        "patient": {"reference": f"Patient/pf-{member['segurado']['cd_pessoa_fisica']}"},
        "servicedDate": "2026-03-10", "created": "2026-03-10T14:20:00-03:00", "insurer": {"display": "Plano"},
        "insurance": [{"coverage": {"reference": f"Coverage/seg-{member['segurado']['nr_seq_segurado']}"}}],
        "item": [{"productOrService": {"coding": [{"system": f"{CODES}/tuss-22", "code": "41101014"}]},
                  "quantity": {"value": 1}}],
        **changes,
    }  # fmt: skip


def claim(member: Json, guide: str, code: str = "10101012", **changes: Any) -> Json:
    """Claim for a member. Codes that begin with 1, 2 or 4 are authorised at once."""
    return {
        "resourceType": "Claim", "identifier": [{"system": f"{SID}/guia-prestador", "value": guide}],
        "status": "active", "use": "preauthorization",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "subType": {"coding": [{"system": f"{CODES}/tipo-guia", "code": "SADT"}]},
        "patient": {"reference": f"Patient/pf-{member['segurado']['cd_pessoa_fisica']}"},
        "created": "2026-03-10T14:25:00-03:00", "provider": {"reference": "Organization/prest-4711"},
        "priority": {"coding": [{"system": PRIORITY, "code": "normal"}]},
        "careTeam": [{"sequence": 1, "provider": {"reference": "Practitioner/prof-1"},
                      "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claimcareteamrole",
                                           "code": "primary"}]}}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [
            {"system": "https://terminologia.saude.gov.br/fhir/CodeSystem/BRCID10", "code": "R51"}]}}],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {
            "reference": f"Coverage/seg-{member['segurado']['nr_seq_segurado']}"}}],
        "item": [{"sequence": 1, "productOrService": {"coding": [{"system": f"{CODES}/tuss-22", "code": code}]},
                  "quantity": {"value": 1}}],
        **changes,
    }  # fmt: skip


PROVIDERS: tuple[Json, ...] = (
    {"resourceType": "Organization", "id": "prest-4711", "name": "Hospital Exemplo",
     "identifier": [{"system": f"{SID}/tasy/prestador", "value": "4711"}]},
    {"resourceType": "Practitioner", "id": "prof-1", "name": [{"text": "JOAO EXEMPLO SOUZA"}],
     "identifier": [{"system": "https://saude.gov.br/fhir/sid/crm-sp", "value": "123456"}],
     "qualification": [{"code": {"coding": [
         {"system": "https://terminologia.saude.gov.br/fhir/CodeSystem/BRCBO", "code": "225125"}]}}]},
)  # fmt: skip
