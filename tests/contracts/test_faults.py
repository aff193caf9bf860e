"""Twelve ways to fail, by every backend's own protocol: the next model answers in time, and R-14 to R-16 hold."""

from __future__ import annotations

import asyncio
import gzip
import io
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

import pytest

from bot.errors import ModelBroken, ModelError
from bot.log import Logs
from bot.models.breaker import BreakerSettings
from bot.models.chain import Chain
from bot.models.guard import Backend, Deadlines, GuardSettings, RetrySettings
from bot.models.offline import OfflineModel
from bot.models.scripted import Fault
from bot.settings import LogSettings
from bot.system import SystemClock
from bot.types import LANGUAGES, Evidence, EvidenceKind, Exchange, Flag, Generation, Prompt
from tests.servers.backends import SERVED, served
from tests.servers.http import HttpServer, ModelServer, Request, Response
from tests.servers.mistral import MistralServer
from tests.servers.ollama import OllamaServer
from tests.servers.openai import OpenAiServer

QUICK = Deadlines(first_token_s=1.5, between_tokens_s=0.5, total_s=2.5)
"""Short, but not so short that a busy machine passes them without any fault."""
GRACE_S = 1.5
"""What a busy machine may add to a deadline."""
SETTINGS = GuardSettings(retries=RetrySettings(first_wait_s=0.02))
STORY = "Once upon a time there was a green lighthouse near Salobreña. " * 4
WELL: frozenset[Flag] = frozenset()
FELL_BACK = frozenset({Flag.FALLBACK})
CUT_OFF = frozenset({Flag.PARTIAL})
TOO_LATE = frozenset({Flag.PARTIAL, Flag.TIMED_OUT})
NAMES = sorted(SERVED)

KNOWN = Evidence(kind=EvidenceKind.KNOWLEDGE, text="The lighthouse is green.", source="lighthouse.md", score=0.9)
ASKED = Prompt(system="You are Martín.", question="What colour is the lighthouse?", language="en", evidence=(KNOWN,))


def chain_of(*backends: Backend, settings: GuardSettings = SETTINGS) -> Chain:
    return Chain(backends, clock=SystemClock(), random=Random(7), settings=settings)


@asynccontextmanager
async def house(
    name: str, *, deadlines: Deadlines = QUICK, settings: GuardSettings = SETTINGS
) -> AsyncGenerator[tuple[ModelServer, Chain], None]:
    """A server that was asked once and was well, and a chain of its model and `offline`."""
    async with served(name) as (server, model):
        server.say = lambda _: STORY
        async for _ in model.stream(ASKED, max_tokens=2, temperature=0):
            pass
        server.prompts.clear()
        main = Backend(model=model, deadlines=deadlines, parallel=8)
        yield server, chain_of(main, Backend(model=OfflineModel(clock=SystemClock())), settings=settings)


@dataclass(frozen=True, kw_only=True)
class Got:
    """An answer as a person gets it, with what the wall clock says that it took."""

    text: str
    made: Generation
    seconds: float


async def answer(chain: Chain, prompt: Prompt = ASKED, *, max_tokens: int = 100) -> Got:
    began = time.monotonic()
    chunks = [chunk async for chunk in chain.stream(prompt, max_tokens=max_tokens, temperature=0.0)]
    made = chunks[-1].generation
    assert made is not None
    assert not any(chunk.generation for chunk in chunks[:-1])
    return Got(text="".join(chunk.text for chunk in chunks), made=made, seconds=time.monotonic() - began)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """How many requests a question costs, and how many of them the breaker hears of as failures."""

    attempts: int = 1
    failures: int = 1
    flags: frozenset[Flag] = FELL_BACK
    stop: str = "end"


EXPECTED: Mapping[Fault, Expected] = {
    Fault.REFUSED: Expected(attempts=4, failures=4),
    Fault.SLOW: Expected(failures=0, flags=WELL),
    Fault.HUNG: Expected(),
    Fault.UNAUTHORIZED: Expected(),
    Fault.MISSING: Expected(),
    Fault.UNPROCESSABLE: Expected(),
    Fault.TOO_MANY: Expected(attempts=4, failures=4),
    Fault.UNAVAILABLE: Expected(attempts=4, failures=4),
    Fault.CUT: Expected(flags=CUT_OFF, stop="error"),
    Fault.EMPTY: Expected(),
    Fault.ENDLESS: Expected(failures=0, flags=CUT_OFF, stop="length"),
    Fault.WRONG_DATA: Expected(),
}


def test_every_fault_has_its_expectation() -> None:
    assert set(EXPECTED) == set(Fault)
    assert len(Fault) == 12


