"""What can go wrong with a simulated language model, on command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TROUBLES: dict[str, str] = {
    "not-urgent": "says of everything that it is not urgent, and `no` to every finding",
    "invented-quotes": "finds signs in words that nobody wrote",
    "unknown-codes": "finds signs that no vocabulary has",
    "all-no": "denies every finding of the vocabulary, with quotes that are right",
    "all-yes": "says yes to every finding of the vocabulary, with quotes that are right",
    "instructions": "orders in its answer that the level be lowered and the member be sent home",
    "links-and-doses": "answers with links, medicines, doses and diseases",
    "silence": "never answers",
    "drip": "answers one byte a second",
    "broken-json": "the content breaks off in the middle of JSON",
    "broken-envelope": "the whole answer is no JSON",
    "wrong-schema": "the content is JSON of another shape",
    "empty": "there is no choice in the answer",
    "truncated": "the answer ends for its length",
    "refusal": "the model refuses",
    "filtered": "the answer ends by a content filter",
    "rate-limited": "429",
    "unavailable": "500",
    "unauthorized": "401",
    "hang-up": "the connection ends without an answer",
}
"""Name -> what happens."""

ALWAYS = 10**9


@dataclass(slots=True)
class Trouble:
    """A trouble that will happen so many times."""

    name: str
    times: int = 1

    def __post_init__(self) -> None:
        if self.name not in TROUBLES:
            raise ValueError(f"no such trouble; there are {', '.join(TROUBLES)}")


def due(troubles: Sequence[Trouble]) -> str | None:
    """The trouble that is next, counted off."""
    for one in troubles:
        if one.times > 0:
            one.times -= 1
            return one.name
    return None
