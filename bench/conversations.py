"""Conversations on WhatsApp: how soon people are answered, and what is left of their messages when the hub is killed.

    python -m bench.conversations [--rate 50] [--seconds 60] [--alarms 0.02]
    python -m bench.conversations --kill 10 [--conversations 5000] [--rate 50]

People are simulated by the sockets of the channel: each writes, and goes on by what is tapped below the answer. What
is measured ends when the answer is at the channel, and begins when the message was told. With `--kill` the hub dies by
SIGKILL again and again while they talk, and is started anew; at the end every message is compared, id by id, with what
it brought about. The hub runs as it is shipped: two workers, tokens, the audit trail, events, rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from hub.settings import Settings, read_settings
from hub.simulated_whatsapp import Agreed, variables
from hub.tasy.site import site
from hub.whatsapp.conversing import stored
from mappings.identifiers import Systems, value_of
from mappings.whatsapp.communication import message_id
from mappings.whatsapp.sends import tracked
from simulators.whatsapp.installation import Account, Line
from simulators.whatsapp.serve import serving
from simulators.whatsapp.webhooks import signed, webhook
from smart_auth.seal import new_key
from tests.hub_process import HubProcess

Json = Any

REPLY_SECONDS, ALARM_SECONDS = 3.0, 2.0
"""95 of 100 are answered sooner; the first with the 2 s in which the second half of a thought may come."""
PATIENCE = 180.0
"""Seconds after the last message in which answers may come."""
FIRST = ("oi", "bom dia", "preciso de ajuda", "boa tarde", "queria tirar uma dúvida")
ALARM = "estou com uma dor muito forte no peito e falta de ar"


@dataclass
class Asked:
    """A message of somebody's, and its answer."""

    id: str
    phone: str
    alarm: bool
    at: float = field(default_factory=time.time)
    answered: float | None = None

    @property
    def seconds(self) -> float:
        """Until the answer was at the channel."""
        return (self.answered or float("inf")) - self.at


