"""What can go wrong in a FHIRPath expression. https://hl7.org/fhirpath/N1/"""

from __future__ import annotations


class FhirPathError(ValueError):
    """The expression cannot be read or evaluated; never holds a value from the record.

    `kind` is "syntax" (not FHIRPath), "semantic" (names what does not exist) or "execution" (does not fit the data);
    `position` counts characters from 0, None when it is not known.
    """

    def __init__(self, reason: str, position: int | None = None, *, kind: str = "execution") -> None:
        super().__init__(reason if position is None else f"{reason} (character {position + 1})")
        self.reason, self.position, self.kind = reason, position, kind
