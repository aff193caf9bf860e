"""The scripted model says what it was told to say, in the time it was told to take."""

from __future__ import annotations

import asyncio

import pytest

from bot.messages import prompt_tokens
from bot.models.scripted import Rule, ScriptedModel
from bot.types import Chunk, Evidence, EvidenceKind, Exchange, Generation, Language, Prompt
from tests.models.virtual_time import LoopClock, in_virtual_time


def ask(question: str, language: Language = "en", **parts: object) -> Prompt:
    return Prompt(system="be kind", question=question, language=language, **parts)  # type: ignore[arg-type]


async def said(model: ScriptedModel, prompt: Prompt, max_tokens: int = 1000) -> tuple[str, Generation]:
    chunks: list[Chunk] = [chunk async for chunk in model.stream(prompt, max_tokens=max_tokens, temperature=0)]
    assert chunks[-1].generation is not None
    return "".join(chunk.text for chunk in chunks), chunks[-1].generation


@in_virtual_time
async def test_without_a_template_it_shows_what_the_prompt_holds() -> None:
    evidence = Evidence(kind=EvidenceKind.CORRECTION, text="It is 42.", source="turn-1", score=0.9)
    exchanges = (Exchange(question="hi", answer="hello"), Exchange(question="so?", answer="yes"))
    prompt = ask("What is it?", directives=("Be brief.",), evidence=(evidence,), history=exchanges)
    text, _ = await said(ScriptedModel(clock=LoopClock()), prompt)
    for part in ("What is it?", "- Be brief.", "- correction (turn-1): It is 42.", "2 exchanges"):
        assert part in text


@in_virtual_time
async def test_template_places_are_filled_and_all_else_is_said_as_it_stands() -> None:
    model = ScriptedModel(clock=LoopClock(), template="{question}! {unknown} { {system}")
    assert (await said(model, ask("{system}")))[0] == "{system}! {unknown} { be kind"


@in_virtual_time
async def test_first_rule_that_matches_decides_whatever_the_case() -> None:
    rules = (Rule(pattern=r"capital of \w+", answer="Paris"), Rule(pattern="capital", answer="a big letter"))
    model = ScriptedModel(clock=LoopClock(), rules=rules, template="no rule")
    answers = [(await said(model, ask(text)))[0] for text in ("CAPITAL of France?", "capital?", "other")]
    assert answers == ["Paris", "a big letter", "no rule"]


@in_virtual_time
async def test_it_takes_the_time_it_was_given() -> None:
    model = ScriptedModel(clock=LoopClock(), first_token_s=2.0, between_tokens_s=0.5, template="one two three")
    began = asyncio.get_running_loop().time()
    _, made = await said(model, ask("?"))
    assert made.first_token_s == pytest.approx(2.0)
    assert made.seconds == pytest.approx(3.0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)


@in_virtual_time
async def test_usage_counts_the_pieces_that_were_said_and_estimates_the_prompt() -> None:
    model = ScriptedModel(clock=LoopClock(), template="one two three four")
    prompt = ask("five words are in here", directives=("three more words",))
    _, made = await said(model, prompt)
    assert (made.completion_tokens, made.prompt_tokens, made.stop) == (4, prompt_tokens(prompt), "end")
    text, made = await said(model, ask("?"), max_tokens=2)
    assert (text, made.completion_tokens, made.stop) == ("one two ", 2, "length")


@in_virtual_time
async def test_long_answer_without_delay_lets_others_run() -> None:
    model = ScriptedModel(clock=LoopClock(), template="word " * 1000)
    visits = 0

    async def other() -> None:
        nonlocal visits
        while True:
            visits += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(other())
        await said(model, ask("?"))
        task.cancel()
    assert visits >= 15


@pytest.mark.parametrize(("language", "words"), [("en", "from a script"), ("es", "de un guion")])
async def test_it_is_always_ready_and_says_in_both_languages_what_it_is(language: Language, words: str) -> None:
    status = await ScriptedModel(clock=LoopClock(), is_remote=True).check(language)
    assert (status.name, status.is_ready, status.is_remote) == ("scripted", True, True)
    assert words in status.detail


def test_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="regular expression"):
        ScriptedModel(clock=LoopClock(), rules=(Rule(pattern="("),))
