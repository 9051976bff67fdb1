"""An emergency at night: somebody unknown, who wants no notices, while broker and ERP are down. Contract, 12."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import psycopg
import pytest

from adapters.fhir_client import FhirClient
from hub.own_clients import CHAT, door
from simulators.tasy.certificates import Authority
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import Phone, found, of, until

NOBODY = "127.0.0.1:1"
SECONDS = 5


@pytest.fixture(scope="module")
def alone(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    """A hub whose partners do not answer, where it is three in the morning."""
    folder = Path(tmp_path_factory.mktemp("hub"))
    with joined_hub(folder, module_database, **partners_down(folder)) as joined:
        yield joined


def partners_down(folder: Path) -> dict[str, str]:
    """Settings of such a hub, by variable."""
    authority = Authority(folder / "tls")
    pair = authority.client()
    (folder / "site.toml").write_text(f'zone = "{three_in_the_morning()}"\n')
    return {
        "HUB_AMQP_URL": f"amqp://hub:secret@{NOBODY}/", "HUB_TASY_URL": f"https://{NOBODY}",
        "HUB_TASY_CLIENT_SECRET": "s" * 20, "HUB_TASY_CERTIFICATE": str(pair.certificate),
        "HUB_TASY_KEY": str(pair.key), "HUB_TASY_CA": str(authority.certificate),
        "HUB_TASY_SITE": str(folder / "site.toml"), "HUB_LLM_BASE_URL": f"http://{NOBODY}/v1", "HUB_LLM_MODEL": "any",
    }  # fmt: skip


def three_in_the_morning() -> str:
    """A zone in which it is between three and four."""
    behind = (datetime.now(UTC).hour - 3) % 24
    return f"Etc/GMT{behind:+d}" if behind <= 12 else f"Etc/GMT{behind - 24:+d}"


@pytest.fixture
async def record(alone: Joined) -> AsyncIterator[FhirClient]:
    async with door(alone.settings, CHAT) as record:
        yield record


async def test_chest_pain_of_somebody_unknown_who_opted_out_at_three_in_the_morning_with_all_partners_down(
    alone: Joined, record: FhirClient, module_database: str
) -> None:
    number = "5517988880101"
    async with httpx2.AsyncClient(trust_env=False) as http:
        ana = Phone(alone, http, number)
        await ana.writes("sair")
        assert "não receberá mais avisos" in await ana.hears(1)  # without a broker, after the 2 s it is waited for
        began = int(time.time())  # the channel's clock tells whole seconds
        await ana.writes("estou com dor no peito que vai pro braço e suando frio")
        assert "192" in await ana.hears(2)
        assert time.time() - began < SECONDS
        await ana.taps("Não consigo ligar")
        assert "endereço" in await ana.hears(3)
        assert len(await ana.received()) == 3

    async def over() -> bool:
        with psycopg.connect(module_database, autocommit=True) as rows:
            return rows.execute("select from messages.unanswered").fetchone() is None

    await until(over)
    [consent] = of(number, await found(record, "Consent"))
    assert consent["provision"]["type"] == "deny"
    [nurse] = [one for one in of(number, await found(record, "Task")) if one.get("priority") == "stat"]
    assert (nurse["status"], nurse["code"]["coding"][0]["code"]) == ("requested", "nurse-callback")
    [flag] = of(number, await found(record, "Flag"))
    assert flag["status"] == "active"
    with psycopg.connect(module_database, autocommit=True) as rows:  # nothing has passed the broker
        assert rows.execute("select number from event_count where name = 'published'").fetchone() == (0,)
