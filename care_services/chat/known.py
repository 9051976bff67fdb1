"""What of the record a turn may need to know, and how it says so: it is asked again with what was looked up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from care_services.chat.proof import Known
from care_services.consent import Consented
from care_services.healthpoints import Points

CANDIDATES, DECIDED, RECORDED, DEPENDANTS = "candidates", "decided", "recorded", "dependants"
CONSENTED, POINTS, NEAR = "consented", "points", "near"


@dataclass(frozen=True, slots=True)
class Decided:
    """An authorization that was decided, in words for the member."""

    reference: str
    protocol: str
    state: str
    """approved, partial, denied."""
    password: str = ""
    until: str = ""
    """Day until which it is good, as people write it."""
    reasons: tuple[str, ...] = ()
    """Why not, or why not all of it."""


@dataclass(frozen=True, slots=True)
class Dependant:
    """Somebody for whom the member answers."""

    reference: str
    name: str
    """The first one."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody is, as far as they said."""

    position: tuple[float, float] | None = None
    """Latitude and longitude, in degrees."""
    city: str = ""
    """As the vocabulary has it, where they wrote one."""
    said: str = ""
    """In words: theirs, or those of the channel for the place."""


@dataclass(frozen=True, slots=True)
class Department:
    """An emergency department of the network."""

    name: str
    address: str = ""
    phone: str = ""
    position: tuple[float, float] | None = None
    plans: frozenset[str] = frozenset()
    """Those it is open to; none: it is not known."""


@dataclass(frozen=True, slots=True)
class Near:
    """What is known around somebody who is sent to an emergency department."""

    departments: tuple[Department, ...] = ()
    """In reach of the position, or in the city."""
    plans: frozenset[str] = frozenset()
    """Of whom it is about; none: it is not known who that is."""
    task: str | None = None
    """Reference of the open Task by which a nurse calls them."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up for a turn; None: it was not."""

    candidates: tuple[Known, ...] | None = None
    """Who this identity on the channel may be."""
    decided: tuple[Decided, ...] | None = None
    """Newest first."""
    recorded: tuple[tuple[str, str], ...] | None = None
    """Findings of the record, and its words for them."""
    dependants: tuple[Dependant, ...] | None = None
    consented: Consented | None = None
    """What was said so far of notices, and of a model's help."""
    points: Points | None = None
    near: Near | None = None


NOTHING = Found((), (), (), (), Consented(), Points("nobody"), Near())
"""Of somebody of whom the record knows nothing."""


class Look(Exception):
    """The turn needs something of the record first: what, of which Patient, around which place."""

    def __init__(self, what: str, patient: str | None = None, where: Where | None = None) -> None:
        super().__init__(what)
        self.what, self.patient, self.where = what, patient, where
