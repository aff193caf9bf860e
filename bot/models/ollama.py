"""A chat model that Ollama runs; a cloud behind it is asked only where the owner named Ollama."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import structlog

from bot.errors import ModelBroken, ModelError, ModelMissing, ModelRejected, ModelUnreachable
from bot.failures import failure_text
from bot.locale import say
from bot.messages import prompt_tokens, render
from bot.model_types import ModelStatus
from bot.models.ollama_api import RECOMMENDED, Listed, OllamaApi, Piece, full_name, is_cloud_name, label
from bot.models.said_text import SaidText
from bot.models.unthought import Unthought
from bot.ports import Clock
from bot.tokens import estimate_tokens
from bot.types import Chunk, Generation, Language, Prompt

FRESH_S: Final = 60.0
"""Seconds that a look at the server holds: which model is there, with which digest, and whether a cloud answers for it."""
_VERSION_CHARS: Final = 12

_log = structlog.get_logger("martin.model")


class _Why(StrEnum):
    """Why no model of the server may be asked, in words for logs."""

    AWAY = "the server is beyond the private network, and nobody named it"
    EMPTY = "the server has no model that can chat"
    MISSING = "the server does not have this model"
    FORWARDED = "this model is only forwarded to a cloud, and nobody named it"
    CHANGED = "the digest is not the configured one"
    MUTE = "this model cannot chat"


class _Unusable(ModelRejected):
    """No model of the server may be asked. `digest` is what a `CHANGED` model has."""

    def __init__(self, why: _Why, model: str = "", digest: str = "") -> None:
        self.why, self.digest = why, digest
        super().__init__(label(model), why.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The model to ask, as the server described it at `looked_at`."""

    listed: Listed
    can_think: bool
    looked_at: float

    @property
    def version(self) -> str:
        return self.listed.digest[:_VERSION_CHARS]


