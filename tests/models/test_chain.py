"""The chain keeps its promises under every fault: deadlines, retries, breaker, flags, and one model's words at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import Random

import pytest

from bot.errors import (
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelRejected,
    ModelTimedOut,
    ModelUnreachable,
    RequestRejected,
)
from bot.messages import prompt_tokens
from bot.model_types import ModelStatus
from bot.models.breaker import BreakerSettings, BreakerState
from bot.models.chain import Chain
from bot.models.guard import Backend, Deadlines, GuardSettings, RetrySettings
from bot.models.scripted import Fault, Rule, ScriptedModel
from bot.tokens import estimate_tokens
from bot.types import Chunk, Flag, Generation, Language, Prompt
from tests.models.virtual_time import LoopClock, in_virtual_time

QUICK = Deadlines(first_token_s=10, between_tokens_s=2, total_s=30)


def ask(question: str = "hola") -> Prompt:
    return Prompt(system="be kind", question=question, language="en")


def scripted(
    name: str = "main",
    fault: Fault | None = None,
    *,
    first_token_s: float = 0.0,
    slow_s: float = 10.0,
    retry_after_s: float | None = None,
) -> ScriptedModel:
    rules = () if fault is None else (Rule(pattern="", fault=fault, answer="one two three four five six"),)
    return ScriptedModel(
        clock=LoopClock(),
        name=name,
        rules=rules,
        template="{question} said " + name,
        first_token_s=first_token_s,
        slow_s=slow_s,
        retry_after_s=retry_after_s,
    )


def chain(*models: ScriptedModel | Awkward, deadlines: Deadlines = QUICK, parallel: int = 4, **settings: object) -> Chain:
    guard = GuardSettings(**settings)  # type: ignore[arg-type]
    backends = [Backend(model=model, deadlines=deadlines, parallel=parallel) for model in models]
    return Chain(backends, clock=LoopClock(), random=Random(7), settings=guard)


async def whole(model: Chain, question: str = "hola", *, max_tokens: int = 100) -> tuple[str, Generation]:
    """The answer's text and its generation, which must come last and once."""
    chunks = [chunk async for chunk in model.stream(ask(question), max_tokens=max_tokens, temperature=0.0)]
    made = [chunk.generation for chunk in chunks if chunk.generation is not None]
    assert len(made) == 1
    assert chunks[-1].generation is made[0]
    return "".join(chunk.text for chunk in chunks), made[0]


class Awkward:
    """A backend that plays a list of steps: a text, a wait in seconds, an error, or a generation."""

    name = "awkward"

    def __init__(self, *steps: str | float | Exception | Generation | Chunk) -> None:
        self.steps = steps
        self.is_closed = False
        self.began = self.ended = 0

    async def check(self, language: Language = "en") -> ModelStatus:
        await asyncio.sleep(sum(step for step in self.steps if isinstance(step, float)))
        return ModelStatus(name=self.name, is_ready=True, is_remote=True, detail="fine")

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        self.began += 1
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Chunk):
                    yield step
                elif isinstance(step, Generation):
                    yield Chunk(text="", generation=step)
                elif isinstance(step, str):
                    yield Chunk(text=step)
                else:
                    await asyncio.sleep(step)
        finally:
            self.ended += 1

    async def aclose(self) -> None:
        self.is_closed = True


DONE = Generation(model="awkward", prompt_tokens=1, completion_tokens=1, seconds=0)


@dataclass(frozen=True, kw_only=True)
class Expected:
    attempts: int
    flags: frozenset[Flag]
    answer: str
    stop: str = "end"
    failures: int | None = None