@pytest.mark.parametrize("fault", Fault, ids=str)
@pytest.mark.parametrize("name", NAMES)
async def test_each_fault_gets_its_tries_its_flags_and_an_answer_in_time(name: str, fault: Fault) -> None:
    expected = EXPECTED[fault]
    async with house(name) as (server, chain):
        server.fault, server.slow_s = fault, 0.5
        if fault is Fault.REFUSED:
            await server.stop()
        got = await answer(chain, max_tokens=30)
        main, spare = chain.states
        assert (main.attempts, main.failures) == (expected.attempts, expected.failures)
        assert server.generations == (0 if fault is Fault.REFUSED else expected.attempts)
        assert got.made.flags == expected.flags
        assert got.made.stop == expected.stop
        assert got.made.model == ("offline" if Flag.FALLBACK in expected.flags else chain.name.split(" → ")[0])
        assert spare.attempts == (Flag.FALLBACK in expected.flags)
        assert got.seconds < QUICK.total_s + GRACE_S
        assert ("lighthouse is green" in got.text) if Flag.FALLBACK in expected.flags else (got.text and got.text in STORY * 2)
        assert main.breaker == "closed"
        assert main.running == main.waiting == 0


@pytest.mark.parametrize("name", NAMES)
async def test_a_connection_that_is_dropped_after_the_question_is_not_tried_again_and_costs_nobody_an_answer(name: str) -> None:
    async with house(name) as (server, chain):
        server.fault = Fault.REFUSED
        got = await answer(chain)
        assert (got.made.model, got.made.flags) == ("offline", FELL_BACK)
        # The server may have had the question whole, so that it is not asked again, also over the connection it reused.
        assert (server.generations, chain.states[0].attempts, chain.states[0].failures) == (1, 1, 1)


@pytest.mark.parametrize("name", NAMES)
async def test_connection_that_the_server_closed_while_nobody_spoke_costs_nobody_an_answer(name: str) -> None:
    async with house(name) as (server, chain):
        await server.stop()
        await server.start()
        got = await answer(chain)
        assert (got.text, got.made.flags) == (STORY, WELL)
        assert (server.generations, chain.states[0].attempts) == (1, 1)


@pytest.mark.parametrize("name", NAMES)
async def test_silence_in_the_middle_ends_the_answer_with_what_there_is(name: str) -> None:
    async with house(name) as (server, chain):
        server.between_tokens_s = 60.0
        got = await answer(chain)
        assert (got.made.flags, got.made.stop) == (TOO_LATE, "deadline")
        assert STORY.startswith(got.text)
        assert got.text
        assert got.seconds < QUICK.between_tokens_s + QUICK.first_token_s + GRACE_S
        async with asyncio.timeout(10):
            await server.left.wait()


@pytest.mark.parametrize("name", NAMES)
async def test_endless_but_steady_answer_ends_at_the_total_deadline_and_speaks_against_nobody(name: str) -> None:
    async with house(name) as (server, chain):
        server.fault, server.between_tokens_s = Fault.ENDLESS, 0.1
        got = await answer(chain, max_tokens=100_000)
        assert (got.made.flags, got.made.stop) == (TOO_LATE, "deadline")
        assert QUICK.total_s - 0.1 < got.seconds < QUICK.total_s + GRACE_S
        assert chain.states[0].breaker == "closed"
        async with asyncio.timeout(10):
            await server.left.wait()
        assert server.running == 0


@pytest.mark.parametrize("name", ["mistral", "openai"])
async def test_wait_that_a_busy_server_asks_for_is_kept_or_the_next_model_answers_at_once(name: str) -> None:
    async with house(name) as (server, chain):
        server.fault, server.retry_after_s = Fault.TOO_MANY, 60.0
        got = await answer(chain)
        assert (server.generations, got.made.flags) == (1, FELL_BACK)
        assert got.seconds < GRACE_S
        server.prompts.clear()
        server.retry_after_s = 0.4
        got = await answer(chain)
        assert server.generations >= 2
        assert got.seconds >= 0.4 * (server.generations - 1)


@pytest.mark.parametrize("name", NAMES)
async def test_server_that_recovers_during_the_retries_answers_without_any_flag(name: str) -> None:
    patient = GuardSettings(retries=RetrySettings(first_wait_s=0.4))
    async with house(name, settings=patient) as (server, chain):
        server.fault = Fault.UNAVAILABLE
        asking = asyncio.create_task(answer(chain))
        async with asyncio.timeout(10):
            while not server.generations:
                await asyncio.sleep(0.005)
        server.fault = None
        got = await asking
        assert got.made.flags == WELL
        assert 2 <= chain.states[0].attempts <= 4


