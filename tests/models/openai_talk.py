"""One answer of an OpenAI-compatible server asked for and read, with a secret in it that no error may repeat."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from bot.errors import ModelError
from bot.models.openai import OpenAiModel
from bot.types import Chunk, Exchange, Generation, Prompt
from tests.servers.openai import OpenAiServer, model

KEY = "sk-canary-71f3a9"
SECRET = "my sister Ágata is pregnant"
PROMPT = Prompt(
    system="You are Martín.",
    question=SECRET,
    language="en",
    history=(Exchange(question="Hello", answer="Hello. What is it?"),),
)
DONE = b"data: [DONE]\n\n"


async def read(asked: OpenAiModel, prompt: Prompt = PROMPT, max_tokens: int = 100) -> tuple[str, Generation, list[Chunk]]:
    """The text, how it was made, and every chunk."""
    chunks = [chunk async for chunk in asked.stream(prompt, max_tokens=max_tokens, temperature=0.3)]
    made = chunks[-1].generation
    assert made is not None
    assert all(one.generation is None for one in chunks[:-1])
    return "".join(one.text for one in chunks), made, chunks


async def said(server: OpenAiServer, **changes: Any) -> tuple[str, Generation, list[Chunk]]:
    async with aclosing(model(server, **changes)) as asked:
        return await read(asked)


async def said_of(server: OpenAiServer, *raw: bytes) -> tuple[str, Generation, list[Chunk]]:
    server.raw = raw
    return await said(server)


async def failed(server: OpenAiServer, **changes: Any) -> ModelError:
    """The error of an answer that is none. Whatever it is, it repeats neither the question nor the key."""
    with pytest.raises(ModelError) as caught:
        await said(server, **changes)
    for text in (str(caught.value), repr(caught.value), caught.value.detail):
        assert SECRET not in text
        assert KEY not in text
    return caught.value


async def failed_of(server: OpenAiServer, *raw: bytes) -> ModelError:
    server.raw = raw
    return await failed(server)
