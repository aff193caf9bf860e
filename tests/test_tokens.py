"""An estimate of tokens is cheap, adds up, and is rather too high than too low."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tokens import MOST_CHARACTERS_PER_TOKEN, estimate_tokens

MEASURED = (
    (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia, "
        "deben comportarse fraternalmente los unos con los otros.",
        51,
        36,
    ),
    (
        "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
        "should act towards one another in a spirit of brotherhood.",
        34,
        33,
    ),
    (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και "
        "συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
        195,
        65,
    ),
    (
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
        105,
        45,
    ),
    ("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。", 44, 28),
    ("😀😃😄🎉👨‍👩‍👧‍👦❤️🔥👍🏽🇪🇸✨🤔🙏🎂🌍🚀", 58, 44),
    ('{"id": 10293, "values": [1.5, 2.75, 3.125], "name": "abc-def", "nested": {"x": null, "y": true}}' * 5, 260, 225),
)
"""Texts, with the most and the least tokens that the tokenizers of Mistral 7B, Llama 3 and Llama 4 made of them."""


@pytest.mark.parametrize(("text", "most", "least"), MEASURED)
def test_the_estimate_holds_for_old_vocabularies_and_stays_near_new_ones(text: str, most: int, least: int) -> None:
    assert most <= estimate_tokens(text) <= 3.5 * least


@given(st.text(), st.text())
def test_two_texts_are_never_more_together_than_each_for_itself(one: str, other: str) -> None:
    together = estimate_tokens(one + other)
    assert max(estimate_tokens(one), estimate_tokens(other)) <= together <= estimate_tokens(one) + estimate_tokens(other)


@given(st.text())
def test_no_character_is_for_nothing(text: str) -> None:
    assert len(text) <= MOST_CHARACTERS_PER_TOKEN * estimate_tokens(text)


def test_nothing_is_no_token_and_half_a_pair_of_surrogates_is_counted() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("\ud800") > 0
