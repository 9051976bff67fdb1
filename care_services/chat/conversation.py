"""What is known of a conversation, what comes into one, and what a turn makes of both. Pure data.

The care services' contract, section 3. A conversation is one channel identity and one business number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from care_services.chat.known import Found, Where
from care_services.chat.proof import Proof
from care_services.consent import Consented
from care_services.healthpoints import Entry
from care_services.triage.assessment import Fired
from care_services.triage.state import Known
from care_services.triage.state import State as Interview

NEW, OPEN, SAFETY, INTERVIEW, CONCLUDED = "new", "open", "safety", "interview", "concluded"
EMERGENCY, HUMAN, PROVING = "emergency", "human", "proving"
AUTHORIZATION, APPOINTMENT, MEDICATION, GENERAL = "authorization", "appointment", "medication", "general"
ADMINISTRATIVE = (AUTHORIZATION, APPOINTMENT, MEDICATION, GENERAL)
STATES = (NEW, OPEN, PROVING, SAFETY, INTERVIEW, CONCLUDED, EMERGENCY, HUMAN, *ADMINISTRATIVE)
ASKING = frozenset({SAFETY, INTERVIEW})
CLINICAL = frozenset({*ASKING, CONCLUDED, EMERGENCY})
KEPT_GIVEN = 40
"""Things named that a conversation keeps for a Task."""
MOST_EVIDENCE = 50
"""Messages of an episode that its conclusion names: the latest."""
KEPT_IDS = 200
"""Message ids that a conversation remembers; older ones the record tells, by the event each effect is bound to."""


@dataclass(frozen=True, slots=True)
class Option:
    """A button, or a row of a list."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Say:
    """A text to the member. At most three `options` are buttons, more are a list."""

    name: str
    """Of the text, in the rules' texts."""
    text: str
    options: tuple[Option, ...] = ()
    by: str | None = None
    """Model and prompt version, where a model worded it."""
    place: bool = False
    """Whether it asks for a location, which the channel has a button for."""


@dataclass(frozen=True, slots=True)
class Desk:
    """People are called: a Task."""

    code: str
    """nurse-callback, pharmacist, service-desk, data-subject-request."""
    priority: str
    """stat, asap, urgent or routine."""
    minutes: int
    """Until somebody should have taken it: the promise."""
    reason: str
    """A word of ours, never the member's."""
    focus: str | None = None
    """Reference of what it is about, if neither the episode nor the message."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """A level that was reached: a RiskAssessment, and a Flag from very-urgent up."""

    level: str
    fired: tuple[Fired, ...]
    findings: Mapping[str, Known]
    model: str | None = None
    """Model and prompt version, where findings are a model's."""

    @property
    def flagged(self) -> bool:
        """Whether it is a Flag too."""
        return self.level in ("emergency", "very-urgent")


@dataclass(frozen=True, slots=True)
class Choice:
    """Notices, or a model's help, are wanted or not: a Consent."""

    purposes: tuple[str, ...]
    granted: bool
    before: Consented
    """What was said before."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The message goes to whoever owns the talk."""

    message: str


@dataclass(frozen=True, slots=True)
class Booked:
    """Points that are earned, or have lapsed: a line of the ledger."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Located:
    """Whoever is called by a Task that is there already learns where the member is."""

    task: str
    """Its reference."""
    where: Where


Effect = Desk | Concluded | Choice | Forward | Booked | Located


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a model saw in the last messages, as far as it counts (`care_services/assistance/extraction.py`)."""

    findings: Mapping[str, str]
    """Code -> the member's words."""
    symptom: bool
    """Whether it takes the message for the report of a symptom."""
    by: str
    """Model and prompt version."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A reply that a model worded out of approved passages, as far as it may be shown (`assistance/reply.py`)."""

    text: str
    by: str
    """Model and prompt version."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message of the member's. Seconds since 1970: `at` by the channel's clock, `received` by ours."""

    id: str
    kind: str
    at: int
    received: int
    text: str = ""
    tapped: str | None = None
    where: Where | None = None
    """The place that was shared."""
    found: Found = field(default_factory=Found)
    """What was looked up in the record for it."""
    moved: bool = False
    """Whether it came from another telephone number than the messages before."""
    earlier: tuple[str, ...] = ()
    """Ids of those whose texts stand before its own, a line each: they are one thought."""
    extracted: Extracted | None = None
    worded: Worded | None = None
    model: bool = False
    """Whether there is a model that may be asked of later messages."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where it stands. `interview.level` is the level of the episode, and never falls within it."""

    state: str = NEW
    noticed: bool = False
    """Whether the member was told that this is an automated service."""
    turn: int = 0
    """Of the latest question: buttons carry it."""
    question: Say | None = None
    """The latest, without an answer so far."""
    interview: Interview = field(default_factory=Interview)
    episode: int = 0
    """Counts the episodes so far that are over."""
    evidence: tuple[str, ...] = ()
    """Ids of the messages that the episode under way is made of."""
    told: str | None = None
    """The level that was told."""
    told_at: int = 0
    taken: bool = False
    """Whether a professional has taken over, or help is there: what to do in an emergency is not repeated then."""
    where: Where | None = None
    """Where the member is, as they said after a level that sends them to an emergency department."""
    misunderstood: int = 0
    protocol: str | None = None
    given: tuple[tuple[str, str], ...] = ()
    """Kind and value of what was named for the flow that is under way."""
    proof: Proof = field(default_factory=Proof)
    """Of who writes."""
    wanted: str | None = None
    """What the proof under way is for."""
    resumes: str = OPEN
    """The state after the proof."""
    refused: str | None = None
    """Reference of the refusal that was told last, which can be reviewed."""
    whom: str | None = None
    """Reference of the dependant the episode is about; "" if it is another person."""
    joined: str | None = None
    """Reference of the Patient whose record has joined what is known in the episode."""
    model: bool = True
    """Whether model assistance may be used: the member did not refuse it."""
    model_told: bool = False
    """Whether the member was told of it: none is asked before."""
    to_read: bool = False
    """Whether something was told that no model has read: what came before the member was told of it, say."""
    said: Mapping[str, int] = field(default_factory=dict)
    """How often each text was sent in this talk."""
    heard: int = 0
    """When the member last wrote, by the channel's clock."""
    contacts: tuple[tuple[str, int], ...] = ()
    """Complaints of late for which a level was told, and when."""
    silences: int = 0
    """Steps that were carried out in the silence since then."""
    seen: tuple[str, ...] = ()
    """Ids of messages that had their effect."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a message makes: where the conversation stands then, what is said, what is done."""

    conversation: Conversation
    says: tuple[Say, ...] = ()
    effects: tuple[Effect, ...] = ()