PARTIAL, TIMED_OUT, FALLBACK = Flag.PARTIAL, Flag.TIMED_OUT, Flag.FALLBACK
SPARE = "hola said spare"
ENDLESS = "one two three four five six" * 3 + "one two "


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.REFUSED, Expected(attempts=4, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.TOO_MANY, Expected(attempts=4, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.UNAVAILABLE, Expected(attempts=4, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.UNAUTHORIZED, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.MISSING, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.UNPROCESSABLE, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.WRONG_DATA, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.EMPTY, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.HUNG, Expected(attempts=1, flags=frozenset({FALLBACK}), answer=SPARE)),
        (Fault.SLOW, Expected(attempts=1, flags=frozenset(), answer="one two three four five six", failures=0)),
        (Fault.CUT, Expected(attempts=1, flags=frozenset({PARTIAL}), answer="one two three ", stop="error")),
        (Fault.ENDLESS, Expected(attempts=1, flags=frozenset({PARTIAL}), answer=ENDLESS, stop="length", failures=0)),
    ],
    ids=str,
)
@in_virtual_time
async def test_each_fault_gets_its_tries_its_flags_and_its_answer(fault: Fault, expected: Expected) -> None:
    model = chain(scripted(fault=fault, slow_s=9.0), scripted("spare"))
    text, made = await whole(model, max_tokens=20)
    main, spare = model.states
    assert main.attempts == expected.attempts
    assert main.failures == (expected.attempts if expected.failures is None else expected.failures)
    assert made.flags == expected.flags
    assert made.stop == expected.stop
    assert made.model == ("spare" if FALLBACK in expected.flags else "main")
    assert spare.attempts == (1 if FALLBACK in expected.flags else 0)
    assert text == expected.answer
    assert main.running == main.waiting == 0
    assert main.breaker is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.REFUSED, ModelUnreachable),
        (Fault.HUNG, ModelTimedOut),
        (Fault.UNAVAILABLE, ModelBusy),
        (Fault.MISSING, ModelRejected),
        (Fault.EMPTY, ModelBroken),
    ],
    ids=str,
)
@in_virtual_time
async def test_when_nothing_answers_the_last_models_error_leaves(fault: Fault, error: type[ModelError]) -> None:
    with pytest.raises(error) as caught:
        await whole(chain(scripted(fault=Fault.MISSING), scripted("last", fault)))
    assert caught.value.model == "last"


@in_virtual_time
async def test_first_choice_answers_without_any_flag() -> None:
    text, made = await whole(chain(scripted(first_token_s=1.5), scripted("spare")))
    assert (text, made.flags, made.model, made.stop) == ("hola said main", frozenset(), "main", "end")
    assert made.first_token_s == pytest.approx(1.5)


@in_virtual_time
async def test_times_are_what_the_person_waited_also_for_the_models_that_failed() -> None:
    _, made = await whole(chain(scripted(fault=Fault.HUNG), scripted("spare", first_token_s=1.0)))
    assert made.first_token_s == pytest.approx(QUICK.first_token_s + 1)
    assert made.seconds == pytest.approx(QUICK.first_token_s + 1)


@in_virtual_time
async def test_silence_between_two_tokens_ends_the_answer_with_what_there_is() -> None:
    awkward = Awkward("half an ", "answer", 50.0, "never shown", DONE)
    text, made = await whole(chain(awkward, scripted("spare")))
    assert text == "half an answer"
    assert (made.flags, made.stop, made.model) == (frozenset({PARTIAL, TIMED_OUT}), "deadline", "awkward")
    assert made.seconds == pytest.approx(QUICK.between_tokens_s)
    assert awkward.ended == 1


@in_virtual_time
async def test_slow_but_steady_answer_ends_at_the_total_deadline_and_counts_as_no_outage() -> None:
    steps = [step for _ in range(40) for step in ("word ", 1.0)]
    model = chain(Awkward(*steps, DONE), scripted("spare"), breaker=BreakerSettings(failures=1))
    text, made = await whole(model)
    assert made.seconds == pytest.approx(QUICK.total_s)
    assert (made.flags, made.stop) == (frozenset({PARTIAL, TIMED_OUT}), "deadline")
    assert text.count("word") in {30, 31}
    assert model.states[0].breaker is BreakerState.CLOSED


