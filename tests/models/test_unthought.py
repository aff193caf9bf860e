"""Reasoning at the beginning of an answer is dropped, however its text is cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.unthought import Unthought

CASES = [
    ("Hello.", "Hello."),
    ("", ""),
    ("  \n", "  \n"),
    ("\n Hello.", "\n Hello."),
    ("<think>Let me see.</think>Hello.", "Hello."),
    ("<think>Let me see.</think>\n\nHello.\n", "Hello.\n"),
    ("\n <think>\n\n</think>\n\nHello.", "Hello."),
    ("<thinking>a < b, </think> is no end</thinking> Hello.", "Hello."),
    ("<think>one</think>\n<think>two</think>\nHello.", "Hello."),
    ("<think>nested <think> tags</think>Hello.", "Hello."),
    ("<think>never closed", ""),
    ("<think>never closed</thin", ""),
    ("<think>only thought</think>\n\n", ""),
    ("<thi", "<thi"),
    ("<think", "<think"),
    ("  <p>Hello.</p>", "  <p>Hello.</p>"),
    ("<thinker>Hello.</thinker>", "<thinker>Hello.</thinker>"),
    ("The tag <think>x</think> is text here.", "The tag <think>x</think> is text here."),
    ("<think>a</think>Write <think>b</think> so.", "Write <think>b</think> so."),
    ("</think>Hello.", "Hello."),
    ("\n\n</think>\n\nHello.", "Hello."),
    ("</thi", "</thi"),
    ("I say.</think>Hello.", "I say.</think>Hello."),
    ("<think>a</think></think>Hello.", "</think>Hello."),
]
UNOPENED = [
    ("Let me see.</think>\n\nHello.", "Hello."),
    ("Let me see.</thinking>Hello </think>.", "Hello </think>."),
    ("<think>Let me see.</think>Hello.", "Hello."),
    ("</think>Hello.", "Hello."),
    ("No thought at all.\n", "No thought at all.\n"),
    ("one</think><think>two</think>Hello.", "Hello."),
    ("", ""),
]


def shown(pieces: Sequence[str], *, is_inside: bool = False) -> str:
    unthought = Unthought(is_inside=is_inside)
    return "".join([unthought.take(piece) for piece in pieces]) + unthought.end()


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_what_is_left_is_the_answer(text: str, answer: str) -> None:
    assert shown([text]) == answer


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_letter_by_letter_it_is_the_same(text: str, answer: str) -> None:
    assert shown(list(text)) == answer


@pytest.mark.parametrize(("text", "answer"), UNOPENED)
def test_where_no_opening_tag_is_sent_all_before_the_closing_one_is_dropped(text: str, answer: str) -> None:
    assert shown([text], is_inside=True) == answer
    assert shown(list(text), is_inside=True) == answer


def test_reasoning_without_an_opening_tag_that_was_cut_off_is_not_shown() -> None:
    unthought = Unthought(is_inside=True)
    assert unthought.take("Let me see. She says") == ""
    assert unthought.is_thinking
    assert unthought.end(is_whole=False) == ""
    assert unthought.was_unopened


@pytest.mark.parametrize(
    ("text", "was_unopened"),
    [
        ("Let me see.</think>Hello.", True),
        ("</think>Hello.", True),
        ("<think>Let me see.</think>Hello.", False),
        ("Write <think>b</think> so.", False),
        ("Hello.", False),
    ],
)
def test_it_tells_whether_a_block_was_closed_that_was_never_opened(text: str, was_unopened: bool) -> None:
    for pieces in ([text], list(text)):
        unthought = Unthought()
        for piece in pieces:
            unthought.take(piece)
        assert unthought.was_unopened is was_unopened


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "<th", "k>", " ", "\n", "a", "<", "ñ"])),
    st.data(),
    st.booleans(),
)
def test_the_pieces_change_nothing(parts: list[str], data: st.DataObject, is_inside: bool) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert shown(pieces, is_inside=is_inside) == shown([text], is_inside=is_inside)


def test_text_is_let_go_as_soon_as_it_can_be_no_tag() -> None:
    unthought = Unthought()
    assert unthought.take(" <t") == ""
    assert unthought.take("able>") == " <table>"
    assert unthought.take("<think>") == "<think>"


def test_it_tells_whether_the_model_is_reasoning() -> None:
    unthought = Unthought()
    states = []
    for piece in ("<thi", "nk>", "hm", "</think", ">", " Yes."):
        unthought.take(piece)
        states.append(unthought.is_thinking)
    assert states == [False, True, True, True, False, False]


def test_long_reasoning_is_not_kept() -> None:
    unthought = Unthought()
    unthought.take("<think>")
    for _ in range(1000):
        unthought.take("and so on, " * 10)
    assert len(unthought._held) < 20
    assert unthought.take("</think>Done.") == "Done."
