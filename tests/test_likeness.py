"""What a question is like: the right document among several, and the collection rather than everyday life."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lexical import Concept
from bot.likeness import Likeness, traits, widened
from bot.types import Language

POOL = ("how long does the swimming pool stay open", "when can I swim")
PRICE = ("how much is a ticket", "price of the swimming pool")
CAR = ("where do I leave my car", "parking")
SAID = st.lists(st.lists(st.text(alphabet="abc ?ñ", max_size=20), max_size=4), max_size=4)


def likeness(documents: Sequence[Sequence[str]], language: Language = "en") -> Likeness:
    return Likeness([[(text, 1.0) for text in document] for document in documents], language)


def best(question: str) -> int:
    scores = likeness([POOL, PRICE, CAR]).scores(traits(question, "en"))
    return max(scores, key=scores.__getitem__)


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("how long is the pool open", 0),
        ("how much is the pool", 1),
        ("prices", 1),
        ("swiming", 0),
        ("parkin my car", 2),
    ],
)
def test_the_document_that_answers_such_questions_comes_first(question: str, number: int) -> None:
    assert best(question) == number


def test_small_words_tell_questions_about_the_same_thing_apart() -> None:
    both = likeness([["how long is the pool"], ["how much is the pool"]])
    long, much = (both.scores(traits(f"how {word} does the pool", "en")) for word in ("long", "much"))
    assert long[0] > long[1]
    assert much[1] > much[0]


def test_a_word_that_nobody_has_lowers_every_score() -> None:
    index = likeness([POOL, PRICE, CAR])
    plain, strange = (index.scores(traits(question, "en")) for question in ("swimming pool", "swimming pool walrus"))
    assert all(strange[number] < plain[number] for number in plain)


def test_a_collection_knows_its_own_questions_from_everyday_ones() -> None:
    index = likeness([POOL, PRICE, CAR])
    own, other = (index.belonging(traits(line, "en")) for line in ("when can I swim", "how do I cook lentil soup"))
    assert own > 0 > other


def test_what_everyday_life_talks_about_belongs_to_a_collection_about_it() -> None:
    question = traits("how do I cook lentil soup", "en")
    cooking = likeness([["cook lentil soup", "how do I boil lentils", "recipe for soup"] * 30])
    assert cooking.belonging(question) > likeness([POOL]).belonging(question)


def test_related_words_help_only_where_the_word_itself_is_missing() -> None:
    known = Concept(1.0, (("pool", 1.0), ("bath", 0.5)))
    missing = Concept(1.0, (("bath", 0.5),))
    assert "bath" not in widened({"pool": 1.0}, [known])
    assert 0 < widened({"pool": 1.0}, [missing])["bath"] < 1


def test_an_empty_collection_is_like_nothing() -> None:
    assert likeness([]).scores(traits("when can I swim", "en")) == {}


@given(SAID, st.text(max_size=40), st.sampled_from(["es", "en"]))
def test_scores_are_shares_of_what_could_be(documents: list[list[str]], question: str, language: Language) -> None:
    index = likeness(documents, language)
    assert all(0 < score <= 1 + 1e-9 for score in index.scores(traits(question, language)).values())
    assert abs(index.belonging(traits(question, language))) < 100


@pytest.mark.parametrize("question", ["how do I paint a boat", "the boat the boat", "zzz qqq", "¿qué?", "paint"])
def test_no_score_exceeds_the_reach(question: str) -> None:
    likeness = Likeness([[("how to paint a boat", 1.0), ("boat paint", 0.5)], [("a house of stone", 1.0)]], "en")
    asked = traits(question, "en")
    assert max(likeness.scores(asked).values(), default=0.0) <= likeness.reach(asked) + 1e-9
