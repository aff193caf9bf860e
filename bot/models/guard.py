"""One backend held to deadlines, a gate, a circuit breaker and few retries; its answer comes whole, flagged, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

import structlog

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelTimedOut, ModelUnreachable, RequestRejected
from bot.failures import failure_text
from bot.locale import say
from bot.messages import prompt_tokens
from bot.model_ports import ChatModel, Price
from bot.model_types import ModelStatus
from bot.models.breaker import Breaker, BreakerSettings, BreakerState, Permit, RetryBudget
from bot.ports import Clock
from bot.tokens import estimate_tokens
from bot.types import Chunk, Flag, Generation, Language, Prompt

_log = structlog.get_logger("martin.model")

CHECK_S = 5.0
"""Seconds that one model's `check` may take."""
TOTAL_SLACK_S = 0.05
"""A timer may fire so much before the clock says that its time has come."""
_HELLO: Mapping[Language, str] = {"es": "Di hola.", "en": "Say hello."}
_TRIAL_TOKENS = 16
CLOSE_S = 5.0
"""Seconds that a backend's stream may take to close before its place at the gate is given to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """R-14, in seconds. First token and total count from the moment the backend is asked, queueing and retries included.

    `between_tokens_s` counts from one piece to the next, and only while the backend is waited for.
    """

    first_token_s: float
    between_tokens_s: float
    total_s: float


LOCAL = Deadlines(first_token_s=90, between_tokens_s=20, total_s=300)
REMOTE = Deadlines(first_token_s=30, between_tokens_s=15, total_s=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One model of a chain. At most `parallel` streams of it run at a time; the others wait at its gate.

    One that `joins_when_ready` was not named by anybody (`auto`): until it is found it is passed over, and nobody is told that
    something else stepped in. From then on it is a member like any other. `is_remote` and `is_networked`
    say where its server is, as in `ModelStatus`; the model itself may be further away. What asks nobody needs no trial.
    """

    model: ChatModel
    deadlines: Deadlines = LOCAL
    parallel: int = 4
    joins_when_ready: bool = False
    is_remote: bool = False
    is_networked: bool = False
    needs_trial: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """R-14. A wait is `first_wait_s`, doubled each time, at most `longest_wait_s`, times a random 0.5 to 1.0.

    `share` is what retries may be of the requests.
    """

    most: int = 3
    first_wait_s: float = 0.25
    longest_wait_s: float = 4.0
    share: float = 0.1


