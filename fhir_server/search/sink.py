"""Sink: where the emitters of one resource put its index rows while it is walked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.search.rows import Bound

Emit = Callable[[Any, "Sink"], None]
"""Writes the rows of one element, as the parsed JSON has it, into the sink."""

CompositeRow = tuple[int, int, int, int, int, Bound | None, Bound | None, Bound | None, Bound | None]


class Sink:
    """The rows so far, duplicates included; columns as in `Rows`."""

    __slots__ = (
        "alone",
        "base",
        "canonical",
        "composite",
        "contained",
        "date",
        "links",
        "number",
        "quantity",
        "reference",
        "reference_other",
        "resource",
        "sortable",
        "string",
        "token",
        "uri",
    )

    def __init__(self, resource: dict[str, Any], base: str) -> None:
        self.resource = resource
        self.base = base
        """Own FHIR base URL with a slash at the end."""
        self.contained: dict[str, tuple[int, str]] = {}
        """Id -> place and type of what is contained, "" for the container itself; there mostly is nothing."""
        self.links: list[tuple[int, int]] = []
        """param_id and place of what is referred to there."""
        self.token: list[tuple[int, int, int]] = []
        """Tokens that become patient_value rows too."""
        self.alone: list[tuple[int, int, int]] = []
        """Tokens that do not: identifiers, tags, security labels, and the rows of :identifier and :of-type."""
        self.reference: list[tuple[int, str, str]] = []
        self.reference_other: list[tuple[int, int]] = []
        self.canonical: list[tuple[int, int]] = []
        self.date: list[tuple[int, int, int]] = []
        self.quantity: list[tuple[int, int, Bound, Bound]] = []
        self.number: list[tuple[int, Bound, Bound]] = []
        self.string: list[tuple[int, str, int]] = []
        self.uri: list[tuple[int, str]] = []
        self.composite: list[CompositeRow] = []
        self.sortable: list[tuple[int, str]] = []
        """param_id and text of tokens that are sorted by it: see `by_token.unworded`."""
