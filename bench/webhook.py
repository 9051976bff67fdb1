"""A flood of WhatsApp messages on the webhook: answered how fast, and all kept, each once.

    python -m bench.webhook [--rate 1000] [--seconds 60] [--batch 10] [--again 0.1]

Bodies come when they are due whether or not the last was answered, so that a slow hub is not asked less; a part of them
comes twice. One message in a hundred tells of an emergency: how soon that is answered is measured too. The hub runs as
it is shipped: two workers, tokens, the audit trail, and the process that takes events, which begins to answer people
meanwhile. Compared at the end, id by id: what was sent, and what the record has.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from adapters.connections import http_client
from bench import figures
from bench.processes import cpu
from hub.embedded import Embedded
from hub.migrate import upgrade
from hub.own_clients import CHAT, door
from hub.settings import read_settings
from hub.simulated_whatsapp import Agreed, variables
from hub.tasy.site import site
from mappings.whatsapp.communication import message_id
from simulators.whatsapp.installation import Account
from simulators.whatsapp.serve import serving
from simulators.whatsapp.webhooks import signed, webhook
from smart_auth.seal import new_key
from tests.hub_process import HubProcess

MEMBERS = 5000
TARGET_MS, ALARM_SECONDS = 250, 2.0
ALARMS = 0.01
"""Part of the messages that tell of an emergency."""
SAID = (
    "Oi, bom dia", "quero saber do meu boleto", "preciso remarcar minha consulta de quarta", "tem alguém aí?",
    "meu filho está com o nariz escorrendo desde ontem, sem febre", "qual o telefone do laboratório?", "obrigada",
    "estou com uma coceira no braço faz três dias", "a guia do exame já saiu?", "sim", "não",
)  # fmt: skip
ALARM = "estou com uma dor muito forte no peito e falta de ar"


def wrote(account: Account, number: str, chance: random.Random, count: int) -> Any:
    """A message of somebody's, as the channel tells it. Who tells of an emergency writes once, and hears of that."""
    if chance.random() < ALARMS:
        return account.wrote(f"55118{count:08d}", number, {"type": "text", "text": {"body": ALARM}})
    phone = f"55119{chance.randrange(MEMBERS):08d}"
    return account.wrote(phone, number, {"type": "text", "text": {"body": chance.choice(SAID)}})


def told_after(account: Account) -> list[float]:
    """Seconds until each who told of an emergency was told what to do, sorted; infinite for who was not."""
    found = []
    for phone, lines in account.lines.items():
        if phone.startswith("55118"):
            heard = next((line.at for line in lines if not line.mine), float("inf"))
            found.append(heard - lines[0].at)
    return sorted(found)


