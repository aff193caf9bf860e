"""Mistral's adapter against prism, which answers out of the published description and refuses what does not fit it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.errors import ModelRejected
from bot.models.mistral import MistralModel
from bot.system import SystemClock
from bot.types import Exchange, Generation, Prompt
from tests.servers.prism import NO_PRISM, PRISM, mocking
from tests.servers.spec import ABSENT, JSON, SSE, Document, Spec, file_of, load

pytestmark = [
    pytest.mark.skipif(not PRISM, reason=NO_PRISM),
    pytest.mark.skipif(not file_of("mistral").is_file(), reason=ABSENT),
]
PROMPT = Prompt(
    system="You are Martín.", question="And now?", language="en", history=(Exchange(question="Hi", answer="Hello"),)
)
STREAM = "".join(
    f"data: {event}\n\n"
    for event in (
        '{"id":"1","model":"string","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}',
        '{"id":"1","model":"string","choices":[{"index":0,"delta":{"content":"Hola, soy "},"finish_reason":null}]}',
        '{"id":"1","model":"string","choices":[{"index":0,"delta":{"content":"prism."},"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}',
        "[DONE]",
    )
)


def mended(document: Document) -> Document:
    """A copy that prism can answer from: it knows no streams, and believes examples even against their schema."""
    copied: Document = json.loads(json.dumps(document, default=str))
    given = Spec(document)
    for path, item in copied["paths"].items():
        for method, operation in item.items():
            for status, answer in operation.get("responses", {}).items() if isinstance(operation, dict) else ():
                content = answer.get("content", {})
                if SSE in content:
                    content[SSE] = {"schema": {"type": "string"}, "example": STREAM}
                if any(given.answer_problems(method, path, int(status), one) for one in _examples(content.get(JSON, {}))):
                    del content[JSON]["examples"]
    return copied


def _examples(content: Document) -> list[Any]:
    return [one["value"] for one in content.get("examples", {}).values()]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where prism answers as Mistral."""
    folder = tmp_path_factory.mktemp("prism")
    description = folder / "mistral.json"
    description.write_text(json.dumps(mended(load(file_of("mistral")))))
    with mocking(description, folder / "log") as listening:
        yield listening


def model(address: str, name: str = "string") -> MistralModel:
    """The real adapter. prism's models are all called `string`."""
    return MistralModel(api_key="any-key", server_url=address, model=name, is_remote=False, is_wanted=True, clock=SystemClock())


async def answer(asked: MistralModel, *, temperature: float) -> tuple[str, Generation | None]:
    try:
        chunks = [chunk async for chunk in asked.stream(PROMPT, max_tokens=100, temperature=temperature)]
    finally:
        await asked.aclose()
    return "".join(chunk.text for chunk in chunks), chunks[-1].generation


async def test_streamed_answer_is_asked_for_as_described_and_read(address: str) -> None:
    text, made = await answer(model(address), temperature=0.4)
    assert text == "Hola, soy prism."
    assert made is not None
    assert (made.stop, made.prompt_tokens, made.completion_tokens) == ("end", 11, 4)


@pytest.mark.parametrize(("name", "is_ready"), [("string", True), ("mistral-small-latest", False)])
async def test_list_of_models_is_asked_for_as_described_and_read(address: str, name: str, is_ready: bool) -> None:
    asked = model(address, name)
    status = await asked.check()
    await asked.aclose()
    assert (status.is_ready, "has no model" in status.detail) == (is_ready, not is_ready)


async def test_what_the_description_does_not_allow_is_rejected(address: str) -> None:
    with pytest.raises(ModelRejected, match=r"^mistral/string: 422: "):
        await answer(model(address), temperature=99)