@dataclass
class People:
    """Everybody who writes."""

    account: Account
    http: httpx2.AsyncClient
    url: str
    number: str = field(init=False)
    asked: list[Asked] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """Times the webhook did not answer with 200, by why."""

    def __post_init__(self) -> None:
        self.number = next(iter(self.account.numbers))

    async def says(self, phone: str, content: Json, *, alarm: bool = False) -> Asked:
        """Writes, as the channel tells it: until it is taken."""
        change = self.account.wrote(phone, self.number, content)
        one = Asked(change["value"]["messages"][0]["id"], phone, alarm)
        self.asked.append(one)
        body = webhook([change])
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signed(body, self.account.secret)}
        while True:
            try:
                status = str((await self.http.post(self.url, content=body, headers=headers)).status_code)
            except httpx2.TransportError as error:
                status = type(error).__name__
            if status == "200":
                return one
            self.refused[status] += 1
            await asyncio.sleep(0.5)

    async def hears(self, one: Asked, before: int) -> Line | None:
        """The answer to it: the first line of the business after so many; None: nobody answers."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            lines = [line for line in self.account.lines[one.phone] if not line.mine]
            if len(lines) > before:
                one.answered = lines[before].at
                return lines[before]
            await asyncio.sleep(0.05)
        return None

    async def talks(self, phone: str, chance: random.Random, turns: int, *, alarm: bool) -> None:
        """A conversation of so many messages, each once the one before was answered."""
        content: Json = {"type": "text", "text": {"body": ALARM if alarm else chance.choice(FIRST)}}
        for _ in range(turns):
            before = sum(not line.mine for line in self.account.lines[phone])
            one = await self.says(phone, content, alarm=alarm)
            heard = await self.hears(one, before)
            if heard is None:
                return
            content = reply(heard.content, chance)


def reply(heard: Json, chance: random.Random) -> Json:
    """What somebody taps, or writes where there is nothing to tap."""
    action = heard.get("interactive", {}).get("action", {})
    for kind, shown in (
        ("button_reply", [one["reply"] for one in action.get("buttons", ())]),
        ("list_reply", [row for one in action.get("sections", ()) for row in one["rows"]]),
    ):
        if shown:
            chosen = chance.choice(shown[:2])
            return {"type": "interactive", "interactive": {"type": kind, kind: chosen}}
    return {"type": "text", "text": {"body": f"{chance.randrange(20, 60)} anos"}}


async def load(people: People, arguments: argparse.Namespace) -> float:
    """So many conversations begin a second; the seconds until all are over."""
    chance, began = random.Random(7), time.monotonic()
    count = arguments.conversations or round(arguments.rate * arguments.seconds)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / arguments.rate - time.monotonic()))
            alarm = chance.random() < arguments.alarms
            phone = f"55119{number:08d}"
            group.create_task(people.talks(phone, random.Random(number), arguments.turns, alarm=alarm))
    return time.monotonic() - began


async def killing(hub: HubProcess, times: int, over: asyncio.Event) -> int:
    """Kills the hub, and starts it anew, until everybody is done; how often."""
    chance, killed = random.Random(3), 0
    while killed < times and not over.is_set():
        await asyncio.sleep(chance.uniform(4, 8))
        if over.is_set():
            break
        await asyncio.to_thread(hub.kill)
        killed += 1
        await asyncio.to_thread(hub.start)
    return killed


@dataclass
class Effects:
    """What the record has of every message, by its id at the channel."""

    kept: Counter[str] = field(default_factory=Counter)
    """Communications."""
    heard: Counter[str] = field(default_factory=Counter)
    """Times a conversation had it."""
    says: Counter[str] = field(default_factory=Counter)
    """Requests that answer it."""


async def effects(settings: Settings, systems: Systems) -> Effects:
    """As the record has them."""
    found, names = Effects(), {}
    page = {"_count": "1000"}
    async with door(settings, CHAT) as record:
        async for one in record.search("Communication", page):
            if "basedOn" not in one:  # not of those that went out
                names[one["id"]] = id = str(value_of(one, message_id(systems)))
                found.kept[id] += 1
        async for one in record.search("Task", {**page, "code": f"{systems.codes('tarefa')}|conversation"}):
            found.heard.update(names.get(id, id) for id in stored(one).seen)
        async for one in record.search("CommunicationRequest", page):
            effect = value_of(one, systems.sid("conversa-efeito")) or ""  # of what it answers: a message, or a silence
            answered = names.get(effect.partition(".")[0])
            if answered is not None and "basedOn" not in one:  # a check-in is none
                found.says[answered] += 1
    return found


def compared(people: People, found: Effects) -> dict[str, int]:
    """Every message and every request, by id."""
    sent = {line.id for lines in people.account.lines.values() for line in lines if line.mine}
    tracks = [tracked(body.get("biz_opaque_callback_data")) for body in people.account.calls]
    tries = Counter(one[0] for one in tracks if one is not None)
    return {
        "messages": len(sent),
        "not kept": len(sent - found.kept.keys()),
        "kept twice": sum(times > 1 for times in found.kept.values()),
        "without a turn": len(sent - found.heard.keys()),
        "with two turns": sum(found.heard[id] > 1 for id in sent),
        "without an answer": sum(not found.says[id] for id in sent),
        "with two answers": sum(found.says[id] > 1 for id in sent),
        "answers sent": sum(tries.values()),
        "answers sent twice": sum(times == 2 for times in tries.values()),
        "answers sent more often": sum(times > 2 for times in tries.values()),
    }


def quantiles(asked: list[Asked]) -> str:
    """Of the seconds until an answer."""
    took = sorted(one.seconds for one in asked)
    if not took:
        return "none"
    p50, p95, p99 = (took[min(len(took) - 1, int(len(took) * part))] for part in (0.5, 0.95, 0.99))
    return f"p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, of {len(took)}"


@dataclass(frozen=True)
class Measured:
    """What came of it."""

    people: People
    seconds: float
    spent: float
    """CPU seconds of the hub."""
    killed: int
    counts: Mapping[str, int]
    """See `compared`."""


WRONG = (
    "not kept",
    "kept twice",
    "without a turn",
    "with two turns",
    "without an answer",
    "with two answers",
    "answers sent more often",
)
"""Counts that must be 0."""


async def measured(url: str, folder: Path, arguments: argparse.Namespace) -> Measured:
    """Has people talk with a hub. url: of its database, which stays."""
    agreed = Agreed("token", "secret", "verify")
    account = Account(agreed.token, agreed.secret, agreed.verify)
    hub = HubProcess(folder)
    where = f"http://127.0.0.1:{hub.port}/whatsapp/webhook"
    async with (
        serving(account, where) as simulator,
        http_client(limits=httpx2.Limits(max_connections=200), timeout=60) as http,
    ):
        hub.settings = {
            "database_url": url, "access": "smart", "key": new_key(), "workers": str(arguments.workers),
            "log_level": "warning",
            **{name.removeprefix("HUB_").lower(): value for name, value in variables(agreed, simulator.url).items()},
        }  # fmt: skip
        told = {f"HUB_{name.upper()}": value for name, value in hub.settings.items()}
        settings = read_settings({**told, "HUB_PORT": str(hub.port), "HUB_DATA": str(folder)})
        people = People(account, http, where)
        await asyncio.to_thread(hub.start)
        assert hub.process is not None
        try:
            await people.talks("551100000000", random.Random(0), 1, alarm=False)  # events are taken by now
            people.asked.clear()
            before = cpu(hub.process.pid)
            over = asyncio.Event()
            killer = asyncio.create_task(killing(hub, arguments.kill, over))
            took = await load(people, arguments)
            over.set()
            killed = await killer
            spent = cpu(hub.process.pid) - before
            counts = compared(people, await settled(settings, people))
        finally:
            await asyncio.to_thread(hub.kill)
    return Measured(people, took, spent, killed, counts)


async def settled(settings: Settings, people: People) -> Effects:
    """What the record has once nothing is missing, or nobody waits any longer."""
    until = time.monotonic() + PATIENCE
    while True:
        found = await effects(settings, site(settings).site.systems)
        counts = compared(people, found)
        if time.monotonic() > until or not (counts["without a turn"] or counts["not kept"]):
            return found
        await asyncio.sleep(5)


async def run(url: str, folder: Path, arguments: argparse.Namespace) -> int:
    """Measures, and prints; the exit code."""
    facts = figures.facts("python -m bench.conversations " + " ".join(sys.argv[1:]))
    found = await measured(url, folder, arguments)
    people, took, counts = found.people, found.seconds, found.counts
    calm, alarms = ([one for one in people.asked if one.alarm == alarm] for alarm in (False, True))
    lines = [
        f"conversations: {len({one.phone for one in people.asked})}, {arguments.rate:g} begun a second;"
        f" messages: {len(people.asked)} in {took:.0f} s",
        f"answered: {quantiles(calm)} (p95 aimed at: {REPLY_SECONDS:g} s)",
        f"red flags answered: {quantiles(alarms)} (p95 aimed at: {ALARM_SECONDS:g} s)",
        *([f"killed: {found.killed} times; refused webhooks: {dict(people.refused)}"] if arguments.kill else
          [f"CPU of the hub without its database: {found.spent / took:.2f} cores"]),
        "; ".join(f"{name}: {number}" for name, number in counts.items()),
    ]  # fmt: skip
    print("\n".join(lines))
    if arguments.keep:
        figures.write("conversations-killed" if arguments.kill else "conversations", {"facts": facts, "said": lines})
    return int(any(counts[name] for name in WRONG))


def paragraphs(found: Mapping[str, Any]) -> list[str]:
    """The section of RESULTS.md."""
    return [
        "## Conversations on WhatsApp",
        figures.bullets(found),
        "How soon people are answered: until the answer is at the channel, with the 2 s in which the second half of a "
        "thought may come.",
        "\n".join(f"- {line.strip()}" for line in found["said"]),
    ]


def paragraphs_killed(found: Mapping[str, Any]) -> list[str]:
    """The same of the hub that was killed."""
    return [
        "## Conversations on WhatsApp while the hub is killed",
        figures.bullets(found),
        "It dies by SIGKILL again and again while people talk; then every message is compared, id by id, with what it "
        "brought about.",
        "\n".join(f"- {line.strip()}" for line in found["said"]),
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=float, default=50, help="conversations that begin in a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--conversations", type=int, default=0, help="that begin, instead of --seconds")
    parser.add_argument("--turns", type=int, default=1, help="messages of a conversation")
    parser.add_argument("--alarms", type=float, default=0.02, help="part of the conversations that are emergencies")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve")
    parser.add_argument("--kill", type=int, default=0, help="times the hub is killed at most")
    parser.add_argument("--keep", action="store_true", help="write figures and RESULTS.md")
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
