"""Whether a notice is sent now, later, by somebody's telephone, or not at all. Pure.

The care services' contract, sections 2 and 9. The order of the questions is the contract's: expired? consent?
quiet hours? too often? is the window open? An emergency stands before all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from care_services.delivery.quiet import Holiday, quiet, wakes

WINDOW = timedelta(hours=24)
"""For so long after somebody wrote they may be answered in free words."""
A_DAY, A_WEEK = (timedelta(days=1), 1), (timedelta(days=7), 3)
"""Proactive notices outside care and authorization: within what time, how many."""
REPEAT = timedelta(hours=24)
"""Before the same template goes to the same person again."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of notice."""

    name: str
    rank: int
    """What goes first: 0 before 1."""
    purpose: str
    """What a member must have agreed to, in the words of `care_services/consent.py`."""
    counted: bool = False
    """Whether it is one of the few notices a week."""
    by_telephone: bool = False
    """Whether somebody telephones where it cannot be written."""
    asleep: bool = False
    """Whether it is sent in quiet hours, whatever else."""


CATEGORIES: Mapping[str, Category] = {
    one.name: one
    for one in (
        Category("answer", 0, "care-messages", by_telephone=True, asleep=True),
        Category("safety", 1, "care-messages", by_telephone=True),
        Category("authorization", 2, "care-messages", by_telephone=True),
        Category("appointment", 3, "reminders", counted=True),
        Category("reminder", 4, "reminders", counted=True),
        Category("wellness", 5, "wellness", counted=True),
        Category("healthpoints", 6, "healthpoints", counted=True),
    )
}
QUIET = "quiet hours"
"""Why something waits."""
NOT_SWITCHABLE = frozenset({"care-messages"})
"""Purposes that no "no" ends: another channel can be asked for."""
WAKING_LEVELS = frozenset({"emergency", "very-urgent", "urgent"})
"""Levels whose notices and check-ins go at any hour."""
UNSTOPPABLE = frozenset({"emergency", "very-urgent"})
"""Levels that nothing stands before."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be said: an active CommunicationRequest."""

    category: str
    """A name of CATEGORIES."""
    expires: datetime
    template: str | None = None
    """Approved text for whoever has not written of late; None: there is none."""
    level: str | None = None
    """Of urgency, if it comes from a triage."""
    urgent: bool = False
    """Of an authorization that is, or of an appointment of the same day that changes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice that went before."""

    category: str
    template: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of whoever it goes to, at the moment of sending."""

    zone: str = "America/Sao_Paulo"
    granted: frozenset[str] = frozenset()
    """Purposes agreed to."""
    wrote: datetime | None = None
    """When they last wrote to the number it would leave from."""
    unreachable_until: datetime | None = None
    """The channel said it does not reach them: no opt-out."""
    held_until: datetime | None = None
    """The channel holds back what is not care."""
    sent: Sequence[Sent] = field(default=())


@dataclass(frozen=True, slots=True)
class Free:
    """Send it in its own words."""


@dataclass(frozen=True, slots=True)
class AsTemplate:
    """Send its template."""

    name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again then."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Telephone:
    """Somebody telephones: a Task."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """It is not done, and whoever planned it is told why."""

    reason: str


Decision = Free | AsTemplate | Wait | Telephone | Drop


def decide(notice: Notice, member: Member, now: datetime, holiday: Holiday) -> Decision:
    """What is done with a notice. Raises KeyError for a category that is none."""
    category = CATEGORIES[notice.category]
    unstoppable = notice.level in UNSTOPPABLE
    if not unstoppable:
        if now >= notice.expires:
            return _not_done("expired", category)
        if category.purpose not in NOT_SWITCHABLE and category.purpose not in member.granted:
            return Drop(f"no consent to {category.purpose}")
        later = _later(notice, category, member, now, holiday)
        if later is not None:
            return later if later.until < notice.expires else _not_done(f"expires before {later.reason} end", category)
    if member.unreachable_until is not None and now < member.unreachable_until:
        return _not_done("not reached by the channel", category)
    if member.wrote is not None and now < member.wrote + WINDOW:
        return Free()
    if notice.template is None:
        return _not_done("nobody wrote for a day, and there is no template", category)
    return AsTemplate(notice.template)


def _later(
    notice: Notice, category: Category, member: Member, now: datetime, holiday: Holiday
) -> Wait | None:  # fmt: skip
    """Why and until when a notice waits; None: it need not."""
    wakes_people = category.asleep or notice.urgent or notice.level in WAKING_LEVELS
    if not wakes_people and quiet(now, member.zone, holiday):
        return Wait(wakes(now, member.zone, holiday), QUIET)
    if category.counted and not notice.urgent:
        if member.held_until is not None and now < member.held_until:
            return Wait(member.held_until, "the channel's pauses")
        free = _free(member.sent, now)
        if free > now:
            return Wait(free, "pauses between notices")
    if notice.template is not None and not category.asleep and notice.level is None:
        same = [one.at for one in member.sent if one.template == notice.template]
        if same and now < max(same) + REPEAT:
            return Wait(max(same) + REPEAT, "pauses between equal notices")
    return None


def _free(sent: Iterable[Sent], now: datetime) -> datetime:
    """When the next counted notice may go."""
    times = sorted(one.at for one in sent if CATEGORIES[one.category].counted)
    free = now
    for span, most in (A_DAY, A_WEEK):
        within = [at for at in times if at > now - span]
        if len(within) >= most:
            free = max(free, within[-most] + span)
    return free


def _not_done(reason: str, category: Category) -> Telephone | Drop:
    """Care and authorizations reach people by somebody's telephone if not otherwise; the rest is dropped."""
    return Telephone(reason) if category.by_telephone else Drop(reason)


def first(notices: Iterable[Notice]) -> list[Notice]:
    """Notices in the order in which they go: what is about safety before all others."""
    return sorted(notices, key=rank)


def rank(notice: Notice) -> tuple[bool, int]:
    """What is lower goes first. Raises KeyError for a category that is none."""
    return notice.level not in UNSTOPPABLE, CATEGORIES[notice.category].rank
