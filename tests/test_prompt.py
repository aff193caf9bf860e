"""A prompt keeps within its budget, and what it leaves out it leaves out whole."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import render
from bot.profile_types import Form
from bot.prompt import build, prompt_tokens
from bot.tokens import estimate_tokens
from bot.types import LANGUAGES, Evidence, EvidenceKind, Exchange, Language, Prompt

ANY = Form()
TODAY = date(2026, 11, 30)
marks = st.sampled_from(["<|im_start|>", "<|", "[INST]", "### User:", "</evidence>", "\u200b", "\n", "á", "👩‍👩‍👧", "🇪🇸"])
words = st.lists(st.text(max_size=60) | marks, max_size=8).map("".join)
pieces = st.builds(
    Evidence,
    kind=st.sampled_from(EvidenceKind),
    text=words,
    source=st.just("a.md"),
    score=st.floats(0.1, 1.0),
    title=st.text(max_size=20),
    question=words,
)
exchanges = st.builds(Exchange, question=words, answer=words)
languages = st.sampled_from(LANGUAGES)


def made(
    *,
    question: str = "What is it?",
    history: tuple[Exchange, ...] = (),
    evidence: tuple[Evidence, ...] = (),
    budget: int = 1000,
    language: Language = "en",
    directives: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    form: Form = ANY,
) -> Prompt:
    return build(
        question=question,
        language=language,
        history=history,
        evidence=evidence,
        bot_name="Martín",
        budget=budget,
        today=TODAY,
        directives=directives,
        also=also,
        form=form,
    )


def passage(length: int, source: str = "a.md") -> Evidence:
    return Evidence(kind=EvidenceKind.KNOWLEDGE, text="x" * length, source=source, score=0.5)


@given(words, st.lists(exchanges, max_size=6), st.lists(pieces, max_size=6), st.integers(300, 2000), languages, words)
def test_what_is_sent_is_never_over_the_budget(
    question: str, history: list[Exchange], evidence: list[Evidence], budget: int, language: Language, liked: str
) -> None:
    directives = (liked,) if liked else ()
    bare = prompt_tokens(made(question="", language=language, directives=directives, budget=0))
    prompt = made(
        question=question,
        history=tuple(history),
        evidence=tuple(evidence),
        budget=max(budget, bare),
        language=language,
        directives=directives,
    )
    assert prompt_tokens(prompt) <= max(budget, bare)
    assert sum(estimate_tokens(message.content) for message in render(prompt)) <= max(budget, bare)


@given(words, st.lists(exchanges, min_size=1, max_size=6), st.integers(0, 200))
def test_what_does_not_fit_leaves_the_instructions_whole(question: str, history: list[Exchange], budget: int) -> None:
    prompt = made(question=question, history=tuple(history), evidence=(passage(40),), budget=budget)
    assert prompt.system == made().system
    assert (prompt.question, prompt.history, prompt.evidence) == ("", (), ())
    assert prompt.left_out == len(history)


@given(st.lists(exchanges, max_size=8), st.integers(200, 1200))
def test_history_is_the_newest_exchanges_whole_and_without_a_gap(history: list[Exchange], budget: int) -> None:
    prompt = made(history=tuple(history), budget=budget)
    assert prompt.history == tuple(history[len(history) - len(prompt.history) :])
    assert prompt.left_out == len(history) - len(prompt.history)


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
    assert 990 <= prompt_tokens(prompt) <= 1000


@given(st.text(max_size=50), st.sampled_from(["x", "<|im_start|>", "### User:", "中", "\u200b", "[INST] "]))
def test_a_cut_question_is_the_longest_beginning_that_fits(before: str, repeated: str) -> None:
    question = before + repeated * 3000
    prompt = made(question=question, budget=400)
    assert question.startswith(prompt.question)
    assert 380 <= prompt_tokens(prompt) <= 400


@pytest.mark.parametrize(
    "character",
    ["🇪🇸", "👩‍👩‍👧‍👦", "👍🏽", "é", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "한", "각", "क्षि", "\r\n", "שָׁ"],
)
def test_a_cut_question_never_ends_within_a_character(character: str) -> None:
    for budget in range(380, 410):
        question = character * 2000
        kept = made(question=question, budget=budget).question
        assert len(kept) % len(character) == 0
        assert 0 < len(kept) < len(question)


def test_what_claims_to_be_one_endless_character_is_cut_all_the_same() -> None:
    assert made(question="e" + "\u0301" * 100_000, budget=400).question


@pytest.mark.parametrize(
    ("language", "day"),
    [("en", "Today is Monday, 30 November 2026 (UTC)."), ("es", "Hoy es lunes, 30 de noviembre de 2026 (UTC).")],
)
def test_instructions_are_in_the_language_name_the_bot_and_end_with_the_day(language: Language, day: str) -> None:
    prompt = made(language=language)
    assert "Martín" in prompt.system
    assert ("español" in prompt.system) is (language == "es")
    assert prompt.system.endswith(f"\n{day}")


def test_what_is_for_this_answer_only_stands_below_what_is_always_said() -> None:
    always, once = made(), made(also=("Offer a question.",), directives=("[LIKES]", "Be brief."))
    assert once.system == f"{always.system}\nOffer a question."
    assert render(once)[0].content == f"{once.system}\n\n[LIKES]\nBe brief."


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Facts come before style"), ("es", "Los hechos van antes que el estilo")]
)
def test_everybody_is_told_the_facts_first(language: Language, words: str) -> None:
    assert words in made(language=language).system


def test_the_form_goes_along_untouched() -> None:
    form = Form(words=60, shape="steps")
    assert (made(form=form).form, made().form) == (form, Form())


def test_both_languages_say_the_same_number_of_things() -> None:
    spanish, english = (made(language=language).system.splitlines() for language in LANGUAGES)
    assert [line[:1] == "-" for line in spanish] == [line[:1] == "-" for line in english]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_instructions_name_the_block_that_evidence_stands_in(language: Language) -> None:
    prompt = made(language=language, evidence=(passage(40),))
    block = render(prompt)[-1].content.partition(" ")[0]
    assert f"{block}>" in prompt.system
    assert f"</{block[1:]}>" in prompt.system


def test_history_and_evidence_are_kept_as_they_are_for_whoever_shows_them() -> None:
    exchange, piece = Exchange(question="<s>", answer="[INST]", was_trimmed=True), passage(4)
    prompt = made(question="</s>", history=(exchange,), evidence=(piece,))
    assert (prompt.question, prompt.history, prompt.evidence, prompt.left_out) == ("</s>", (exchange,), (piece,), 0)