@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.HUNG, Fault.MISSING, Fault.UNAVAILABLE, Fault.EMPTY, Fault.WRONG_DATA], ids=str
)
@pytest.mark.parametrize("name", NAMES)
async def test_breaker_opens_after_five_failures_costs_no_request_and_closes_by_a_probe(name: str, fault: Fault) -> None:
    settings = replace(SETTINGS, breaker=BreakerSettings(probe_s=0.5))
    async with house(name, settings=settings) as (server, chain):
        server.fault = fault
        if fault is Fault.REFUSED:
            await server.stop()
        crowd = await asyncio.gather(*(answer(chain) for _ in range(6)))
        assert all(got.made.flags == FELL_BACK for got in crowd)
        assert chain.states[0].breaker == "open"
        asked, attempts = server.generations, chain.states[0].attempts
        if chain.states[0].probe_in_s > 0.2:  # else the machine was so busy that the next one is a probe already
            assert (await answer(chain)).seconds < GRACE_S
            assert (server.generations, chain.states[0].attempts) == (asked, attempts)
        server.fault = None
        if fault is Fault.REFUSED:
            await server.start()
        await asyncio.sleep(0.55)
        got = await answer(chain)
        assert (got.made.flags, got.text) == (WELL, STORY)
        assert chain.states[0].breaker == "closed"


@pytest.mark.parametrize("name", NAMES)
async def test_a_question_that_is_refused_for_what_it_holds_says_nothing_of_the_next_one(name: str) -> None:
    async with house(name) as (server, chain):
        server.fault = Fault.UNPROCESSABLE
        crowd = await asyncio.gather(*(answer(chain) for _ in range(8)))
        assert all(got.made.flags == FELL_BACK for got in crowd)
        assert chain.states[0].breaker == "closed"
        assert server.generations == 8
        server.fault = None
        got = await answer(chain)
        assert (got.made.flags, got.text) == (WELL, STORY)


class Compressing(HttpServer):
    """Sends every answer compressed, though nobody takes that."""

    async def answer(self, request: Request, response: Response) -> None:
        await response.start(200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"})
        await response.send(gzip.compress(b" " * 10_000_000))
        await response.end()


@pytest.mark.parametrize("name", NAMES)
async def test_compressed_answers_that_could_become_anything_are_not_read(name: str) -> None:
    async with Compressing() as server, aclosing(SERVED[name].model(server)) as model:
        assert not (await model.check()).is_ready
        with pytest.raises(ModelBroken):
            await anext(model.stream(ASKED, max_tokens=10, temperature=0))
        assert all(request.headers["accept-encoding"] == "identity" for request in server.requests)
        assert server.requests


# --- what an error may say ---

CANARY = "canario-privado-4711"
KEY = "llave-canaria-0815"


class Parrot:
    """Repeats in its errors what it was given, as real servers do."""

    def error(self, status: int) -> object:
        """The prompt and the key, at every place where a message may stand."""
        told = f"you said {CANARY} with {KEY}"
        return {
            "error": told,
            "message": told,
            "detail": [{"type": "value_error", "msg": told, "loc": ["body"], "input": told}],
        }

    def broken(self) -> bytes:
        """A line that is not what the protocol says, with the prompt in it."""
        return b'data: {"' + CANARY.encode() + b"\n\n"


class ParrotMistral(Parrot, MistralServer):
    """Mistral's, as a parrot."""


class ParrotOllama(Parrot, OllamaServer):
    """Ollama's, as a parrot."""


class ParrotOpenAi(Parrot, OpenAiServer):
    """OpenAI's, as a parrot."""


PARROTS: Mapping[str, type[ModelServer]] = {"mistral": ParrotMistral, "ollama": ParrotOllama, "openai": ParrotOpenAi}
KEYED: Mapping[str, Mapping[str, str]] = {"mistral": {"api_key": KEY}, "openai": {"api_key": KEY}, "ollama": {}}
PRIVATE = Prompt(
    system=f"You talk with {CANARY}.",
    question=f"I am {CANARY}.",
    language="en",
    history=(Exchange(question=CANARY, answer=CANARY),),
    evidence=(replace(KNOWN, text=CANARY),),
)


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.SLOW, Fault.ENDLESS, Fault.CUT}), ids=str)
@pytest.mark.parametrize("name", NAMES)
async def test_neither_an_error_nor_the_log_holds_what_was_written_or_the_key(name: str, fault: Fault) -> None:
    stream = io.StringIO()
    server = PARROTS[name]()
    with Logs(LogSettings(level="debug", text=True, format="json"), stream=stream):
        async with server, aclosing(SERVED[name].model(server, **KEYED[name])) as model:
            server.fault = fault
            if fault is Fault.REFUSED:
                await server.stop()
            chain = chain_of(Backend(model=model, deadlines=replace(QUICK, first_token_s=0.5)))
            with pytest.raises(ModelError) as caught:
                await answer(chain, PRIVATE)
            told = [str(caught.value), caught.value.detail, repr(caught.value)]
            for language in LANGUAGES:
                status = await model.check(language)
                told += [status.detail, status.next_step]
    written = stream.getvalue()
    assert "model.failed" in written
    for text in (*told, written):
        assert CANARY not in text
        assert KEY not in text
