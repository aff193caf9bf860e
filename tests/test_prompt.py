"""A prompt keeps within its budget, and what it leaves out it leaves out whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.prompt import build, estimate_tokens, prompt_tokens
from bot.types import LANGUAGES, Evidence, EvidenceKind, Exchange, Language, Prompt

words = st.text(max_size=400)
pieces = st.builds(
    Evidence,
    kind=st.sampled_from(EvidenceKind),
    text=words,
    source=st.just("a.md"),
    score=st.floats(0.1, 1.0),
    title=st.text(max_size=20),
)
exchanges = st.builds(Exchange, question=words, answer=words)


def made(
    *,
    question: str = "What is it?",
    history: tuple[Exchange, ...] = (),
    evidence: tuple[Evidence, ...] = (),
    budget: int = 1000,
    language: Language = "en",
) -> Prompt:
    return build(question=question, language=language, history=history, evidence=evidence, bot_name="Martín", budget=budget)


def passage(length: int, source: str = "a.md") -> Evidence:
    return Evidence(kind=EvidenceKind.KNOWLEDGE, text="x" * length, source=source, score=0.5)


@given(words, st.lists(exchanges, max_size=6), st.lists(pieces, max_size=6), st.integers(200, 2000))
def test_a_prompt_is_never_over_its_budget(
    question: str, history: list[Exchange], evidence: list[Evidence], budget: int
) -> None:
    prompt = made(question=question, history=tuple(history), evidence=tuple(evidence), budget=budget)
    assert prompt_tokens(prompt) <= budget


@given(st.lists(exchanges, max_size=8), st.integers(200, 1200))
def test_history_is_the_newest_exchanges_whole_and_without_a_gap(history: list[Exchange], budget: int) -> None:
    prompt = made(history=tuple(history), budget=budget)
    assert prompt.history == tuple(history[len(history) - len(prompt.history) :])


@given(st.lists(pieces, max_size=8), st.integers(200, 1200))
def test_evidence_stays_whole_and_in_its_order(evidence: list[Evidence], budget: int) -> None:
    chosen = list(made(evidence=tuple(evidence), budget=budget).evidence)
    rest = iter(evidence)
    assert all(any(piece is other for other in rest) for piece in chosen)


def test_everything_fits_in_a_large_budget() -> None:
    history = (Exchange(question="Hi", answer="Hello."),)
    prompt = made(history=history, evidence=(passage(400), passage(40)), budget=100_000)
    assert prompt.history == history
    assert len(prompt.evidence) == 2
    assert prompt.question == "What is it?"


def test_a_piece_that_is_too_long_makes_room_for_a_shorter_one() -> None:
    prompt = made(evidence=(passage(40_000, "long.md"), passage(40, "short.md")))
    assert [piece.source for piece in prompt.evidence] == ["short.md"]


def test_evidence_leaves_history_a_share() -> None:
    history = tuple(Exchange(question="q" * 100, answer="a" * 100) for _ in range(50))
    prompt = made(history=history, evidence=tuple(passage(200) for _ in range(50)), budget=2000)
    assert prompt.history
    assert prompt.evidence


def test_a_question_that_is_too_long_is_cut_at_its_end() -> None:
    prompt = made(question="start " + "x" * 100_000)
    assert prompt.question.startswith("start ")
    assert prompt_tokens(prompt) <= 1000


@pytest.mark.parametrize("language", LANGUAGES)
def test_instructions_are_in_the_language_and_name_the_bot(language: Language) -> None:
    prompt = made(language=language)
    assert "Martín" in prompt.system
    assert ("español" in prompt.system) is (language == "es")


def test_the_estimate_is_a_quarter_of_the_characters_rounded_up() -> None:
    assert [estimate_tokens("x" * length) for length in (0, 1, 4, 5)] == [0, 1, 1, 2]
