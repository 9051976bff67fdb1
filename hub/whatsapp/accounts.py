"""Budgets of the language model, and the account of each call: without a word of what was said. Contract, section 8."""

from __future__ import annotations

import logging
from datetime import date

from adapters.language_model.client import Call
from adapters.language_model.prompts import VERSION
from hub.ledger import Ledger, now
from hub.settings import Settings
from messages import model_calls
from smart_auth.seal import Seal

_log = logging.getLogger("hub.assisting")


class Accounts:
    """Of all who ask in this process; the budgets are those of all processes."""

    def __init__(self, ledger: Ledger, settings: Settings, sealing: Seal) -> None:
        """sealing: members are named by a code derived from it."""
        self._ledger, self._settings, self._sealing = ledger, settings, sealing
        self._alarmed: dict[str, date] = {}

    def code(self, member: str) -> str:
        """What a member is called to the model and in the budgets."""
        return self._sealing.derived(f"language-model:{member}")

    async def within(self, purpose: str, member: str) -> bool:
        """Takes a call off both budgets; False: one is used up, which is told once a day. Raises psycopg.Error."""
        today, settings, code = now().date(), self._settings, self.code(member)
        crossed = await self._ledger(
            lambda rows: model_calls.reserve(
                rows, today, code, own=settings.llm_member_calls, everybody=settings.llm_daily_calls
            )
        )
        if crossed is None:
            return True
        await self.account(Call(purpose, settings.llm_model or "", VERSION, f"budget-{crossed}"))
        if self._alarmed.get(crossed) != today:
            self._alarmed[crossed] = today
            _log.error("alarm: the %s's budget of the language model is used up", crossed)
        return False

    async def account(self, call: Call, accepted: int = 0, dropped: int = 0) -> None:
        """Keeps that a call was made, or why not. Raises psycopg.Error."""
        tokens = (call.input, call.cached, call.output)
        await self._ledger(
            lambda rows: model_calls.called(
                rows, now(), call.purpose, call.model, call.prompt, call.outcome, tokens, call.milliseconds, accepted,
                dropped, self._settings.llm_prices,
            )
        )  # fmt: skip
