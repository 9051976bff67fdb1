"""What the REST side knows after a restart: guides, documents, bills, numbers of events. Written when it changed."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from simulators.tasy.callbacks import Callbacks
from simulators.tasy.guides import Attachment
from simulators.tasy.installation import Tasy
from simulators.tasy.sets import whole

Json = dict[str, Any]

SECONDS = 1.0
"""Between two looks at whether something changed."""


class _State(msgspec.Struct):
    guides: dict[int, Json] = {}
    asked: dict[int, Json] = {}
    attachments: dict[int, list[Attachment]] = {}
    answered: dict[str, tuple[bytes, int, Json]] = {}
    protocols: dict[str, Json] = {}
    changed: dict[str, str] = {}
    billed: set[int] = set()
    sequences: dict[str, int] = {}


class Memory:
    """A file that has the state of an installation."""

    def __init__(self, path: Path, tasy: Tasy, callbacks: Callbacks | None) -> None:
        self._path, self._tasy, self._callbacks = path, tasy, callbacks
        self._written = b""

    def recall(self) -> None:
        """Brings the installation to what the file has, if there is one."""
        if not self._path.exists():
            return
        self._written = self._path.read_bytes()
        state = msgspec.json.decode(self._written, type=_State)
        guides, bills = self._tasy.guides, self._tasy.bills
        guides.by_key, guides.asked, guides.attachments = state.guides, state.asked, state.attachments
        guides.answered = state.answered
        guides.by_number = {
            (one["cd_guia_prestador"], one["solicitante"]["nr_seq_prestador"]): key for key, one in state.asked.items()
        }
        bills.protocols, bills.changed_at, bills.billed = state.protocols, state.changed, state.billed
        bills.by_key = {
            bill["nr_seq_conta"]: (number, bill) for number, one in state.protocols.items() for bill in one["contas"]
        }
        bills.keys, bills.numbers = count(max(bills.by_key, default=771_000) + 1), count(len(state.protocols) + 1)
        if self._callbacks:
            self._callbacks.sequences = state.sequences

    def keep(self) -> None:
        """Writes the state, if it changed. Raises OSError."""
        guides, bills = self._tasy.guides, self._tasy.bills
        state = _State(
            guides.by_key, guides.asked, guides.attachments, guides.answered, bills.protocols, bills.changed_at,
            bills.billed, self._callbacks.sequences if self._callbacks else {},
        )  # fmt: skip
        source = msgspec.json.encode(state)
        if source != self._written:
            whole(self._path, source)
            self._written = source

    async def keep_on(self) -> None:
        """Writes it again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(SECONDS)
            self.keep()
