"""What can go wrong with a simulated WhatsApp, on command."""

from __future__ import annotations

from dataclasses import dataclass

TROUBLES: dict[str, str] = {
    "error": "the API refuses the next message with `code`",
    "failed": "the next message is accepted, and its status says failed with `code`",
    "silence": "the next message is sent, and the API never answers",
    "cut": "the next message is sent, and the connection ends without an answer",
    "hang-up": "the API ends the connection before the next message is sent",
    "unavailable": "the API answers 503",
    "status-first": "statuses of the next message come before the API's answer",
    "status-shuffled": "read comes before delivered and sent",
    "no-status": "nothing is told of the next message",
    "duplicate": "the next webhook is told twice",
    "unsigned": "the next webhook has no signature, and comes again with one",
    "forged": "the next webhook has a wrong signature, and comes again with a right one",
    "media-away": "the API answers 503 where a file is asked for or uploaded",
    "media-altered": "the next file is not the one that was told of",
}
"""Name -> what happens."""


@dataclass(slots=True)
class Trouble:
    """A trouble that will happen so many times."""

    name: str
    times: int = 1
    code: int = 131000

    def __post_init__(self) -> None:
        if self.name not in TROUBLES:
            raise ValueError(f"no such trouble; there are {', '.join(TROUBLES)}")
