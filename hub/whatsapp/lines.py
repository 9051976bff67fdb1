"""How the business numbers and the templates stand: kept with what is known of partners, shared by all processes.

The care services' contract, section 2. A number that is blocked, restricted or refuses for five minutes sends nothing;
a spare one takes over its templates alone. None of it names a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.ledger import Ledger, Rows
from messages import partners

PARTNER = "whatsapp"
NUMBER, TEMPLATE = "number", "template"
GOOD, REFUSING, OFF = "good", "refusing", "off"
PATIENCE = timedelta(minutes=5)
"""For so long a number may refuse before a spare one takes over."""
SPARE = "spare"
_KEPT = timedelta(seconds=2)
"""How old what a process knows may be."""


@dataclass(frozen=True, slots=True)
class Line:
    """A business number."""

    id: str
    purpose: str
    state: str = GOOD
    since: datetime | None = None
    why: str = ""
    """A code of the channel's, or a word of its notices."""
    handed_over: bool = False
    """Whether people have its open conversations."""

    def sends(self, now: datetime) -> bool:
        """Whether it can be sent from, as far as anybody knows."""
        return self.state == GOOD or (self.state == REFUSING and self.since is not None and now < self.since + PATIENCE)


@dataclass(frozen=True, slots=True)
class Standing:
    """How all of them stand."""

    lines: Mapping[str, Line]
    templates: Mapping[str, str] = field(default_factory=dict)
    """Name -> state, in the channel's words, of those that are known."""

    def unusable(self) -> frozenset[str]:
        """Templates that cannot be sent."""
        return frozenset(name for name, state in self.templates.items() if state != "APPROVED")

    def leaves_from(self, id: str, now: datetime, *, template: bool) -> str | None:
        """The number that a message leaves from: the one that was written to, or a spare one for a template; None: no
        number can send it. What one that only refuses is still tried with tells whether it goes again."""
        own = self.lines.get(id)
        if own is None or own.sends(now):
            return id
        spares = [one for one in self.lines.values() if one.purpose == SPARE and one.sends(now)]
        if template and spares:
            return spares[0].id
        return id if own.state == REFUSING else None


class Lines:
    """Told of what happens, and asked how they stand."""

    def __init__(self, numbers: Sequence[tuple[str, str]], ledger: Ledger, clock: Callable[[], datetime]) -> None:
        """numbers: purpose and id of each. ledger: theirs who made it."""
        self._numbers, self._ledger, self._now = numbers, ledger, clock
        self._known: tuple[datetime, Standing] | None = None

    async def standing(self, *, fresh: bool = False) -> Standing:
        """How they stand, as of a moment ago. Raises psycopg.OperationalError."""
        if fresh or self._known is None or self._now() - self._known[0] > _KEPT:
            self._known = self._now(), await self._ledger(lambda rows: standing(rows, self._numbers))
        return self._known[1]

    async def sent(self, id: str) -> None:
        """A number has sent something."""
        line = (await self.standing()).lines.get(id)
        if line is not None and line.state == REFUSING:
            await self.say(id, GOOD, "")

    async def refuses(self, id: str, why: str) -> None:
        """A number was refused for now: nobody's fault that is known."""
        line = (await self.standing()).lines.get(id)
        if line is not None and line.state == GOOD:
            await self.say(id, REFUSING, why)

    async def say(self, id: str, state: str, why: str, *, handed_over: bool = False) -> None:
        """A number stands otherwise from now on; one that stands so already does so since it did."""
        line = (await self.standing(fresh=True)).lines.get(id)
        if line is None:
            return
        since = line.since if line.state == state and line.since is not None else self._now()
        value = {
            "purpose": line.purpose, "state": state, "since": since.isoformat(), "why": why,
            "handed_over": handed_over or (line.handed_over and state == line.state),
        }  # fmt: skip
        await self._ledger(lambda rows: partners.report(rows, PARTNER, NUMBER, id, value, self._now()))
        self._known = None

    async def template(self, name: str, state: str, **more: str) -> None:
        """A template stands otherwise, in the channel's words."""
        value = {"state": state, **more}
        await self._ledger(lambda rows: partners.report(rows, PARTNER, TEMPLATE, name, value, self._now()))
        self._known = None


def standing(rows: Rows, numbers: Sequence[tuple[str, str]]) -> Standing:
    """How numbers and templates stand. numbers: purpose and id of each."""
    lines = {id: Line(id, purpose) for purpose, id in numbers}
    templates: dict[str, str] = {}
    for one in partners.listed(rows):
        if one.partner != PARTNER:
            continue
        value = one.value
        if one.what == NUMBER and one.name in lines:
            since = datetime.fromisoformat(value["since"])
            lines[one.name] = Line(
                one.name, lines[one.name].purpose, value["state"], since, value["why"], value["handed_over"]
            )  # fmt: skip
        elif one.what == TEMPLATE:
            templates[one.name] = str(value["state"])
    return Standing(lines, templates)