@in_virtual_time
async def test_two_models_answers_are_never_glued() -> None:
    text, made = await whole(chain(Awkward("I think ", ModelBusy("awkward", "503: busy")), scripted("spare")))
    assert text == "I think "
    assert made.flags == {PARTIAL}


@in_virtual_time
async def test_stream_that_ends_without_usage_is_partial() -> None:
    text, made = await whole(chain(Awkward("looks whole"), scripted("spare")))
    assert (text, made.flags, made.stop) == ("looks whole", frozenset({PARTIAL}), "error")
    assert made.prompt_tokens == prompt_tokens(ask())
    assert made.completion_tokens == estimate_tokens("looks whole")


@in_virtual_time
async def test_white_space_alone_is_no_answer_and_is_kept_before_one() -> None:
    assert (await whole(chain(Awkward(" ", "\n", DONE), scripted("spare"))))[0] == SPARE
    assert (await whole(chain(Awkward(" ", "\n", "word", DONE))))[0] == " \nword"


@in_virtual_time
async def test_answer_is_cut_at_the_cap_of_characters() -> None:
    text, made = await whole(chain(Awkward("x" * 600, "y" * 600, DONE), max_characters=1000))
    assert text == "x" * 600 + "y" * 400
    assert (made.stop, made.flags) == ("length", frozenset({PARTIAL}))


@in_virtual_time
async def test_answer_of_exactly_max_tokens_is_whole() -> None:
    text, made = await whole(chain(scripted()), max_tokens=3)
    assert (text, made.stop, made.flags) == ("hola said main", "end", frozenset())


@in_virtual_time
async def test_answer_that_the_model_itself_broke_off_is_partial() -> None:
    text, made = await whole(chain(scripted()), max_tokens=2)
    assert (text, made.stop, made.flags) == ("hola said ", "length", frozenset({PARTIAL}))


@in_virtual_time
async def test_retry_waits_as_long_as_the_backend_asks() -> None:
    model = chain(scripted(fault=Fault.TOO_MANY, retry_after_s=3.0), scripted("spare"))
    _, made = await whole(model)
    assert made.seconds == pytest.approx(9.0)
    assert model.states[0].attempts == 4


@in_virtual_time
async def test_retry_that_could_not_make_the_deadline_is_left_out() -> None:
    model = chain(scripted(fault=Fault.TOO_MANY, retry_after_s=60.0), scripted("spare"))
    _, made = await whole(model)
    assert made.seconds == 0
    assert model.states[0].attempts == 1


@in_virtual_time
async def test_retries_stay_near_a_tenth_of_the_traffic() -> None:
    settings = BreakerSettings(failures=10_000)
    model = chain(scripted(fault=Fault.UNAVAILABLE), scripted("spare"), breaker=settings, retries=RetrySettings(first_wait_s=0))
    for _ in range(500):
        await whole(model)
    assert 500 < model.states[0].attempts <= 500 + 50 + 3


@in_virtual_time
async def test_a_backend_that_recovers_during_the_retries_answers() -> None:
    class Flaky(Awkward):
        async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
            self.steps = ("back again", DONE) if self.began else (ModelUnreachable("awkward", "connection refused"),)
            async for chunk in super().stream(prompt, max_tokens=max_tokens, temperature=temperature):
                yield chunk

    text, made = await whole(chain(Flaky(), scripted("spare")))
    assert (text, made.flags, made.model) == ("back again", frozenset(), "awkward")


@in_virtual_time
async def test_only_so_many_streams_run_at_once_and_the_others_wait_their_turn() -> None:
    model = chain(scripted(first_token_s=1.0), parallel=2)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(whole(model)) for _ in range(6)]
        await asyncio.sleep(0.5)
        assert (model.states[0].running, model.states[0].waiting) == (2, 4)
    assert sorted(round(task.result()[1].seconds) for task in tasks) == [1, 1, 2, 2, 3, 3]


