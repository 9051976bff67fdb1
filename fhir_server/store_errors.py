"""Why the store could not write: facts for the interaction to judge, not yet answers to a client."""

from __future__ import annotations

from collections.abc import Sequence


class VersionConflict(Exception):
    """Somebody changed the resource since it was read."""

    def __init__(self) -> None:
        super().__init__("the resource was changed meanwhile")


class MissingReferences(Exception):
    """References point to resources that do not exist: (index of the change, "Type/id")."""

    def __init__(self, references: Sequence[tuple[int, str]]) -> None:
        super().__init__("references to resources that do not exist")
        self.references = list(references)

    @property
    def targets(self) -> set[tuple[str, str]]:
        """(type, id) of what is missing."""
        return {(kind, id) for kind, _, id in (text.partition("/") for _, text in self.references)}


class StillReferenced(Exception):
    """A resource to be deleted is still referred to by a resource of type `by`."""

    def __init__(self, by: str) -> None:
        super().__init__(f"still referred to by a resource of type {by}")
        self.by = by


class RetryTransaction(Exception):
    """A deadlock was broken at our cost, or a resource referred to was expunged: run the whole transaction again."""


class StaleParameters(RetryTransaction):
    """Search parameters were put in force or taken out of it meanwhile: what was made of the old ones is made again."""
