"""Calls of a language model: `extract`, `phrase`, `transcribe`. One try, 8 seconds, no tools, nothing kept there.

https://platform.openai.com/docs/api-reference/chat/create. What goes out has been through `pseudonyms.py` here, so that
nobody can send anything else. No call raises: whatever happens has an outcome, and its text is in no log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

from adapters.language_model import prompts
from adapters.language_model.circuit import Circuit
from adapters.language_model.prompts import Turn
from adapters.language_model.pseudonyms import any_word, hidden

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SECONDS = 8.0
SECONDS_OF_SOUND = 20.0
TURNS = 6
LONGEST = 2000
"""Characters of a turn that are sent."""
MOST_TOKENS = 2000
"""Of an answer."""
EXTRACT, PHRASE, TRANSCRIBE = "extract", "phrase", "transcribe"
OK, PAUSED = "ok", "paused"
FAULTS = frozenset({"timeout", "unreachable", "unavailable", "rate-limited", "invalid", "empty"})
"""Outcomes that count against the circuit; a refusal or an answer cut short is the model's own business."""


@dataclass(frozen=True, slots=True)
class Where:
    """A server and its models."""

    url: str
    key: str
    model: str
    transcription: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it is accounted for: nothing of what was said."""

    purpose: str
    model: str
    prompt: str
    outcome: str
    """ok, timeout, unreachable, unavailable, rate-limited, refused, truncated, filtered, empty, invalid, rejected or
    paused (nobody was asked)."""
    input: int = 0
    cached: int = 0
    output: int = 0
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call."""

    call: Call
    content: str = ""
    """JSON, or a transcript; empty unless the outcome is ok. Whatever it says has been proved by nobody."""
    turns: Mapping[int, str] = field(default_factory=dict)
    """Number of each of the member's turns -> its text as it was sent, with tags."""
    restore: Callable[[str], str] = str
    """Tags back to what they stand for."""


class LanguageModel:
    """A server of models. One object for a process."""

    def __init__(
        self, http: httpx2.AsyncClient, where: Where, is_word: Callable[[str], bool] = any_word,
        seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        """is_word: tells words of the language from what may be a name, as `pseudonyms.hidden` needs it.

        seconds: a call may take, in all.
        """
        self._http, self._where, self._is_word, self._seconds = http, where, is_word, seconds
        self._circuit = Circuit()
        self._client: AsyncOpenAI | None = None

    async def extract(
        self, turns: Sequence[Turn], vocabulary: Mapping[str, str], member: str, names: Collection[str] = ()
    ) -> Answer:
        """Findings in the last turns. member: their hashed id; names: that are known to be somebody's."""
        last = turns[-TURNS:]
        texts, restore = hidden([one.text[:LONGEST] for one in last], names, self._is_word)
        sent = [(number, Turn(one.who, text)) for number, (one, text) in enumerate(zip(last, texts, strict=True), 1)]
        call, content = await self._complete(EXTRACT, prompts.extract(sent, vocabulary), member)
        told = {number: one.text for number, one in sent if one.who == prompts.MEMBER}
        return Answer(call, content, told, restore)

    async def phrase(
        self, passages: Mapping[str, str], question: str, member: str, names: Collection[str] = ()
    ) -> Answer:
        """A reply worded from passages (id -> text)."""
        [text], restore = hidden([question[:LONGEST]], names, self._is_word)
        call, content = await self._complete(PHRASE, prompts.phrase(passages, text), member)
        return Answer(call, content, {}, restore)

    async def transcribe(self, sound: bytes, content_type: str) -> Answer:
        """What a recording says, in Portuguese. A server without a model for it is asked nothing."""
        model = self._where.transcription
        if model is None:
            return Answer(Call(TRANSCRIBE, "", prompts.VERSION, PAUSED))
        name = f"voice.{content_type.partition(';')[0].rpartition('/')[2] or 'ogg'}"

        async def asked() -> tuple[str, str, Any]:
            found = await self._openai().audio.transcriptions.create(
                file=(name, sound, content_type), model=model, language="pt", timeout=SECONDS_OF_SOUND
            )
            said = getattr(found, "text", None)
            return (OK, said.strip(), None) if isinstance(said, str) and said.strip() else ("empty", "", None)

        call, content = await self._made(TRANSCRIBE, model, asked, SECONDS_OF_SOUND)
        return Answer(call, content, {})

    async def _complete(self, purpose: str, prompt: tuple[str, str, Any], member: str) -> tuple[Call, str]:
        system, data, schema = prompt
        model = self._where.model

        async def asked() -> tuple[str, str, Any]:
            found = await self._openai().chat.completions.create(
                model=model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": data}],
                response_format={
                    "type": "json_schema", "json_schema": {"name": purpose, "strict": True, "schema": schema},
                },
                max_completion_tokens=MOST_TOKENS, store=False, safety_identifier=member, timeout=self._seconds,
            )  # fmt: skip
            return _read(found)

        return await self._made(purpose, model, asked, self._seconds)

    async def _made(self, purpose: str, model: str, asked: Callable[[], Any], seconds: float) -> tuple[Call, str]:
        """One try, at most so long in all."""
        began = time.monotonic()
        if self._circuit.open(began):
            return Call(purpose, model, prompts.VERSION, PAUSED), ""
        if self._client is None:
            await asyncio.to_thread(self._openai)
            began = time.monotonic()
        content, usage = "", None
        try:
            async with asyncio.timeout(seconds):
                outcome, content, usage = await asked()
        except Exception as error:  # noqa: BLE001 - whatever a stranger's answer does to the client is an outcome
            outcome = _outcome(error)
        ended = time.monotonic()
        if outcome in FAULTS:
            self._circuit.failed(ended)
        spent = _tokens(usage)
        return Call(purpose, model, prompts.VERSION, outcome, *spent, round((ended - began) * 1000)), content

    def _openai(self) -> AsyncOpenAI:
        if self._client is None:
            from openai import AsyncOpenAI  # 0.7 s and 30 MB that most processes never need

            self._client = AsyncOpenAI(
                api_key=self._where.key,
                base_url=self._where.url,
                max_retries=0,
                timeout=SECONDS,
                http_client=self._http,
            )
        return self._client


def _read(found: Any) -> tuple[str, str, Any]:
    """Outcome, content and usage of a completion, which may be of any shape."""
    usage = getattr(found, "usage", None)
    choices = getattr(found, "choices", None)
    if not isinstance(choices, list) or not choices:
        return "empty", "", usage
    said, ended = choices[0].message, choices[0].finish_reason
    if ended == "length":
        return "truncated", "", usage
    if ended == "content_filter":
        return "filtered", "", usage
    if getattr(said, "refusal", None):
        return "refused", "", usage
    if not isinstance(said.content, str) or not said.content:
        return "empty", "", usage
    return OK, said.content, usage


def _outcome(error: Exception) -> str:
    """The outcome that an exception stands for."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(error, (TimeoutError, APITimeoutError)):
        return "timeout"
    if isinstance(error, APIConnectionError):
        return "unreachable"
    if isinstance(error, APIStatusError):
        status = error.status_code
        return "rate-limited" if status == 429 else "unavailable" if status >= 500 else "rejected"
    return "invalid"


def _tokens(usage: Any) -> tuple[int, int, int]:
    """Input, cached, output."""
    details = getattr(usage, "prompt_tokens_details", None)
    sources = ((usage, "prompt_tokens"), (details, "cached_tokens"), (usage, "completion_tokens"))
    values = (getattr(source, name, 0) for source, name in sources)
    input, cached, output = (one if isinstance(one, int) and one >= 0 else 0 for one in values)
    return input, cached, output
