"""One answer as a model writes it: shown while it grows, until its end, its failure or the person's wish to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from bot.errors import ModelError
from bot.model_ports import ChatModel
from bot.ports import HandlerSettings, Preview
from bot.types import Chunk, Generation, Prompt


@dataclass(slots=True)
class Streamed:
    """What a model has said so far, and how it ended.

    `was_asked` is False when the person stopped it before that; `has_begun` says that it gave a sign of life. `model` is the
    one of a chain that was asked last, `is_fallback` that another one was asked before it.
    """

    text: str = ""
    model: str = ""
    was_asked: bool = False
    has_begun: bool = False
    is_fallback: bool = False
    generation: Generation | None = None
    is_stopped: bool = False
    error: ModelError | None = None

    @property
    def has_text(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.text.strip())


async def stream(model: ChatModel, prompt: Prompt, preview: Preview, settings: HandlerSettings) -> Streamed:
    """The model's answer, until its end, its failure or the person's wish to stop, whichever comes first."""
    answer = Streamed(is_stopped=preview.is_stopped)
    if answer.is_stopped:
        return answer
    answer.was_asked = True
    chunks = model.stream(prompt, max_tokens=settings.max_tokens, temperature=settings.temperature)
    try:
        async with asyncio.timeout(None) as until_stop, asyncio.TaskGroup() as group:
            stopping = group.create_task(_end_when_stopped(preview, until_stop))
            await _read(chunks, answer, preview)
            stopping.cancel()
    except TimeoutError:
        if not until_stop.expired():
            raise
        answer.is_stopped = True
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    return answer


async def _read(chunks: AsyncIterator[Chunk], answer: Streamed, preview: Preview) -> None:
    """Take the stream into `answer`, showing it as it grows; a model's error is kept, not raised."""
    try:
        async for chunk in chunks:
            answer.model, answer.is_fallback = chunk.model or answer.model, chunk.is_fallback
            answer.has_begun |= bool(chunk.text) or chunk.is_thinking
            if chunk.text and not chunk.is_thinking:
                answer.text += chunk.text
                preview.show(answer.text)
            if chunk.generation is not None:
                answer.generation = chunk.generation
    except ModelError as error:
        answer.error = error


async def _end_when_stopped(preview: Preview, until_stop: asyncio.Timeout) -> None:
    """Make `until_stop` pass as soon as the person asks to stop, wherever the stream is waiting."""
    await preview.stopped()
    until_stop.reschedule(asyncio.get_running_loop().time())
