"""What is wrong with a record: the element and the reason, never the value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a person should look at, that did not keep the record from being mapped."""

    element: str
    """Path in the source: "itens[1].ie_status"."""
    reason: str
    code: str = "drift"
    """What kind of fault: drift (the partner says what the contract does not), check-digit, mismatch, unknown-code."""


class MappingError(ValueError):
    """This record is at fault and cannot be mapped; the others go on."""

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(f"{element}: {reason}")
        self.element, self.reason = element, reason
