"""Several models as one: the first that gives text answers, and whoever waited is told when it was not the first choice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from random import Random

import structlog

from bot.errors import ModelError
from bot.model_types import ModelStatus
from bot.models.guard import Backend, BackendState, Guarded, GuardSettings, LeftAlone
from bot.ports import Clock
from bot.types import Chunk, Flag, Language, Prompt

_log = structlog.get_logger("martin.model")


class Chain:
    """Answers with the first model that gives text. `random` is drawn from for jitter only."""

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        clock: Clock,
        random: Random,
        settings: GuardSettings | None = None,
    ) -> None:
        if not backends:
            raise ValueError("a chain needs at least one model")
        self._clock = clock
        self._guarded = tuple(Guarded(one, settings or GuardSettings(), clock, random) for one in backends)

    @property
    def name(self) -> str:
        """The models in the order they are asked: `ollama/llama3.2 → offline`."""
        return " → ".join(one.name for one in self._guarded)

    @property
    def states(self) -> tuple[BackendState, ...]:
        """How each backend stands, in order."""
        return tuple(one.state for one in self._guarded)

    async def statuses(self, language: Language = "en") -> tuple[ModelStatus, ...]:
        """Each model's own status, in order, asked at the same time; one that does not answer in `CHECK_S` is not ready."""
        await self._look(self._guarded, language)
        return self.known()

    def known(self) -> tuple[ModelStatus, ...]:
        """Each model's status when it was last asked, in order, at once; words are in the language of that time."""
        return tuple(one.known for one in self._guarded)

    async def _look(self, which: Sequence[Guarded], language: Language) -> None:
        """Ask these how they are. What one of them raises unforeseen concerns nobody else, and is logged by its type."""
        found = await asyncio.gather(*(one.status(language) for one in which), return_exceptions=True)
        for one, status in zip(which, found, strict=True):
            if isinstance(status, Exception):
                _log.error("model.check", model=one.name, error=type(status).__name__)

    async def tried_statuses(self, language: Language = "en") -> tuple[ModelStatus, ...]:
        """Each model's status with how long a first token took: every ready one is asked for a few tokens, one by one."""
        return tuple([await one.tried_status(language) for one in self._guarded])

    async def watch(self, every_s: float, fresh_s: float, on_ready: Callable[[], Awaitable[None]]) -> None:
        """Keep what is known up to date, until cancelled, and say when another model became ready.

        Every `every_s` those are asked that were not ready (one that joins when it is found joins so), and every `fresh_s` all.
        """
        while True:
            await asyncio.sleep(every_s)
            before = {one.name for one in self.known() if one.is_ready}
            await self._look([one for one in self._guarded if one.is_due(fresh_s)], "en")
            if {one.name for one in self.known() if one.is_ready} - before:
                await on_ready()

    async def check(self, language: Language = "en") -> ModelStatus:
        """Ready when any model is; the detail names each of them. Remote when any that is ready is."""
        statuses = await self.statuses(language)
        ready = [one for one in statuses if one.is_ready]
        return ModelStatus(
            name=self.name,
            is_ready=bool(ready),
            is_remote=any(one.is_remote for one in ready),
            detail="; ".join(f"{one.name}: {one.detail}" for one in statuses),
            next_step="" if ready else " ".join(one.next_step for one in statuses if one.next_step),
        )

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield one model's answer, never parts of two. When a model before it gave no text, the generation says FALLBACK.

        A stream that ends too early after text was shown ends with what there is, flagged PARTIAL (and TIMED_OUT for a
        deadline). Its times count from here, so they are what the person waited. Raises the last model's ModelError when
        none gave text.
        """
        began = self._clock.monotonic()
        flags: frozenset[Flag] = frozenset()
        cost = 0
        first_token_s: float | None = None
        members = [one for one in self._guarded if one.has_joined] or self._guarded
        for guarded in members:
            try:
                async with aclosing(guarded.answer(prompt, max_tokens, temperature)) as chunks:
                    async for chunk in chunks:
                        now_s = self._clock.monotonic() - began
                        first_token_s = now_s if first_token_s is None and chunk.text else first_token_s
                        yield _dated(chunk, now_s, first_token_s, flags, cost)
                return
            except ModelError as error:
                is_last = guarded is members[-1]
                level = logging.DEBUG if isinstance(error, LeftAlone) and not is_last else logging.WARNING
                _log.log(
                    level, "model.failed", model=error.model, error=type(error).__name__, detail=error.detail, is_last=is_last
                )
                if is_last:
                    raise
                flags, cost = frozenset({Flag.FALLBACK}), cost + error.cost

    async def aclose(self) -> None:
        """Let every model go of its connections."""
        async with AsyncExitStack() as stack:
            for guarded in self._guarded:
                stack.push_async_callback(guarded.aclose)


def _dated(chunk: Chunk, seconds: float, first_token_s: float | None, flags: frozenset[Flag], cost: int) -> Chunk:
    """The chunk with the chain's own times and flags, and in its generation what models before it took in vain."""
    made = chunk.generation
    if flags:
        chunk = replace(chunk, is_fallback=True)
    if made is None:
        return chunk
    return replace(
        chunk,
        generation=replace(made, seconds=seconds, first_token_s=first_token_s, flags=made.flags | flags, cost=made.cost + cost),
    )