class Told:
    """Bodies that were sent."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.took: list[float] = []
        """Milliseconds from when each was due to its answer."""
        self.answers: Counter[int] = Counter()
        self.seconds = 0.0

    async def post(
        self, http: httpx2.AsyncClient, url: str, account: Account, body: bytes, due: float, wait: float = 0
    ) -> None:
        """Sends a body until it is answered with 200."""
        await asyncio.sleep(wait)
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signed(body, account.secret)}
        while True:
            answer = await http.post(url, content=body, headers=headers)
            self.took.append(1000 * (time.monotonic() - due - wait))
            self.answers[answer.status_code] += 1
            if answer.status_code == 200:
                return
            await asyncio.sleep(1)


async def flood(http: httpx2.AsyncClient, url: str, account: Account, arguments: argparse.Namespace) -> Told:
    """Sends for as long as is said; what came of it."""
    told, chance, began = Told(), random.Random(7), time.monotonic()
    number, between = next(iter(account.numbers)), arguments.batch / arguments.rate
    async with asyncio.TaskGroup() as group:
        for count in range(round(arguments.seconds / between)):
            due = began + count * between
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            first = count * arguments.batch
            changes = [wrote(account, number, chance, first + place) for place in range(arguments.batch)]
            told.ids += (change["value"]["messages"][0]["id"] for change in changes)
            body = webhook(changes)
            group.create_task(told.post(http, url, account, body, due))
            if chance.random() < arguments.again:
                group.create_task(told.post(http, url, account, body, due, chance.choice((0.0, 0.5, 2.0))))
    told.seconds = time.monotonic() - began
    return told


async def kept(hub: HubProcess) -> Counter[str]:
    """Message ids of the record, each with how many Communications have it."""
    variables = {f"HUB_{name.upper()}": value for name, value in hub.settings.items()}
    settings = read_settings(variables | {"HUB_PORT": str(hub.port), "HUB_DATA": str(hub.folder)})
    found: Counter[str] = Counter()
    system = message_id(site(settings).site.systems)
    async with door(settings, CHAT) as record:
        async for one in record.search("Communication", {"_elements": "identifier,basedOn", "_count": "1000"}):
            if "basedOn" not in one:  # not of those that went out
                found.update(each["value"] for each in one["identifier"] if each["system"] == system)
    return found


async def run(url: str, folder: Path, arguments: argparse.Namespace) -> int:
    """Measures; the exit code."""
    facts = figures.facts(f"python -m bench.webhook --rate {arguments.rate} --seconds {arguments.seconds}")
    found = Agreed("token", "secret", "verify")
    account = Account(found.token, found.secret, found.verify)
    hub = HubProcess(folder)
    async with (
        serving(account, f"http://127.0.0.1:{hub.port}/whatsapp/webhook") as simulator,
        http_client(limits=httpx2.Limits(max_connections=200), timeout=60) as http,
    ):
        hub.settings = {
            "database_url": url, "access": "smart", "key": new_key(), "workers": "2", "log_level": "warning",
            **{name.removeprefix("HUB_").lower(): value for name, value in variables(found, simulator.url).items()},
        }  # fmt: skip
        await asyncio.to_thread(hub.start)
        assert hub.process is not None
        try:
            where = f"http://127.0.0.1:{hub.port}/whatsapp/webhook"
            before = cpu(hub.process.pid)
            told = await flood(http, where, account, arguments)
            spent = cpu(hub.process.pid) - before
            alarmed = told_after(account)
            there = await kept(hub)
        finally:
            await asyncio.to_thread(hub.kill)
    took = sorted(told.took)
    sent = set(told.ids)
    lost, doubled = sent - there.keys(), [id for id, times in there.items() if times > 1]
    p95 = took[int(len(took) * 0.95)]
    lines = [
        f"messages: {len(sent)} in {told.seconds:.1f} s, {len(sent) / told.seconds:.0f} a second,"
        f" in {sum(told.answers.values())} bodies; answers: {dict(told.answers)}",
        f"answered: p50 {statistics.median(took):.0f} ms, p95 {p95:.0f} ms, p99 {took[int(len(took) * 0.99)]:.0f} ms"
        f" (p95 aimed at: {TARGET_MS})",
        f"emergencies told: p50 {statistics.median(alarmed):.2f} s, p95 {alarmed[int(len(alarmed) * 0.95)]:.2f} s, all"
        f" {len(alarmed)} within {alarmed[-1]:.2f} s (p95 aimed at: {ALARM_SECONDS:g})",
        f"CPU of the hub without its database: {spent / told.seconds:.2f} cores",
        f"lost: {len(lost)}; doubled: {len(doubled)}; in the record and never sent: {len(there.keys() - sent)}",
    ]
    print("\n".join(lines))
    figures.write("webhook", {"facts": facts, "said": lines})
    return int(bool(lost or doubled))


def paragraphs(found: Mapping[str, Any]) -> list[str]:
    """The section of RESULTS.md."""
    return [
        "## A flood of WhatsApp messages",
        figures.bullets(found),
        "Bodies of ten messages come when they are due; one in ten comes twice. Every message is in the record before "
        "its body is answered, and once.",
        "\n".join(f"- {line.strip()}" for line in found["said"]),
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=float, default=1000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--batch", type=int, default=10, help="messages in a body")
    parser.add_argument("--again", type=float, default=0.1, help="part of the bodies that come twice")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        database = Embedded(folder / "postgres")
        try:
            url = database.start()
            upgrade(url)
            return uvloop.run(run(url, folder / "hub", arguments))
        finally:
            database.release()


if __name__ == "__main__":
    sys.exit(main())