@in_virtual_time
async def test_waiting_at_the_gate_counts_against_the_first_token_and_blames_nobody() -> None:
    slow = chain(scripted(first_token_s=9.0), scripted("spare"), parallel=1, breaker=BreakerSettings(failures=1))
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(whole(slow)), group.create_task(whole(slow))
    assert first.result()[1].flags == frozenset()
    assert second.result()[0] == SPARE
    assert second.result()[1].seconds == pytest.approx(QUICK.first_token_s)
    assert slow.states[0].breaker is BreakerState.CLOSED


@in_virtual_time
async def test_whoever_waits_at_the_gate_of_a_model_that_is_given_up_goes_on_to_the_next_at_once() -> None:
    model = chain(
        Awkward(1.0, ModelRejected("awkward", "404")), scripted("spare"), parallel=1, breaker=BreakerSettings(failures=1)
    )
    async with asyncio.TaskGroup() as group:
        crowd = [group.create_task(whole(model)) for _ in range(5)]
    assert [task.result()[0] for task in crowd] == [SPARE] * 5
    assert all(task.result()[1].seconds == pytest.approx(1) for task in crowd)
    assert model.states[0].attempts == 1


async def test_closing_the_stream_closes_the_backends_at_once() -> None:
    backend = Awkward("first", 60.0, DONE)
    model = chain(backend)
    async with aclosing(model.stream(ask(), max_tokens=10, temperature=0)) as chunks:
        assert [(await anext(chunks)).text for _ in range(2)] == ["", "first"]
        assert backend.ended == 0
    assert backend.ended == 1
    assert model.states[0].running == 0
    assert (await whole_quickly(model)).text == "first"


