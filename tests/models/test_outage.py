"""A model that is away under two hundred people costs nobody time, is hardly asked, and comes back by itself (R-15)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from random import Random

import pytest

from bot.model_types import ModelStatus
from bot.models.breaker import BreakerSettings, BreakerState
from bot.models.chain import Chain
from bot.models.guard import REMOTE, Backend, GuardSettings, RetrySettings
from bot.models.offline import OfflineModel
from bot.models.scripted import Fault, Rule, ScriptedModel
from bot.ports import Clock
from bot.system import SystemClock
from bot.types import Chunk, Flag, Generation, Prompt
from tests.models.virtual_time import LoopClock, in_virtual_time
from tests.servers.backends import served
from tests.waiting import until

PEOPLE = 200
QUESTION = Prompt(system="be kind", question="hello", language="en")


class Mortal:
    """A model that answers in a fifth of a second, or fails with `fault` while it is dead."""

    name = "main"

    def __init__(self, fault: Fault) -> None:
        clock = LoopClock()
        self._well = ScriptedModel(clock=clock, name=self.name, first_token_s=0.2, template="well again")
        self._ill = ScriptedModel(clock=clock, name=self.name, rules=(Rule(pattern="", fault=fault),))
        self.is_dead = False

    async def check(self, language: str = "en") -> ModelStatus:
        """Not asked here."""
        raise NotImplementedError

    def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """The answer of whichever it is now."""
        model = self._ill if self.is_dead else self._well
        return model.stream(prompt, max_tokens=max_tokens, temperature=temperature)

    async def aclose(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer: when it was asked for, by the clock's seconds, and what it was."""

    asked_at: float
    made: Generation


@dataclass(slots=True)
class Crowd:
    """People who ask again and again, with pauses between the two numbers of `pause_s`."""

    chain: Chain
    clock: Clock
    pause_s: tuple[float, float]
    answers: list[Answered] = field(default_factory=list)
    is_over: bool = False

    async def person(self, number: int) -> None:
        """Ask until it is over. An answer without a generation, or an error, fails the test."""
        random = Random(number)
        await asyncio.sleep(random.uniform(0, self.pause_s[1]))
        while not self.is_over:
            asked_at = self.clock.monotonic()
            chunks = [chunk async for chunk in self.chain.stream(QUESTION, max_tokens=50, temperature=0.0)]
            made = chunks[-1].generation
            assert made is not None
            self.answers.append(Answered(asked_at=asked_at, made=made))
            await asyncio.sleep(random.uniform(*self.pause_s))

    def between(self, begin: float, end: float) -> list[Generation]:
        """What was asked in that time."""
        return [one.made for one in self.answers if begin <= one.asked_at < end]

    def is_well(self) -> bool:
        """Whether the last answer was the model's own."""
        return bool(self.answers) and Flag.FALLBACK not in self.answers[-1].made.flags


def p99(answers: list[Generation]) -> float:
    """The wait that one in a hundred answers is longer than."""
    waits = sorted(made.seconds for made in answers)
    return waits[int(len(waits) * 0.99)]


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.UNAVAILABLE, Fault.MISSING], ids=str)
@in_virtual_time
async def test_five_minutes_cost_forty_probes_and_nobody_time_and_the_model_comes_back_by_itself(fault: Fault) -> None:
    model, clock = Mortal(fault), LoopClock()
    backends = [Backend(model=model, parallel=64), Backend(model=OfflineModel(clock=clock))]
    chain = Chain(backends, clock=clock, random=Random(7))
    crowd = Crowd(chain, clock, pause_s=(5, 30))
    async with asyncio.TaskGroup() as group:
        for number in range(PEOPLE):
            group.create_task(crowd.person(number))
        await asyncio.sleep(60)
        attempts, model.is_dead = chain.states[0].attempts, True
        await asyncio.sleep(300)
        probes, model.is_dead = chain.states[0].attempts - attempts, False
        await asyncio.sleep(60)
        crowd.is_over = True
    well, ill, again = crowd.between(31, 59), crowd.between(60, 360), crowd.between(371, 420)
    assert len(ill) > 2000
    assert all(Flag.FALLBACK not in made.flags for made in well + again)
    assert all(Flag.FALLBACK in made.flags for made in ill)
    assert p99(ill) < 1
    assert probes <= 40
    assert chain.states[0].breaker is BreakerState.CLOSED


