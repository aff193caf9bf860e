"""What a model's server says is safe to store and show, however it is cut into pieces."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model_ports import ChatModel
from bot.models.said_text import SaidText
from bot.normalise import clean
from bot.types import Prompt
from tests.models.ollama_talk import Stub, at
from tests.servers.backends import SERVED, served
from tests.servers.http import ModelServer

PROMPT = Prompt(system="You are Martín.", question="What colour is the lighthouse?", language="en")
JOINERS = "\u200c\u200d"
RUDE = "It\x00 is\x1b[2J \u202egreen now.\ufeff"


def said(*pieces: str) -> str:
    cleaning = SaidText()
    return "".join(cleaning.take(piece) for piece in pieces)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x00b\x1b[31mc\x07\x7f\x9b", "ab[31mc"),
        ("tab\tand\r\nline\u2028end\x85", "tab\tand\nline\nend\n"),
        ("safe \u202egpj.exe\u2066x\u2069 \ufeffy", "safe gpj.exex y"),
        ("hidden\U000e0041\U000e0042 words", "hidden words"),
        ("lone \ud83d half \ude00", "lone  half "),
        ("👩‍👩‍👧 می‌خواهم क्‍ष ❤️ e\u0301 \u05e9\u200f", "👩‍👩‍👧 می‌خواهم क्‍ष ❤️ e\u0301 \u05e9\u200f"),
        ("", ""),
    ],
)
def test_what_is_unsafe_goes_and_all_else_stays(text: str, safe: str) -> None:
    assert said(text) == safe
    assert said(*text) == safe


def test_a_character_that_was_cut_in_two_halves_is_one_again() -> None:
    assert said("So \ud83d", "\uddfc it is") == "So 🗼 it is"
    assert said("So \ud83d", "", "\uddfc") == "So 🗼"
    assert said("So \ud83d", "not") == "So not"
    assert said("So \ud83d", "\ud83d\uddfc") == "So 🗼"
    assert said("So \ud83d") == "So "


def test_what_goes_is_what_incoming_text_loses() -> None:
    for point in range(sys.maxunicode + 1):
        letter = chr(point)
        if letter in JOINERS or letter == "\r" or unicodedata.category(letter) in ("Lo", "Co"):
            continue
        assert said(f"a{letter}b") == clean(f"a{letter}b", max_chars=10).text, hex(point)


@given(st.lists(st.text(st.characters() | st.sampled_from("\ud83d\ude00\x00\u202e\u200d🗼\n"), max_size=4)))
def test_the_pieces_change_nothing_and_it_can_always_be_stored(pieces: Sequence[str]) -> None:
    text = said(*pieces)
    assert text == said("".join(pieces))
    assert said(text) == text
    text.encode()


@pytest.fixture(params=sorted(SERVED))
async def peers(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[ModelServer, ChatModel], None]:
    async with served(request.param) as (server, made):
        yield server, made


async def test_no_adapter_hands_on_what_is_unsafe(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    server.say = lambda _: RUDE
    chunks = [chunk async for chunk in model.stream(PROMPT, max_tokens=100, temperature=0)]
    assert "".join(chunk.text for chunk in chunks) == "It is[2J green now."


async def test_halves_of_a_character_from_ollama_are_no_crash_and_one_character() -> None:
    lines = [
        b'{"model":"m","message":{"role":"assistant","content":"A \\ud83d"},"done":false}\n',
        b'{"model":"m","message":{"role":"assistant","content":"\\uddfc \\ud83d"},"done":false}\n',
        b'{"model":"m","message":{"role":"assistant","content":"!"},"done":true,"done_reason":"stop"}\n',
    ]
    async with Stub({"/api/chat": lines}) as stub:
        asked = at(stub.address)
        chunks = [chunk async for chunk in asked.stream(PROMPT, max_tokens=100, temperature=0)]
        await asked.aclose()
    text = "".join(chunk.text for chunk in chunks)
    assert text == "A 🗼 !"
    text.encode()