class OllamaModel:
    """A model of one Ollama server.

    `model` empty picks the newest that can chat and that no cloud answers for. `digest` empty takes any; else the model's own
    must begin with it (lower-case hexadecimal, R-70). `context_tokens` is the room for prompt and answer together; `think` lets
    a model that can reason do so first, and gives it `thought_tokens` besides the answer's.

    `may_forward` is False where nobody named Ollama: then no server beyond the private network (`is_remote`) is asked, and no
    model that a cloud answers for, whatever is configured or installed. Where it is True, such a model is asked if it is the
    configured one. What the server says of its models holds for `FRESH_S`.
    """

    def __init__(
        self,
        *,
        host: str,
        model: str,
        digest: str,
        context_tokens: int,
        keep_alive_s: float,
        think: bool,
        thought_tokens: int = 0,
        may_forward: bool,
        is_remote: bool,
        is_wanted: bool,
        clock: Clock,
    ) -> None:
        self._host, self._model, self._digest = host, model, digest
        self._load_options = {"num_ctx": context_tokens}
        self._keep_alive_s, self._think, self._thought_tokens = keep_alive_s, think, thought_tokens
        self._may_forward, self._is_remote, self._is_wanted = may_forward, is_remote, is_wanted
        self._clock = clock
        self._api = OllamaApi(host=host, is_remote=is_remote, clock=clock)
        self._name = label(model)
        self._is_forwarded = is_cloud_name(model)
        self._chosen: _Chosen | None = None
        self._thinks_unopened = False
        self._looking = asyncio.Lock()

    @property
    def name(self) -> str:
        """`ollama/MODEL`, or `ollama` while none is picked."""
        return self._name

    async def check(self, language: Language = "en") -> ModelStatus:
        """Whether there is a model that may be asked. Looks anew and never raises for an unreachable server."""
        try:
            chosen = await self._look()
        except _Unusable as error:
            return self._status(*self._why(error, language))
        except ModelUnreachable:
            return self._status(
                say(language, "Ollama does not answer at {host}", host=self._host),
                say(language, "Start it with `ollama serve`, or install it from ollama.com/download."),
            )
        except ModelError as error:
            return self._status(
                say(
                    language,
                    "what answers at {host} does not do as Ollama should: {why}",
                    host=self._host,
                    why=failure_text(error, language),
                ),
                say(language, "See whether this is the address of Ollama, and a recent version of it."),
            )
        words = say(language, "through Ollama at {host}", host=self._host)
        if chosen.listed.is_forwarded:
            words = say(language, "through Ollama at {host}, which forwards to a cloud", host=self._host)
        return replace(self._status(words, ""), is_ready=True, version=chosen.version)

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the answer; reasoning comes as signs of life. Raises ModelError. Closing it closes the connection.

        Where the model was let think and the server has set no thinking apart by the first word, that word may be a thought:
        the text is then held back until a block of thinking closes, or to its end. So it is after an answer that closed one
        which it had not opened.
        """
        began = self._clock.monotonic()
        first_token_s: float | None = None
        chosen = await self._current()
        thinks = self._think and chosen.can_think
        clean, unthought = SaidText(), Unthought(is_inside=thinks or self._thinks_unopened)
        said: list[str] = []
        last = Piece(text="")
        thought = self._thought_tokens if thinks else 0
        options = {**self._load_options, "num_predict": max_tokens + thought, "temperature": temperature}
        with self._forgetting():
            async with aclosing(self._asked(chosen, prompt, options)) as pieces:
                async for piece in pieces:
                    last = piece
                    if piece.is_thinking and not any(said):
                        unthought = Unthought()
                    said.append(clean.take(piece.text))
                    text = unthought.take(said[-1])
                    text += unthought.end(is_whole=piece.reason != "length") if piece.is_last else ""
                    if text:
                        first_token_s = self._clock.monotonic() - began if first_token_s is None else first_token_s
                        yield Chunk(text=text)
                    elif piece.is_thinking or unthought.is_thinking:
                        yield Chunk(text="", is_thinking=True)
        self._thinks_unopened = unthought.was_unopened
        made = _generation(chosen, last, prompt, "".join(said), max_tokens)
        yield Chunk(text="", generation=replace(made, seconds=self._clock.monotonic() - began, first_token_s=first_token_s))

    async def warm(self) -> None:
        """Have the model in memory before the first question. That it cannot be had is logged, and no more."""
        try:
            chosen = await self._current()
            # Ollama takes a load that keeps nothing as the wish to unload.
            if self._keep_alive_s and not chosen.listed.is_forwarded:
                await self._api.load(chosen.listed.name, options=self._load_options, keep_alive_s=self._keep_alive_s)
        except ModelError as error:
            _log.info("model.not_warm", model=error.model, error=type(error).__name__, detail=error.detail)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._api.aclose()

    def _asked(self, chosen: _Chosen, prompt: Prompt, options: dict[str, Any]) -> AsyncGenerator[Piece, None]:
        return self._api.chat(
            chosen.listed.name,
            render(prompt),
            options=options,
            keep_alive_s=self._keep_alive_s,
            think=self._think if chosen.can_think else None,
            schema=prompt.schema,
        )

    # --- which model ---

    async def _current(self) -> _Chosen:
        """The model to ask, looked up where the last look is old."""
        if (chosen := self._fresh()) is not None:
            return chosen
        async with self._looking:
            return self._fresh() or await self._look()

    def _fresh(self) -> _Chosen | None:
        chosen = self._chosen
        return chosen if chosen and self._clock.monotonic() - chosen.looked_at < FRESH_S else None

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Look anew next time when the model turns out to be gone."""
        try:
            yield
        except ModelMissing:
            self._chosen = None
            raise

    async def _look(self) -> _Chosen:
        """Ask the server for its models and choose. Raises ModelError, `_Unusable` when none of them may be asked."""
        self._chosen = None
        try:
            chosen = await self._choose()
        except _Unusable:
            self._name = label(self._model)
            raise
        self._chosen, self._name = chosen, label(chosen.listed.name)
        self._is_forwarded = chosen.listed.is_forwarded
        return chosen

    async def _choose(self) -> _Chosen:
        if self._is_remote and not self._may_forward:
            raise _Unusable(_Why.AWAY, self._model)
        if is_cloud_name(self._model) and not self._may_forward:
            raise _Unusable(_Why.FORWARDED, self._model)
        looked_at = self._clock.monotonic()
        for listed in self._candidates(await self._api.models()):
            try:
                abilities = await self._api.abilities(listed.name)
            except ModelMissing as error:
                if self._model:
                    raise _Unusable(_Why.MISSING, self._model) from error
                continue
            except (ModelRejected, ModelBroken):
                if self._model:
                    raise
                continue
            if _can_chat(listed, abilities):
                return _Chosen(listed=listed, can_think="thinking" in (abilities or ()), looked_at=looked_at)
        raise _Unusable(_Why.MUTE if self._model else _Why.EMPTY, self._model)

    def _candidates(self, models: Sequence[Listed]) -> Sequence[Listed]:
        """What may be asked, best first, as far as the list tells. Raises `_Unusable`."""
        if not self._model:
            near = sorted((one for one in models if not one.is_forwarded), key=lambda one: one.modified_at, reverse=True)
            fitting = [one for one in near if one.digest.startswith(self._digest)]
            if near and not fitting:
                raise _Unusable(_Why.CHANGED)
            return fitting
        wanted = full_name(self._model)
        listed = next((one for one in models if full_name(one.name) == wanted), None)
        if listed is None and is_cloud_name(self._model):
            listed = Listed(name=self._model, is_forwarded=True)
        if listed is None:
            raise _Unusable(_Why.MISSING, self._model)
        if listed.is_forwarded and not self._may_forward:
            raise _Unusable(_Why.FORWARDED, self._model)
        if not listed.digest.startswith(self._digest):
            raise _Unusable(_Why.CHANGED, self._model, listed.digest)
        return (listed,)

    # --- what is said of it ---

    def _status(self, detail: str, next_step: str) -> ModelStatus:
        """Not ready, and why."""
        return ModelStatus(
            name=self._name,
            is_ready=False,
            is_remote=self._is_remote or self._is_forwarded,
            detail=detail,
            next_step=next_step,
            is_wanted=self._is_wanted,
        )

    def _why(self, error: _Unusable, language: Language) -> tuple[str, str]:
        """Why no model may be asked, and what to do."""
        host, model = self._host, self._model
        match error.why:
            case _Why.AWAY:
                return (
                    say(language, "{host} is not in your private network, and `ollama` is not named", host=host),
                    say(language, "If your messages may go there, name `ollama` in models.provider or models.chain."),
                )
            case _Why.FORWARDED:
                return (
                    say(language, "{model} is only forwarded to a cloud, and `ollama` is not named", model=model),
                    say(
                        language,
                        "Choose a model that runs on the server itself, or name `ollama` in models.provider if your messages "
                        "may leave it.",
                    ),
                )
            case _Why.CHANGED:
                return self._why_changed(error.digest, language)
            case _Why.MUTE:
                return (
                    say(language, "{model} cannot hold a conversation", model=model),
                    say(language, "Choose another model in models.ollama.model, such as {model}.", model=RECOMMENDED),
                )
            case _Why.MISSING:
                words = say(language, "Ollama at {host} does not have {model}", host=host, model=model)
            case _Why.EMPTY:
                words = say(language, "Ollama at {host} has no model that can hold a conversation", host=host)
        return words, say(language, "Download it: `python -m bot model-pull {model}`", model=model or RECOMMENDED)

    def _why_changed(self, found: str, language: Language) -> tuple[str, str]:
        if not found:
            return (
                say(language, "no model of Ollama at {host} has the digest {wanted}", host=self._host, wanted=self._digest),
                say(language, "Download that model again, or change models.ollama.digest."),
            )
        version = found[:_VERSION_CHARS]
        return (
            say(
                language,
                "the digest of {model} is {found}, not {wanted}",
                model=self._model,
                found=version,
                wanted=self._digest,
            ),
            say(language, "If you trust this version, write its digest into models.ollama.digest; it is not used until then."),
        )


def _can_chat(listed: Listed, abilities: frozenset[str] | None) -> bool:
    """Whether a model answers in words. A server that is too old to say tells by family and name which ones only embed."""
    if abilities is not None:
        return "completion" in abilities
    return "embed" not in listed.name.casefold() and not any("bert" in family.casefold() for family in listed.families)


def _generation(chosen: _Chosen, last: Piece, prompt: Prompt, said: str, max_tokens: int) -> Generation:
    """How the answer was made, as far as its last piece tells; times are the caller's."""
    completion_tokens = last.completion_tokens or estimate_tokens(said)
    is_cut = last.reason == "length" or (not last.reason and completion_tokens >= max_tokens)
    return Generation(
        model=label(chosen.listed.name),
        prompt_tokens=last.prompt_tokens or prompt_tokens(prompt),
        completion_tokens=completion_tokens,
        seconds=0,
        stop="length" if is_cut else "end",
        version=chosen.version,
    )
