"""What each level says to the member and asks of people. Pure data. The care services' contract, section 7."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from care_services.chat.conversation import Desk

DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Told:
    """The text, what can be tapped below it, and who is called."""

    text: str
    options: tuple[tuple[str, str], ...]
    """Answer, and title."""
    desk: Desk
    check_in: int | None = None
    """Hours after which the member is asked how they are."""
    appointment: bool = False
    """Whether one is proposed."""
    where: str | None = None
    """The text that asks where they are, of those who are sent to an emergency department."""


LEVELS_TOLD: Mapping[str, Told] = {
    "emergency": Told(
        "M-04", (("called", "Já liguei"), ("cannot-call", "Não consigo ligar")),
        Desk("nurse-callback", "stat", 2, "emergency"), where="where_emergency",
    ),
    "very-urgent": Told("M-07", (), Desk("nurse-callback", "asap", 10, "very-urgent"), check_in=2, where="where"),
    "urgent": Told("M-08", (), Desk("nurse-callback", "urgent", 60, "urgent"), check_in=6),
    "less-urgent": Told(
        "M-09", (("book", "Pode marcar"), ("book-other", "Outro horário"), ("human", "Falar com alguém")),
        Desk("nurse-callback", "routine", 8 * 60, "review, the same day"), appointment=True,
    ),
    "non-urgent": Told(
        "M-10", (("book", "Quero uma consulta"), ("human", "Falar com alguém")),
        Desk("nurse-callback", "routine", DAY, "review, the next working day"), check_in=48,
    ),
}  # fmt: skip
SUICIDE = "M-06"
"""In the place of M-04 where somebody thinks of ending their life."""