@pytest.mark.parametrize("parallel", [4, 16])
@in_virtual_time
async def test_model_that_hangs_costs_a_crowd_one_deadline_and_then_nobody_time(parallel: int) -> None:
    model, clock = Mortal(Fault.HUNG), LoopClock()
    backends = [Backend(model=model, parallel=parallel, deadlines=REMOTE), Backend(model=OfflineModel(clock=clock))]
    chain = Chain(backends, clock=clock, random=Random(7))
    crowd = Crowd(chain, clock, pause_s=(5, 30))
    async with asyncio.TaskGroup() as group:
        for number in range(PEOPLE):
            group.create_task(crowd.person(number))
        await asyncio.sleep(60)
        attempts, model.is_dead = chain.states[0].attempts, True
        await asyncio.sleep(REMOTE.first_token_s + 1)
        assert chain.states[0].breaker is not BreakerState.CLOSED
        await asyncio.sleep(300 - REMOTE.first_token_s - 1)
        probes, model.is_dead = chain.states[0].attempts - attempts, False
        await asyncio.sleep(60)
        crowd.is_over = True
    assert p99(crowd.between(60 + REMOTE.first_token_s + 1, 360)) < 1
    assert probes <= 40
    assert crowd.is_well()


@pytest.mark.parametrize(
    ("name", "fault"), [("ollama", Fault.UNAVAILABLE), ("openai", Fault.REFUSED), ("mistral", Fault.REFUSED)], ids=str
)
@pytest.mark.timeout(180)
async def test_the_same_on_real_sockets_in_seconds(name: str, fault: Fault) -> None:
    dead_s, probe_s, parallel = 3.0, 0.25, 4
    settings = GuardSettings(
        breaker=BreakerSettings(window_s=3.0, probe_s=probe_s), retries=RetrySettings(first_wait_s=0.02, longest_wait_s=0.1)
    )
    clock = SystemClock()
    async with served(name) as (server, model):
        server.say = lambda _: "well again, thank you"
        backends = [Backend(model=model, parallel=parallel), Backend(model=OfflineModel(clock=clock))]
        chain = Chain(backends, clock=clock, random=Random(7), settings=settings)
        crowd = Crowd(chain, clock, pause_s=(1, 3))
        async with asyncio.TaskGroup() as group:
            people = [group.create_task(crowd.person(number)) for number in range(PEOPLE)]
            await until(lambda: len(crowd.answers) > PEOPLE / 4 and crowd.is_well())
            attempts, asked = chain.states[0].attempts, server.generations
            server.fault = fault
            if fault is Fault.REFUSED:
                await server.stop()
            died_at = clock.monotonic()
            await asyncio.sleep(dead_s)
            probes, heard = chain.states[0].attempts - attempts, server.generations - asked
            lived_at, server.fault = clock.monotonic(), None
            if fault is Fault.REFUSED:
                await server.start()
            await until(crowd.is_well)
            recovered_s = clock.monotonic() - lived_at
            for one in people:
                one.cancel()
    ill = [made for made in crowd.between(died_at, lived_at) if Flag.FALLBACK in made.flags]
    assert len(ill) > PEOPLE / 2
    assert p99(ill) < 1
    # Probes, the failures and retries before it opened, and what was on its way when the server died.
    assert probes <= (lived_at - died_at) / probe_s + 5 + 3 + 2 * parallel
    assert abs(heard - probes) <= parallel if fault is Fault.UNAVAILABLE else heard == 0
    assert recovered_s < 10
    assert chain.states[0].breaker is BreakerState.CLOSED
