"""The right memories come first, in either language, whatever the order they came in, and nothing comes where nothing fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lexical import stem
from bot.memory_types import BOT, SELF, MemoryKind, NewMemory, Origin
from bot.types import Language
from profiles.days import asks_when, days_meant, tells_when
from profiles.everyday import translations
from profiles.ranking import Book, Ranked, dense_query, memory_stems, rank
from profiles.yardstick import LETTERS, Floats, Yardstick
from tests.effort import effort

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
"""A Wednesday."""
AXES = ("animals", "travel", "music", "nothing")
YARDSTICK = Yardstick(commonplaces={"en": np.eye(4, dtype=np.float32)[3:], "es": np.eye(4, dtype=np.float32)[3:]})


def memory(
    text: str,
    *,
    by: str = SELF,
    days_ago: float = 30,
    session: str = "s",
    position: int = 0,
    kind: MemoryKind = MemoryKind.EPISODE,
    language: str = "",
) -> NewMemory:
    return NewMemory(
        kind=kind,
        text=text,
        said_by=by,
        said_at=NOW - timedelta(days=days_ago),
        session=session,
        position=position,
        origin=Origin.SAID,
        sources=(),
        language=language,
    )


def about(subject: str) -> Floats:
    """A vector that means one of the subjects."""
    vector: Floats = np.eye(4, dtype=np.float32)[AXES.index(subject)]
    return vector


def book_of(memories: Iterable[tuple[str, NewMemory]]) -> Book:
    book = Book(YARDSTICK)
    for id, what in memories:
        book.add(id, what)
    return book


def ids(found: Sequence[Ranked]) -> list[str]:
    return [one.id for one in found]


def ask(book: Book, question: str, *, language: Language = "en", vector: Floats | None = None, limit: int = 10) -> list[str]:
    return ids(rank(book, question, language=language, now=NOW, vector=vector, limit=limit))


TALK = {
    "trip": memory("We flew to Lisbon and slept in a tiny hotel", session="a", position=0),
    "hotel": memory("The breakfast there was wonderful", session="a", position=1),
    "dog": memory("My dog Bruno chased the postman again", session="b", position=0),
    "guitar": memory("I practise the guitar every evening", session="c", position=0),
    "perro": memory("A mi perro le encanta la playa", session="d", position=0, language="es"),
    "sopa": memory("Ayer cociné una sopa de lentejas", session="e", position=0, language="es"),
}


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("Which hotel did we sleep in?", "en", "trip"),
        ("who chased the postman", "en", "dog"),
        ("Do you remember that I am practising the guitar?", "en", "guitar"),
        ("¿Qué le encanta a mi perro?", "es", "perro"),
        ("¿Qué sopas he cocinado?", "es", "sopa"),
    ],
)
def test_the_memory_with_the_words_of_the_question_comes_first(question: str, language: Language, expected: str) -> None:
    assert ask(book_of(TALK.items()), question, language=language)[0] == expected


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    "question", ["What is the boiling point of tungsten?", "¿Quién pintó la Gioconda?", "¿…?", "", "the of and", "🙂"]
)
def test_a_question_about_nothing_that_was_said_recalls_nothing(question: str, language: Language) -> None:
    assert ask(book_of(TALK.items()), question, language=language) == []


def test_an_empty_book_recalls_nothing_and_a_limit_of_none_neither() -> None:
    assert ask(Book(), "guitar") == []
    assert ask(book_of(TALK.items()), "guitar", limit=0) == []


def test_one_memory_alone_is_found_by_its_words_only() -> None:
    book = book_of([("only", memory("I practise the guitar every evening"))])
    assert ask(book, "Do I practise the guitar?") == ["only"]
    assert ask(book, "How tall is the Eiffel tower?") == []


def test_meaning_finds_what_no_word_does() -> None:
    book = book_of(TALK.items())
    book.attach("dog", about("animals"))
    book.attach("trip", about("travel"))
    assert ask(book, "Have I any pets?") == []
    assert ask(book, "Have I any pets?", vector=about("animals"))[0] == "dog"
    assert ask(book, "Have I any pets?", vector=about("nothing")) == []


def test_meaning_decides_between_equal_words_and_letters_count_less_than_words() -> None:
    same = {"a": memory("The concert was long", session="1"), "b": memory("The concert was long", session="2")}
    for winner in same:
        book = book_of(same.items())
        book.attach(winner, about("music"))
        assert ask(book, "concert", vector=about("music"))[0] == winner
    book = Book(Yardstick(commonplaces=YARDSTICK.commonplaces, weight=LETTERS))
    book.add("words", memory("The concert in the park", session="1"), vector=about("nothing"))
    book.add("letters", memory("Something else", session="2"), vector=about("music"))
    assert ask(book, "Was the concert in the park?", vector=about("music"))[0] == "words"


def test_the_answer_beside_the_question_comes_with_it_but_not_over_the_end_of_a_session() -> None:
    talk = [
        ("asked", memory("Where will the wedding be?", by="Ana", session="1", position=4)),
        ("answer", memory("On a boat!", by="Luis", session="1", position=5)),
        ("elsewhere", memory("On a boat!", by="Luis", session="2", position=6)),
    ]
    assert ask(book_of(talk), "wedding") == ["asked", "answer"]


def test_a_fact_between_two_turns_does_not_part_them() -> None:
    talk = [
        ("asked", memory("Where will the wedding be?", position=1)),
        ("fact", memory("Likes pancakes", position=1, kind=MemoryKind.FACT)),
        ("answer", memory("On a boat!", position=2)),
    ]
    assert set(ask(book_of(talk), "wedding")) == {"asked", "answer"}


def test_the_session_that_is_about_it_comes_before_a_chance_mention() -> None:
    about_it = [
        (f"s{number}", memory(f"Number {number} of the chess match", session="1", position=2 * number)) for number in range(4)
    ]
    chance = ("chance", memory("Number nine of the chess match", session="2"))
    other = [(f"o{number}", memory("Such nice weather", session="2", position=number + 1)) for number in range(4)]
    found = ask(book_of([*about_it, chance, *other]), "chess match number")
    assert set(found[:4]) == {"s0", "s1", "s2", "s3"}


@pytest.mark.parametrize(
    ("question", "language", "speaker"),
    [
        ("What does Ana think about the museum?", "en", "Ana"),
        ("¿Qué piensa Luis del museo?", "es", "Luis"),
        ("What did I say about the museum?", "en", SELF),
        ("¿Qué he dicho yo del museo?", "es", SELF),
        ("What did you say about the museum?", "en", BOT),
        ("¿Qué dijiste del museo?", "es", BOT),
    ],
)
def test_what_was_said_by_whom_the_question_names_comes_first(question: str, language: Language, speaker: str) -> None:
    said: dict[Language, str] = {"en": "The museum was worth seeing", "es": "El museo valió la pena"}
    talk = [(by, memory(said[language], by=by, session=by, language=language)) for by in ("Ana", "Luis", SELF, BOT)]
    assert ask(book_of(talk), question, language=language)[0] == speaker


@pytest.mark.parametrize(("question", "first"), [("the picnic last month", "may"), ("the picnic in March 2026", "march")])
def test_the_days_that_a_question_means_decide(question: str, first: str) -> None:
    talk = [
        ("march", memory("The picnic was fun", session="1", days_ago=90)),
        ("may", memory("The picnic was fun", session="2", days_ago=25)),
        ("june", memory("The picnic was fun", session="3", days_ago=1)),
    ]
    assert ask(book_of(talk), question)[0] == first


def test_a_question_for_a_time_prefers_what_tells_one() -> None:
    talk = [
        ("plain", memory("Moved the old piano upstairs", session="1", days_ago=29)),
        ("told", memory("Moved the old piano yesterday", session="2", days_ago=30)),
    ]
    assert ask(book_of(talk), "When was the old piano moved?")[0] == "told"


def test_a_fact_comes_before_small_talk_and_the_newer_of_two_equals_first() -> None:
    talk = [
        ("old", memory("Plays the violin", session="1", days_ago=400)),
        ("new", memory("Plays the violin", session="2", days_ago=2)),
        ("fact", memory("Plays the violin", session="3", days_ago=400, kind=MemoryKind.FACT)),
    ]
    assert ask(book_of(talk), "violin") == ["fact", "new", "old"]


def test_a_spanish_question_finds_an_english_memory_where_the_word_is_known() -> None:
    assert ask(book_of([("en", memory("I lost the password", language="en"))]), "¿Perdí la contraseña?", language="es") == [
        "en"
    ]


WORDS = "casa perro viaje music guitar Lisbon work café mañana 2023 doctor sister Ana run running the of que"
texts = st.lists(st.sampled_from(WORDS.split()), max_size=8).map(" ".join)
memories = st.lists(
    st.tuples(
        texts,
        st.sampled_from([SELF, BOT, "Ana", "Luis"]),
        st.sampled_from(["", "1", "2"]),
        st.integers(0, 5),
        st.integers(0, 900),
        st.sampled_from(list(MemoryKind)),
        st.one_of(st.none(), st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4)),
    ),
    min_size=1,
    max_size=25,
)
Drawn = tuple[str, str, str, int, int, MemoryKind, list[float] | None]


def unit(numbers: list[float] | None) -> Floats | None:
    if numbers is None or not any(numbers):
        return None
    vector = np.array(numbers, np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def put(book: Book, number: int, drawn: Drawn) -> None:
    text, by, session, position, days_ago, kind, vector = drawn
    what = memory(text, by=by, session=session, position=position, days_ago=days_ago, kind=kind)
    book.add(f"m{number}", what, vector=unit(vector))


def found_in(book: Book, question: str) -> list[tuple[str, float]]:
    found = rank(book, question, language="es", now=NOW, vector=about("music"), limit=50)
    return [(one.id, round(one.score, 3)) for one in found]


@given(memories, texts, st.randoms(use_true_random=False))
def test_the_order_of_adding_changes_nothing(drawn: list[Drawn], question: str, random: object) -> None:
    forward, backward, searched = Book(YARDSTICK), Book(YARDSTICK), Book(YARDSTICK)
    for number, one in enumerate(drawn):
        put(forward, number, one)
        put(searched, number, one)
        found_in(searched, question)
    for number, one in reversed(list(enumerate(drawn))):
        put(backward, number, one)
    assert found_in(forward, question) == found_in(backward, question)
    assert found_in(forward, question) == found_in(searched, question)


@given(memories, texts, st.data())
def test_a_forgotten_memory_is_as_if_it_had_never_been(drawn: list[Drawn], question: str, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(drawn) - 1)))
    book, never = Book(YARDSTICK), Book(YARDSTICK)
    for number, one in enumerate(drawn):
        put(book, number, one)
        if number not in gone:
            put(never, number, one)
    for number in gone:
        book.remove(f"m{number}")
        assert f"m{number}" not in book
    assert len(book) == len(never)
    assert book.names == never.names
    assert found_in(never, question) == found_in(book, question)


@given(memories, texts, st.integers(1, 30))
def test_scores_fall_from_at_most_one_and_no_memory_comes_twice(drawn: list[Drawn], question: str, limit: int) -> None:
    book = Book(YARDSTICK)
    for number, one in enumerate(drawn):
        put(book, number, one)
    found = rank(book, question, language="en", now=NOW, vector=about("travel"), limit=limit)
    scores = [one.score for one in found]
    assert all(0 < score <= 1 for score in scores)
    assert all(earlier >= later - 1e-5 for earlier, later in pairwise(scores))
    assert len(found) <= limit
    assert len(set(ids(found))) == len(found)
    everything = rank(book, question, language="en", now=NOW, vector=about("travel"), limit=100)
    assert found == everything[:limit], "fewer of them are the same first ones, by the same scores"


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["en", "es"]))
@settings(deadline=None)
def test_no_text_is_too_odd(said: str, question: str, language: Language) -> None:
    book = book_of([("odd", memory(said, by=said[:20] or "x", session=said))])
    assert set(ask(book, question, language=language)) <= {"odd"}
    assert set(ask(book, said, language=language)) <= {"odd"}
    dense_query(question, [said, question])
    book.remove("odd")
    assert ask(book, said, language=language) == []


def test_a_vector_of_another_length_is_refused_in_a_memory_and_ignored_in_a_question() -> None:
    book = book_of(TALK.items())
    book.attach("dog", about("animals"))
    with pytest.raises(ValueError, match="expected a vector of shape"):
        book.attach("trip", np.ones(3, np.float32))
    with pytest.raises(KeyError):
        book.attach("unknown", about("animals"))
    assert ask(book, "the postman", vector=np.ones(3, np.float32)) == ask(book, "the postman")


def test_a_vector_that_is_no_number_does_no_harm() -> None:
    book = book_of(TALK.items())
    book.attach("trip", np.full(4, np.nan, np.float32))
    assert ask(book, "who chased the postman", vector=about("animals"))[0] == "dog"


def test_a_memory_that_is_there_stays() -> None:
    book = book_of(TALK.items())
    book.add("dog", memory("Something about volcanoes"))
    assert ask(book, "volcanoes") == []
    assert len(book) == len(TALK)


def test_stems_may_be_given_and_are_those_of_the_text() -> None:
    book = Book()
    book.add("given", memory("whatever"), stems=memory_stems("Mis hermanas viven en Lima", "es"))
    assert ask(book, "¿Dónde vive mi hermana?", language="es") == ["given"]
    assert memory_stems("Mis hermanas viven en Lima") == memory_stems("Mis hermanas viven en Lima", "es")


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("What is Ana's dog called?", ["Ana"], "What is dog called?"),
        ("¿Cuándo viajó ANA MARÍA a Lima?", ["Ana María", "Luis"], "¿Cuándo viajó a Lima?"),
        ("Does Anabel know Ana?", ["Ana"], "Does Anabel know ?"),
        ("Ana?", ["Ana"], "Ana?"),
        ("Where is it (or not)?", ["(or", "a.*"], "Where is it not)?"),
        ("Where is it?", [], "Where is it?"),
    ],
)
def test_the_dense_query_is_the_question_without_names(text: str, names: list[str], expected: str) -> None:
    assert dense_query(text, names) == expected


TODAY = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("what did I do yesterday?", "2026-06-09", "2026-06-09"),
        ("¿qué hice anteayer?", "2026-06-08", "2026-06-08"),
        ("hoy", "2026-06-10", "2026-06-10"),
        ("two weeks ago", "2026-05-25", "2026-05-29"),
        ("hace tres días", "2026-06-07", "2026-06-07"),
        ("last week", "2026-06-01", "2026-06-07"),
        ("el mes pasado", "2026-05-01", "2026-05-31"),
        ("este año", "2026-01-01", "2026-06-10"),
        ("on Monday", "2026-06-08", "2026-06-08"),
        ("el miércoles", "2026-06-03", "2026-06-03"),
        ("in May 2023", "2023-05-01", "2023-05-31"),
        ("en diciembre", "2025-12-01", "2025-12-31"),
        ("8 May, 2023", "2023-05-08", "2023-05-08"),
        ("el 8 de mayo de 2023", "2023-05-08", "2023-05-08"),
        ("May 8th", "2026-05-08", "2026-05-08"),
        ("on 2024-02-29", "2024-02-29", "2024-02-29"),
        ("during 2022", "2022-01-01", "2022-12-31"),
    ],
)
def test_words_of_time_mean_days(text: str, first: str, last: str) -> None:
    assert days_meant(text, TODAY) == ((date.fromisoformat(first), date.fromisoformat(last)),)


@pytest.mark.parametrize(
    "text", ["may I march on?", "31 June 2023", "2023-02-30", "999 years ago, and 9999 more", "un domingo", ""]
)
def test_other_words_mean_no_days(text: str) -> None:
    assert [span for span in days_meant(text, TODAY) if span[0] > TODAY or span[0].year > 1900] == []


@given(st.text(max_size=200), st.dates())
def test_days_are_in_order_whatever_is_asked(text: str, today: date) -> None:
    assert all(first <= last for first, last in days_meant(f"{text} last month {text} in May 12 days ago", today))


def test_what_asks_for_a_time_and_what_tells_one() -> None:
    assert all(asks_when(text) for text in ("When did it rain?", "¿Cuándo llovió?", "how long", "¿En qué año?"))
    assert not any(asks_when(text) for text in ("Where?", "¿Qué comiste?"))
    assert all(tells_when(text) for text in ("We met last week", "Nos vimos el sábado", "at 7", "en mayo"))
    assert not any(tells_when(text) for text in ("I like tea", "Me gusta el té", "it may rain"))


def test_ten_thousand_memories_are_searched_and_added_to_in_milliseconds() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.standard_normal((10_001, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = [f"word{number}" for number in range(5_000)]
    stems = [[words[place] for place in generator.integers(0, 5_000, 12)] for _ in range(10_001)]
    whats = [memory("a text", session=str(number // 25), position=number % 25) for number in range(10_001)]
    book, new = Book(), count()

    def fill() -> None:
        for number in range(10_000):
            book.add(str(number), whats[number], stems=stems[number], vector=vectors[number])

    def add() -> None:
        book.add(f"new{next(new)}", whats[10_000], stems=stems[10_000], vector=vectors[10_000])

    opening = effort(fill, rounds=1)
    question = " ".join(stems[77][:6])
    search = partial(rank, book, question, language="en", now=NOW, vector=vectors[77])
    assert ids(search())[0] == "77"
    searching, adding = [], []
    for _ in range(5):
        searching.append(effort(search, rounds=1))
        adding.append(effort(add, rounds=1))
        book.layout()
    # Three times the aims of the issue (300, 5 and 1 ms).
    assert opening < 900
    assert min(searching) < 15
    assert min(adding) < 3
    assert 10_000 * (64 * 4 + 100) < book.nbytes < 30_000_000


@pytest.mark.parametrize(
    ("said", "question", "language"),
    [
        ("Mi hermana vive en Lima", "Where does my sister live?", "en"),
        ("Soy alérgica a los mariscos", "What am I allergic to?", "en"),
        ("My dog is afraid of thunder", "¿De qué tiene miedo mi perro?", "es"),
        ("I play the drums in a band", "¿Toco la batería en una banda?", "es"),
    ],
)
def test_everyday_words_find_what_was_said_in_the_other_language(said: str, question: str, language: Language) -> None:
    assert ask(book_of([("said", memory(said)), *TALK.items()]), question, language=language)[0] == "said"


def test_translations_go_both_ways_and_an_unknown_word_has_none() -> None:
    assert stem("sister", "en") in translations("hermana", "es")
    assert stem("hermana", "es") in translations("sister", "en")
    assert stem("password", "en") in translations("contraseña", "es")
    assert translations("xyzzy", "en") == frozenset()


def test_one_shared_word_of_many_is_not_enough_unless_somebody_who_takes_part_is_named() -> None:
    talk = [("gig", memory("Bought a guitar at the market", by="Ana")), *TALK.items()]
    assert ask(book_of(talk), "Which guitar did Jimi Hendrix burn at Monterey?") == []
    assert ask(book_of(talk), "Which guitar did Ana burn at Monterey?")[0] == "gig"


def test_a_faint_likeness_counts_less_among_many_memories() -> None:
    faint = np.array([0.45, 0, 0, 0.893], np.float32)
    book = Book(YARDSTICK)
    book.add("near", memory("Something"), vector=faint)
    assert ask(book, "Any pets?", vector=about("animals")) == ["near"]
    for number in range(300):
        book.add(f"far{number}", memory("Other things", session=str(number)), vector=about("travel"))
    assert ask(book, "Any pets?", vector=about("animals")) == []


def test_of_two_neighbours_the_one_that_says_something_comes_first() -> None:
    talk = [
        ("cry", memory("Oh wow!", position=1)),
        ("asked", memory("Where will the wedding be?", position=2)),
        ("said", memory("My uncle keeps a boat in the old harbour", position=3, days_ago=31)),
    ]
    assert ask(book_of(talk), "wedding") == ["asked", "said", "cry"]


def test_a_session_about_the_question_speaks_for_all_that_was_said_in_it() -> None:
    lines = ("The chess club", "Hm", "Fine", "The match was long")
    chess = [(f"chess{place}", memory(line, session="1", position=place)) for place, line in enumerate(lines)]
    tennis = [
        (f"tennis{place}", memory(line, session="2", position=place, days_ago=1)) for place, line in enumerate(lines[1:], 1)
    ]
    found = ask(book_of([*chess, *tennis]), "the chess match")
    assert found.index("chess3") < found.index("tennis3")


def test_of_two_the_newer_has_a_little_more() -> None:
    talk = [(f"{days}", memory("Plays the violin", session=f"{days}", days_ago=days)) for days in (1, 300)]
    new, old = rank(book_of(talk), "violin", language="en", now=NOW)
    assert (new.id, old.id) == ("1", "300")
    assert 0 < old.score < new.score
    assert new.parts["recency"] > old.parts["recency"]