async def test_cancelling_the_reader_closes_the_backends_stream_and_frees_its_place() -> None:
    backend = Awkward(60.0, "never", DONE)
    model = chain(backend, parallel=1)
    readers = [asyncio.create_task(whole(model)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert (backend.began, model.states[0].waiting) == (1, 2)
    for reader in readers:
        reader.cancel()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert (backend.began, backend.ended) == (1, 1)
    assert (model.states[0].running, model.states[0].waiting) == (0, 0)


async def whole_quickly(model: Chain) -> Chunk:
    async with aclosing(model.stream(ask(), max_tokens=10, temperature=0)) as chunks:
        while not (chunk := await anext(chunks)).text:
            continue
        return chunk


@in_virtual_time
async def test_breaker_opens_after_five_failures_and_the_next_model_answers_at_once() -> None:
    model = chain(scripted(fault=Fault.MISSING), scripted("spare"))
    for _ in range(5):
        await whole(model)
    assert model.states[0].breaker is BreakerState.OPEN
    _, made = await whole(model)
    assert (made.flags, made.seconds, model.states[0].attempts) == (frozenset({FALLBACK}), 0, 5)


@in_virtual_time
async def test_failures_far_apart_do_not_open_the_breaker() -> None:
    model = chain(scripted(fault=Fault.MISSING), scripted("spare"))
    for _ in range(12):
        await whole(model)
        await asyncio.sleep(8)
    assert model.states[0].breaker is BreakerState.CLOSED


@in_virtual_time
async def test_hung_model_opens_the_breaker_although_each_failure_takes_longer_than_its_window() -> None:
    patient = Deadlines(first_token_s=90, between_tokens_s=20, total_s=300)
    model = chain(scripted(fault=Fault.HUNG), scripted("spare"), deadlines=patient)
    for _ in range(5):
        await whole(model)
    assert model.states[0].breaker is BreakerState.OPEN
    assert (await whole(model))[1].seconds == 0


@in_virtual_time
async def test_a_few_failures_among_many_answers_do_not_open_the_breaker() -> None:
    rules = (Rule(pattern="bad", fault=Fault.MISSING),)
    model = chain(ScriptedModel(clock=LoopClock(), rules=rules), scripted("spare"))
    for number in range(60):
        await whole(model, "bad" if number % 6 == 0 else "good")
    assert model.states[0].breaker is BreakerState.CLOSED


@in_virtual_time
async def test_one_probe_goes_out_every_ten_seconds_and_its_success_closes_the_breaker() -> None:
    class Mended(Awkward):
        is_down = True

        async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
            self.steps = (ModelRejected("awkward", "404"),) if self.is_down else (0.5, "back", DONE)
            async for chunk in super().stream(prompt, max_tokens=max_tokens, temperature=temperature):
                yield chunk

    backend = Mended()
    model = chain(backend, scripted("spare"))
    for _ in range(7):
        await whole(model)
    await asyncio.sleep(9.9)
    await whole(model)
    assert backend.began == 5
    await asyncio.sleep(0.2)
    await whole(model)
    assert (backend.began, model.states[0].breaker) == (6, BreakerState.OPEN)
    assert model.states[0].probe_in_s == pytest.approx(10)
    backend.is_down = False
    await asyncio.sleep(10.1)
    async with asyncio.TaskGroup() as group:
        crowd = [group.create_task(whole(model)) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert model.states[0].breaker == "probing"
    assert sorted(task.result()[0] for task in crowd) == ["back"] + [SPARE] * 19
    assert backend.began == 7
    assert model.states[0].breaker == "closed"
    assert (await whole(model))[0] == "back"


@in_virtual_time
async def test_probe_that_the_person_stopped_does_not_block_the_next_probe() -> None:
    backend = Awkward(ModelRejected("awkward", "404"))
    model = chain(backend, scripted("spare"))
    for _ in range(5):
        await whole(model)
    backend.steps = (5.0, "back", DONE)
    await asyncio.sleep(10.1)
    probe = asyncio.create_task(whole(model))
    await asyncio.sleep(1)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert model.states[0].breaker is BreakerState.OPEN
    await asyncio.sleep(10)
    assert (await whole(model))[0] == "back"


@in_virtual_time
async def test_model_dead_for_five_minutes_under_two_hundred_people_costs_forty_probes_and_nobody_time() -> None:
    model = chain(scripted(fault=Fault.REFUSED), scripted("spare"))
    waits: list[float] = []

    async def person(number: int) -> None:
        random = Random(number)
        await asyncio.sleep(random.uniform(0, 10))
        while asyncio.get_running_loop().time() < 300:
            _, made = await whole(model)
            assert made.flags == {FALLBACK}
            waits.append(made.seconds)
            await asyncio.sleep(random.uniform(5, 30))

    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(person(number))
    waits.sort()
    assert len(waits) > 2000
    assert model.states[0].attempts <= 40
    assert waits[int(len(waits) * 0.99)] < 1


@in_virtual_time
async def test_statuses_name_every_model_and_one_that_does_not_answer_its_check() -> None:
    model = chain(Awkward(60.0), scripted("spare"))
    silent, spare = await model.statuses()
    assert (silent.name, silent.is_ready, spare.name, spare.is_ready) == ("awkward", False, "spare", True)
    status = await model.check()
    assert (status.name, status.is_ready, status.is_remote) == ("awkward → spare", True, False)
    assert "awkward: it did not answer within 5 s" in status.detail


async def test_closing_the_chain_closes_every_model() -> None:
    models: Sequence[Awkward] = [Awkward(), Awkward()]
    await chain(*models).aclose()
    assert all(model.is_closed for model in models)


THOUGHT = Chunk(text="", is_thinking=True)


@in_virtual_time
async def test_a_model_that_thinks_is_alive_and_its_silence_between_thoughts_is_what_counts() -> None:
    musing: list[Chunk | float] = [THOUGHT, 1.5]
    thinking = Awkward(*musing * 8, "at last", DONE)
    model = chain(thinking, scripted("spare"))
    text, made = await whole(model)
    assert (text, made.model) == ("at last", "awkward"), "12 s of thought, with 10 s to the first token"
    stuck = chain(Awkward(THOUGHT, 3.0, "too late", DONE), scripted("spare"))
    assert (await whole(stuck))[0] == "hola said spare"


@in_virtual_time
async def test_every_piece_says_whose_it_is() -> None:
    model = chain(scripted(fault=Fault.MISSING), scripted("spare"))
    chunks = [chunk async for chunk in model.stream(ask(), max_tokens=50, temperature=0)]
    assert {chunk.model for chunk in chunks if chunk.text or chunk.generation} == {"spare"}


@in_virtual_time
async def test_an_answer_costs_what_its_model_costs_also_where_it_is_cut() -> None:
    def price(model: str, asked: int, said: int) -> int:
        return (asked * 2 + said * 3) if model == "awkward" else 0

    made = Generation(model="awkward", prompt_tokens=10, completion_tokens=4, seconds=0)
    assert (await whole(chain(Awkward("a", made), price=price)))[1].cost == 32
    cut = (await whole(chain(Awkward("a", ModelBroken("awkward", "cut")), price=price)))[1]
    assert cut.cost == cut.prompt_tokens * 2 + cut.completion_tokens * 3 > 0
    free = replace(made, is_counted=False)
    assert (await whole(chain(Awkward("a", free), price=price)))[1].cost == 0


class Late(Awkward):
    """A backend that is not there at first."""

    is_there = False

    async def check(self, language: Language = "en") -> ModelStatus:
        return ModelStatus(name=self.name, is_ready=self.is_there, is_remote=False, detail="", is_wanted=False)


@in_virtual_time
async def test_a_model_that_nobody_named_joins_when_it_is_found_and_is_a_first_choice_from_then_on() -> None:
    late, joined = Late("here I am", DONE), []
    backends = [Backend(model=late, deadlines=QUICK, joins_when_ready=True), Backend(model=scripted("spare"))]
    model = Chain(backends, clock=LoopClock(), random=Random(7))

    async def on_joined() -> None:
        joined.append(True)

    watching = asyncio.create_task(model.watch(30, 300, on_joined))
    await asyncio.sleep(100)
    assert (await whole(model)) == ("hola said spare", (await whole(model))[1])
    assert (await whole(model))[1].flags == frozenset(), "nothing stepped in: nobody asked for more"
    assert late.began == 0
    late.is_there = True
    await asyncio.sleep(31)
    assert joined == [True, True], "the one that is always there, and the late one"
    watching.cancel()
    assert (await whole(model))[0] == "here I am"
    late.is_there, late.steps = False, (ModelUnreachable("awkward", "gone"),)
    assert (await whole(model))[1].flags == {FALLBACK}


@in_virtual_time
async def test_who_is_asked_is_said_before_a_word_is_written() -> None:
    stream = chain(Awkward(5.0, "late", DONE), scripted("spare")).stream(ask(), max_tokens=9, temperature=0)
    async with aclosing(stream):
        first = await anext(stream)
        assert (first.model, first.text, first.is_fallback) == ("awkward", "", False)
    stream = chain(scripted(fault=Fault.MISSING), Awkward(5.0, "late", DONE)).stream(ask(), max_tokens=9, temperature=0)
    async with aclosing(stream):
        asked = [await anext(stream), await anext(stream)]
        assert [(chunk.model, chunk.is_fallback) for chunk in asked] == [("main", False), ("awkward", True)]


@in_virtual_time
async def test_a_model_that_thought_in_vain_is_paid_for_by_the_answer_of_the_next() -> None:
    def price(model: str, asked: int, said: int) -> int:
        return 10 * asked + 100 * said if model == "awkward" else 0

    vain = Awkward(THOUGHT, THOUGHT, ModelBroken("awkward", "cut"))
    made = (await whole(chain(vain, scripted("spare"), price=price)))[1]
    assert made.model == "spare"
    assert made.cost == 10 * prompt_tokens(ask()) + 200
    refused = Awkward(ModelRejected("awkward", "404"))
    assert (await whole(chain(refused, scripted("spare"), price=price)))[1].cost == 0


@in_virtual_time
async def test_a_cut_answer_counts_its_text_and_its_thoughts_and_not_its_pieces() -> None:
    cut = Awkward(THOUGHT, THOUGHT, "word " * 400, ModelBroken("awkward", "cut"))
    made = (await whole(chain(cut)))[1]
    assert made.completion_tokens == 2 + estimate_tokens("word " * 400) > 400


@in_virtual_time
async def test_requests_that_one_person_sends_in_vain_leave_the_model_to_the_others() -> None:
    steps = [RequestRejected("awkward", "400: too long")]
    main = Awkward(*steps)
    model = chain(main, scripted("spare"))
    for _ in range(20):
        assert (await whole(model))[1].model == "spare"
    assert model.states[0].breaker is BreakerState.CLOSED
    assert main.began == 20


@in_virtual_time
async def test_endless_thinking_opens_the_breaker() -> None:
    endless: list[Chunk | float] = [THOUGHT, 1.5]
    model = chain(Awkward(*endless * 100), scripted("spare"))
    for _ in range(5):
        assert (await whole(model))[1].model == "spare"
    assert model.states[0].breaker is BreakerState.OPEN


@in_virtual_time
async def test_what_was_left_alone_saves_up_no_retries() -> None:
    model = chain(scripted(fault=Fault.MISSING), scripted("spare"))
    for _ in range(200):
        await whole(model)
    assert model.states[0].attempts == 5
    assert model._guarded[0]._budget.saved < 4


@in_virtual_time
async def test_a_model_whose_check_hangs_is_as_far_away_as_its_server() -> None:
    far = Backend(model=Awkward(60.0), deadlines=QUICK, is_remote=True)
    near = Backend(model=scripted("here"), is_networked=True)
    model = Chain([far, near], clock=LoopClock(), random=Random(7))
    assert [status.place for status in model.known()] == ["remote", "network"], "also before anybody was asked"
    assert [status.place for status in await model.statuses()] == ["remote", "network"]
    assert [status.is_ready for status in model.known()] == [False, True]


@in_virtual_time
async def test_what_is_known_is_said_at_once_and_a_model_left_alone_is_not_ready() -> None:
    hung = Awkward("fine", DONE)
    model = chain(hung, scripted("spare"))
    await model.statuses()
    assert model.known()[0].is_ready
    hung.steps = (ModelRejected("awkward", "404"),)
    for _ in range(5):
        await whole(model)
    assert not model.known()[0].is_ready
    assert model.known()[1].is_ready


class Surprising(Awkward):
    """A backend whose check raises what nobody foresaw."""

    async def check(self, language: Language = "en") -> ModelStatus:
        raise OverflowError("a header")


@in_virtual_time
async def test_a_surprise_in_one_models_check_ends_nothing() -> None:
    model = chain(Surprising("fine", DONE), scripted("spare"))
    assert [status.is_ready for status in await model.statuses()] == [False, True]
    watching = asyncio.create_task(model.watch(1, 1, _nothing))
    await asyncio.sleep(10)
    assert not watching.done()
    watching.cancel()
    assert (await whole(model))[0] == "fine"


async def _nothing() -> None:
    return None


@in_virtual_time
async def test_a_status_that_is_tried_says_how_long_the_first_token_took() -> None:
    model = chain(scripted(first_token_s=1.5), scripted("dumb", fault=Fault.EMPTY))
    quick, dumb = await model.tried_statuses()
    assert quick.is_ready
    assert quick.first_token_s == pytest.approx(1.5)
    assert not dumb.is_ready
    assert "empty" in dumb.detail


def test_chain_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        chain()
