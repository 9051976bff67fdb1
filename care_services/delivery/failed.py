"""What follows when a message failed: another try, a template, somebody's telephone, or the end of it. Pure.

The care services' contract, section 2, table of provider codes. An error in the channel's answer and a status that says
failed are the same to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from care_services.delivery.decision import CATEGORIES, NOT_SWITCHABLE, UNSTOPPABLE, Notice
from mappings.whatsapp.codes import Do, Reaction

NO_ANSWER_SECONDS = 30
"""How long a status is waited for after a try whose outcome nobody knows."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another try, then."""

    at: datetime
    as_template: bool = False


@dataclass(frozen=True, slots=True)
class NotDone:
    """It is over."""

    reason: str
    telephone: bool = False
    """Somebody telephones instead: a Task."""
    stops: str | None = None
    """Purpose that the person has stopped by the channel's own means: a Consent."""


Next = Again | NotDone


def follows(did: Reaction, tries: int, notice: Notice, now: datetime, *, was_template: bool = False) -> Next:
    """What follows a failure. tries: of this message that failed in this way, this one counted; was_template: whether
    it was sent as one.

    A level that nothing stands before has no end of life: as long as a pause is left it is tried, besides what the
    watch over it does.
    """
    category = CATEGORIES[notice.category]
    by_telephone = category.by_telephone or notice.level is not None
    match did.do:
        case Do.AGAIN:
            if tries > len(did.pauses):
                return NotDone("the channel did not take it, again and again", by_telephone)
            at = now + timedelta(seconds=did.pauses[tries - 1])
            if at >= notice.expires and notice.level not in UNSTOPPABLE:
                return NotDone("it expired before the channel took it", by_telephone)
            return Again(at)
        case Do.AS_TEMPLATE:
            if tries == 1 and not was_template and notice.template is not None:
                return Again(now, as_template=True)
            return NotDone("nobody wrote for a day, and no template went", by_telephone)
        case Do.UNREACHABLE:
            return NotDone("not reached by the channel", by_telephone)
        case Do.NOT_NOW:
            return NotDone("the channel holds it back", by_telephone)
        case Do.STOPPED:
            stops = None if category.purpose in NOT_SWITCHABLE else category.purpose
            return NotDone("stopped by the person, on the channel", by_telephone, stops)
        case Do.TEMPLATE_OFF:
            if tries == 1 and was_template and notice.template is not None:
                return Again(now, as_template=True)
            return NotDone("its template cannot be used", by_telephone)
        case Do.NUMBER_OFF:
            if notice.template is not None and tries == 1:  # a spare number sends templates
                return Again(now, as_template=True)
            return NotDone("its number cannot send", by_telephone)
        case Do.DEFECT:
            return NotDone("the channel finds a fault in it", by_telephone)
