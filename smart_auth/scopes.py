"""Who may do what: the access a request carries. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """What the bearer of a request may see and do.

    Until tokens exist every request carries `UNRESTRICTED`; the hub then binds to loopback only.
    """

    subject: str
    unrestricted: bool
    expunge: bool = False
    """A right of its own, which no other includes: to remove versions and resources for good ($expunge)."""


UNRESTRICTED = Access(subject="local", unrestricted=True, expunge=True)