def _free(_model: str, _prompt_tokens: int, _completion_tokens: int) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What holds for every backend of a chain. `max_characters` bounds an answer whatever the backend calls a token."""

    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    retries: RetrySettings = field(default_factory=RetrySettings)
    max_characters: int = 40_000
    price: Price = _free


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """How a backend stands, for doctor, health and metrics. `probe_in_s` is 0 while its breaker is closed."""

    name: str
    breaker: BreakerState
    probe_in_s: float
    running: int
    waiting: int
    attempts: int
    failures: int


class LeftAlone(ModelUnreachable):
    """The model kept failing and is not asked just now. Said so often that it is no news."""


class _OutOfTime(ModelTimedOut):
    """A deadline passed that says little of the backend: it was still writing, or most of the time went by in the queue."""


class Guarded:
    """A chat model with its gate, breaker and retry budget. `random` is drawn from for jitter only."""

    def __init__(self, backend: Backend, settings: GuardSettings, clock: Clock, random: Random) -> None:
        self._model, self._deadlines = backend.model, backend.deadlines
        self._settings, self._clock, self._random = settings, clock, random
        self._gate = asyncio.Semaphore(backend.parallel)
        self._breaker = Breaker(settings.breaker, clock)
        self._budget = RetryBudget(share=settings.retries.share)
        self._running = self._waiting = self._attempts = self._failures = 0
        self._silent_since: float | None = None
        self._needs_trial = backend.needs_trial
        self._has_joined = not backend.joins_when_ready
        self._is_remote, self._is_networked = backend.is_remote, backend.is_networked
        self._last = ModelStatus(name=backend.model.name, is_ready=False, is_remote=False, detail="")
        self._looked_at: float | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def state(self) -> BackendState:
        """How it stands now."""
        return BackendState(
            name=self.name,
            breaker=self._breaker.state,
            probe_in_s=self._breaker.wait_s,
            running=self._running,
            waiting=self._waiting,
            attempts=self._attempts,
            failures=self._failures,
        )

    @property
    def has_joined(self) -> bool:
        """Whether it is asked at all: always, but for one that joins when it is found."""
        return self._has_joined

    async def status(self, language: Language = "en") -> ModelStatus:
        """The model's own status, or that it gave none in time."""
        try:
            async with asyncio.timeout(CHECK_S):
                status = await self._model.check(language)
        except TimeoutError:
            detail = say(language, "it did not answer within {seconds} s", seconds=f"{CHECK_S:g}")
            status = replace(
                self._last, name=self.name, is_ready=False, detail=detail, next_step="", is_wanted=self._has_joined
            )
        self._looked_at = self._clock.monotonic()
        is_remote = status.is_remote or self._is_remote
        self._last = status = replace(status, is_remote=is_remote, is_networked=self._is_networked and not is_remote)
        if status.is_ready and not self._has_joined:
            self._has_joined = True
            _log.info("model.joined", model=self.name)
        return status

    @property
    def known(self) -> ModelStatus:
        """Its status when it was last asked, at once; not ready while it is left alone, or was never asked."""
        is_remote = self._last.is_remote or self._is_remote
        return replace(
            self._last,
            name=self.name,
            is_ready=self._last.is_ready and self._breaker.state is BreakerState.CLOSED,
            is_remote=is_remote,
            is_networked=self._is_networked and not is_remote,
            is_wanted=self._has_joined,
        )

    def is_due(self, fresh_s: float) -> bool:
        """Whether to look at it again: it was not ready, or was asked longer ago. Not while it is left alone: a probe tells."""
        if self._breaker.state is not BreakerState.CLOSED:
            return False
        return not self._last.is_ready or self._looked_at is None or self._clock.monotonic() - self._looked_at >= fresh_s

    async def tried_status(self, language: Language = "en") -> ModelStatus:
        """Its status with how long a first token took: this asks for an answer of a few tokens, and costs as much."""
        status = await self.status(language)
        if not status.is_ready or not self._needs_trial:
            return status
        began = self._clock.monotonic()
        prompt = Prompt(system="Answer in one word.", question=_HELLO[language], language=language)
        try:
            async with aclosing(self.answer(prompt, _TRIAL_TOKENS, 0.0)) as chunks:
                while not ((chunk := await anext(chunks)).text or chunk.is_thinking):
                    continue
        except ModelError as error:
            return replace(
                status,
                is_ready=False,
                detail=say(language, "it is there, but gave no answer: {why}", why=failure_text(error, language)),
            )
        return replace(status, first_token_s=self._clock.monotonic() - began)

    async def aclose(self) -> None:
        """Let the model go of its connections."""
        await self._model.aclose()

    async def answer(self, prompt: Prompt, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield its answer, retrying while nothing was shown. Raises ModelError only before the first shown chunk."""
        began = self._clock.monotonic()
        most = self._settings.retries.most
        for retry in range(most + 1):
            try:
                async with aclosing(self._attempt(prompt, max_tokens, temperature, began, is_first=retry == 0)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except (ModelUnreachable, ModelBusy) as error:
                wait_s = self._wait_s(retry, error)
                left_s = began + self._deadlines.first_token_s - self._clock.monotonic()
                if retry == most or wait_s >= left_s or not self._can_retry():
                    raise
            await asyncio.sleep(wait_s)

    def _can_retry(self) -> bool:
        """Whether another try may follow: never against an open breaker, and only out of the retry budget."""
        return self._breaker.state is BreakerState.CLOSED and self._budget.spend()

    def _wait_s(self, retry: int, error: ModelError) -> float:
        """Seconds before the next try: what the backend asked for, or a growing wait with jitter if that is longer."""
        settings = self._settings.retries
        wait_s = min(settings.longest_wait_s, settings.first_wait_s * 2.0**retry) * self._random.uniform(0.5, 1.0)
        asked_s = error.retry_after_s if isinstance(error, ModelBusy) else None
        return max(wait_s, asked_s or 0.0)

    async def _attempt(
        self, prompt: Prompt, max_tokens: int, temperature: float, began: float, *, is_first: bool
    ) -> AsyncGenerator[Chunk, None]:
        """One try: through breaker and gate, then the stream. The breaker hears how it ended.

        The first chunk says only who is asked: from there on words may have reached the backend.
        """
        async with self._admitted(began) as permit:
            self._attempts += 1
            if is_first:
                self._budget.earn()
            yield Chunk(text="", model=self.name)
            progress = _Progress(self.name, prompt, max_tokens, self._settings.max_characters)
            progress.asked_at = self._clock.monotonic()
            if self._silent_since is None or (self._running == 1 and not self._waiting):
                self._silent_since = progress.asked_at
            stream = self._model.stream(prompt, max_tokens=max_tokens, temperature=temperature)
            try:
                async with self._in_time(began, progress) as limit:
                    while progress.generation is None:
                        was_silent = not progress.has_text
                        text = progress.take(await self._next(stream, began, progress, limit))
                        self._silent_since = None if progress.has_begun else self._silent_since
                        if text:
                            if was_silent:
                                self._breaker.succeeded(permit)
                            yield Chunk(text=text, model=self.name)
                        elif progress.is_thinking:
                            yield Chunk(text="", is_thinking=True, model=self.name)
                if not progress.has_text:
                    raise ModelBroken(self.name, "the answer was empty")
            except ModelError as error:
                self._failures += 1
                if not isinstance(error, (_OutOfTime, RequestRejected)):
                    self._breaker.failed(permit, is_timeout=isinstance(error, ModelTimedOut))
                if not progress.has_text:
                    error.cost = self._cost_of(progress)
                    raise
                _log.warning("model.cut", model=error.model, error=type(error).__name__, detail=error.detail)
                progress.end("deadline" if isinstance(error, ModelTimedOut) else "error")
            finally:
                await _close(stream)
        yield Chunk(text="", generation=self._priced(progress.generation), model=self.name)

    def _cost_of(self, progress: _Progress) -> int:
        """What a try that gave no text took: a model that had begun to think has read the prompt."""
        if not progress.has_begun:
            return 0
        progress.end("error")
        made = self._priced(progress.generation)
        return made.cost if made is not None else 0

    def _priced(self, made: Generation | None) -> Generation | None:
        """The generation with what it cost."""
        if made is None or not made.is_counted:
            return made
        return replace(made, cost=self._settings.price(made.model, made.prompt_tokens, made.completion_tokens))

    @asynccontextmanager
    async def _admitted(self, began: float) -> AsyncIterator[Permit]:
        """The breaker's leave and a place at the gate. Waiting in vain is nobody's failure but a ModelError all the same."""
        permit = self._breaker.admit()
        if permit is None:
            raise LeftAlone(self.name, f"it kept failing; it is asked again in {self._breaker.wait_s:.0f} s")
        try:
            await self._enter(began)
            try:
                if not self._breaker.is_current(permit):
                    raise LeftAlone(self.name, "it kept failing while this request waited its turn")
                self._running += 1
                try:
                    yield permit
                finally:
                    self._running -= 1
            finally:
                self._gate.release()
        finally:
            self._breaker.released(permit)

    async def _enter(self, began: float) -> None:
        """Wait for a place at the gate, as long as a first token may take."""
        if not self._gate.locked():
            await self._gate.acquire()
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(began + self._deadlines.first_token_s - self._clock.monotonic()):
                await self._gate.acquire()
        except TimeoutError as error:
            raise ModelTimedOut(self.name, f"no place was free within {self._deadlines.first_token_s:g} s") from error
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def _in_time(self, began: float, progress: _Progress) -> AsyncIterator[asyncio.Timeout]:
        """One limit for a whole stream, set anew by each `_next`: a timer per chunk would cost more than a fast model's chunk.

        Raises ModelTimedOut when it passes.
        """
        try:
            async with asyncio.timeout(None) as limit:
                yield limit
        except TimeoutError as error:
            raise self._late(began, progress) from error

    async def _next(self, stream: AsyncIterator[Chunk], began: float, progress: _Progress, limit: asyncio.Timeout) -> Chunk:
        """The next chunk; `limit` runs only while it is waited for. Raises ModelBroken when the stream just ends."""
        wait_s = self._left_s(began, progress)
        if wait_s <= 0:
            raise self._late(began, progress)
        limit.reschedule(asyncio.get_running_loop().time() + wait_s)
        try:
            chunk = await anext(stream)
        except StopAsyncIteration as error:
            raise ModelBroken(self.name, "the stream ended without saying that the answer is whole") from error
        limit.reschedule(None)
        return chunk

    def _left_s(self, began: float, progress: _Progress) -> float:
        """How long the next chunk may take."""
        limits, passed_s = self._deadlines, self._clock.monotonic() - began
        soon_s = limits.between_tokens_s if progress.has_begun else limits.first_token_s - passed_s
        return min(soon_s, limits.total_s - passed_s)

    def _late(self, began: float, progress: _Progress) -> ModelTimedOut:
        """What to say of a chunk that came too late, and whether it speaks against the backend.

        It does when it had half of the time itself, also where the rest went by in the queue; or when nobody at all heard
        anything for the whole of that time: else a crowd before a hung backend would only ever have time left for the queue.
        """
        limits, now = self._deadlines, self._clock.monotonic()
        if not progress.has_begun:
            silent_s = 0.0 if self._silent_since is None else now - self._silent_since
            is_hung = now - progress.asked_at >= limits.first_token_s / 2 or silent_s >= limits.first_token_s
            kind = ModelTimedOut if is_hung else _OutOfTime
            return kind(self.name, f"no text within {min(limits.first_token_s, limits.total_s):g} s")
        if now - began >= limits.total_s - TOTAL_SLACK_S and progress.has_text:
            return _OutOfTime(self.name, f"not done within {limits.total_s:g} s")
        return ModelTimedOut(self.name, f"nothing came for {limits.between_tokens_s:g} s")


class _Progress:
    """What one stream has given so far, held to the caps."""

    def __init__(self, model: str, prompt: Prompt, max_tokens: int, max_characters: int) -> None:
        self._model, self._prompt = model, prompt
        self._max_tokens, self._max_characters = max_tokens, max_characters
        self._tokens = self._characters = self._thoughts = 0
        self._written: list[str] = []
        self._held = ""
        self.asked_at = 0.0
        self.has_text = self.has_begun = self.is_thinking = False
        self.generation: Generation | None = None

    def take(self, chunk: Chunk) -> str:
        """The text to show for this chunk: white space is held back until something visible follows."""
        self.is_thinking = chunk.is_thinking
        self.has_begun |= chunk.is_thinking
        self._thoughts += chunk.is_thinking
        if chunk.text:
            self._tokens += 1
        room = self._max_characters - self._characters if self._tokens <= self._max_tokens else 0
        text = chunk.text[:room]
        self._characters += len(text)
        self._written.append(text)
        if len(text) < len(chunk.text):
            self.end("length")
        elif chunk.generation is not None:
            self._end_with(chunk.generation)
        self._held += text
        if not self.has_text and not self._held.strip():
            return ""
        self.has_text = self.has_begun = True
        shown, self._held = self._held, ""
        return shown

    def end(self, stop: Literal["length", "deadline", "error"]) -> None:
        """The answer ends here, though the backend did not say so: tokens are estimated, a piece is at least one."""
        timed_out = {Flag.TIMED_OUT} if stop == "deadline" else set()
        self._end_with(
            Generation(
                model=self._model,
                prompt_tokens=prompt_tokens(self._prompt),
                completion_tokens=max(self._tokens, estimate_tokens("".join(self._written))) + self._thoughts,
                seconds=0,
                stop=stop,
                flags=frozenset(timed_out),
            )
        )

    def _end_with(self, generation: Generation) -> None:
        is_whole = generation.stop == "end"
        self.generation = generation if is_whole else replace(generation, flags=generation.flags | {Flag.PARTIAL})


async def _close(stream: AsyncIterator[Chunk]) -> None:
    """End a backend's stream; one that will not close, or complains, keeps nobody waiting."""
    if isinstance(stream, AsyncGenerator):
        with suppress(TimeoutError, ModelError):
            async with asyncio.timeout(CLOSE_S):
                await stream.aclose()
