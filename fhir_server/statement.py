"""SQL text with its parameters, built together so that no value ever enters the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple


class Statement(NamedTuple):
    """One SQL statement: text with $1..$n, and its parameters."""

    text: str
    parameters: tuple[bytes | None, ...] = ()
    binary: bool = False
    """Parameters are in PostgreSQL's binary format, not its text format."""
    generic: bool = False
    """One plan serves all values (no skew that matters): saves planning at each run."""
    generation: int | None = None
    """Of the custom search parameters or keys it relies on, if on any: whoever runs it proves it afterwards."""
    bitmaps: bool = False
    """Its one plan may use an index that yields rows in no order, such as one of trigrams."""


@dataclass(slots=True)
class Parameters:
    """Collects parameters while text is built: f"rid < {parameters.add(cursor, 'bigint')}"."""

    values: list[bytes | None] = field(default_factory=list)
    generation: int | None = None
    """As `Statement.generation`."""
    bitmaps: bool = False
    """As `Statement.bitmaps`."""
    texts: bool = False
    """What is added is sent as text, in a statement whose parameters are else in binary format."""
    _once: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    _aliases: count[int] = field(default_factory=count)

    def add(self, value: str | int | bytes | None, sql_type: str) -> str:
        """The placeholder of a further parameter, cast to `sql_type`: "$3::bigint"."""
        if isinstance(value, int):
            value = str(value)
        self.values.append(value.encode() if isinstance(value, str) else value)
        return f"${len(self.values)}::{'text::' if self.texts else ''}{sql_type}"

    def once(self, value: str, sql_type: str) -> str:
        """As `add`, of a value that is asked for again and again: it is sent once."""
        known = self._once.get((value, sql_type))
        if known is not None and any(sent is known[1] for sent in self.values):
            return known[0]
        placeholder = self.add(value, sql_type)
        sent = self.values[-1]
        assert sent is not None
        self._once[value, sql_type] = (placeholder, sent)
        return placeholder

    def alias(self, name: str) -> str:
        """A table alias that begins with the name, and is not in the statement yet."""
        return f"{name}{next(self._aliases)}"

    def statement(self, text: str, *, generic: bool = False) -> Statement:
        """The finished statement."""
        return Statement(text, tuple(self.values), generic=generic, generation=self.generation, bitmaps=self.bitmaps)
