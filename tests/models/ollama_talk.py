"""What the tests of the Ollama adapter share: a question, its answer or failure, and servers that do one thing wrong."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from bot.errors import ModelError
from bot.models.ollama import OllamaModel
from bot.system import SystemClock
from bot.types import Chunk, Evidence, EvidenceKind, Exchange, Generation, Prompt
from tests.servers.http import HttpServer, Request, Response
from tests.servers.ollama import OllamaServer, model


class SetClock(SystemClock):
    """A clock whose seconds are set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


def ask(question: str = "What colour is the lighthouse?") -> Prompt:
    return Prompt(
        system="You are Martín.",
        question=question,
        language="en",
        directives=("Short sentences.",),
        history=(Exchange(question="Hello", answer="Hello. What do you want to know?"),),
        evidence=(Evidence(kind=EvidenceKind.KNOWLEDGE, text="It is green.", source="l.md", score=0.9),),
    )


async def read(
    asked: OllamaModel, prompt: Prompt | None = None, *, max_tokens: int = 1000
) -> tuple[str, Generation, list[Chunk]]:
    chunks = [chunk async for chunk in asked.stream(prompt or ask(), max_tokens=max_tokens, temperature=0.2)]
    made = chunks[-1].generation
    assert made is not None
    return "".join(chunk.text for chunk in chunks), made, chunks


async def failure(asked: OllamaModel, prompt: Prompt | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await read(asked, prompt)
    return caught.value


def told_by(error: BaseException) -> str:
    """The traceback with all that led to it, as a log would have it."""
    return "".join(traceback.format_exception(error))


class Stub(HttpServer):
    """Sends these pieces at a path (None: it has nothing there), and for the rest does as Ollama with one model does."""

    def __init__(self, answers: dict[str, list[bytes] | None], *, is_cut: bool = False) -> None:
        super().__init__()
        self._answers, self._is_cut = answers, is_cut

    async def answer(self, request: Request, response: Response) -> None:
        usual = {"/api/tags": {"models": [{"name": "m:latest", "digest": "ab"}]}, "/api/show": {"model_info": {}}}
        if request.path not in self._answers:
            await response.json(usual[request.path])
            return
        pieces = self._answers[request.path]
        await response.start(404 if pieces is None else 200)
        for piece in pieces or ():
            await response.send(piece)
        if self._is_cut:
            response.cut()
        else:
            await response.end()


class Redirect(HttpServer):
    """Sends everybody elsewhere."""

    def __init__(self, elsewhere: str) -> None:
        super().__init__()
        self._elsewhere = elsewhere

    async def answer(self, request: Request, response: Response) -> None:
        await response.start(302, {"Location": self._elsewhere + request.path})
        await response.end()


def at(address: str, **changes: Any) -> OllamaModel:
    """The adapter on whatever listens there."""
    return model(OllamaServer(), host=address, **changes)
