"""Topics are found in what people wrote, carry names that one can read, and are the same tomorrow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lexical import STOP_WORDS, fold
from learning.records import LANGUAGES, Collected, Language
from learning.topics import FEWEST_PEOPLE, FEWEST_ROWS, GENERAL, Topics, subject_of

SUBJECTS: Final[dict[Language, dict[str, str]]] = {
    "es": {
        "plants": "fotosíntesis clorofila hojas raíces semilla polen savia tallo pétalos abono maceta riego germinación",
        "space": "planetas órbita telescopio galaxia estrellas cometa astronauta eclipse satélite gravedad asteroide cohete",
        "cooking": "harina levadura horno receta azúcar mantequilla sartén masa bizcocho aceite cebolla tortilla hervir salsa",
        "law": "contrato alquiler fianza abogado demanda juzgado herencia testamento notario multa denuncia cláusula",
        "music": "guitarra acordes melodía piano ritmo partitura batería orquesta violín canción compás afinar solfeo",
        "money": "hipoteca intereses banco ahorro inflación impuestos bolsa acciones préstamo sueldo deuda presupuesto",
    },
    "en": {
        "plants": "photosynthesis chlorophyll leaves roots seed pollen sap stem petals fertiliser pot germination botany",
        "space": "planets orbit telescope galaxy stars comet astronaut eclipse satellite gravity asteroid rocket nebula",
        "cooking": "flour yeast oven recipe sugar butter pan dough cake oil onion omelette boiling sauce",
        "law": "contract tenancy deposit lawyer lawsuit court inheritance testament notary fine complaint clause landlord",
        "music": "guitar chords melody piano rhythm score drums orchestra violin song tempo tuning harmony",
        "money": "mortgage interest bank savings inflation taxes stocks shares loan salary debt budget investment",
    },
}
_ASK: Final[dict[Language, tuple[str, ...]]] = {
    "es": ("¿Qué relación hay entre {} y {} cuando falta {}?", "Explícame {} con {} y {}", "no entiendo {} ni {}, ¿y {}?"),
    "en": ("What have {} and {} to do with {}?", "Explain {} with {} and {} to me", "i do not get {} or {}, and {}?"),
}
_ANSWER: Final[dict[Language, str]] = {
    "es": "Para entender esto conviene empezar por {} y {}, y después ver {}.",
    "en": "To understand this it is best to begin with {} and {}, and then to look at {}.",
}


def talk(count: int, *, seed: int = 1, people: int = 40, languages: Sequence[Language] = LANGUAGES) -> list[Collected]:
    """Rows about the six subjects, in the order of their ids; `model` says which subject each is about."""
    pick = random.Random(seed)
    rows = []
    for number in range(count):
        language = languages[number % len(languages)]
        subject = pick.choice(list(SUBJECTS[language]))
        words = SUBJECTS[language][subject].split()
        rows.append(
            Collected(
                row=f"row{seed}-{number:06}",
                person=f"p{pick.randrange(people)}",
                thread=f"t{number}",
                asked_on="2026-11-20",
                channel="web",
                is_private=True,
                language=language,
                question=pick.choice(_ASK[language]).format(*pick.sample(words, 3)),
                answer=_ANSWER[language].format(*pick.sample(words, 3)),
                value=1,
                model=subject,
            )
        )
    return rows


def learned(rows: Sequence[Collected], previous: Topics | None = None) -> Topics:
    return Topics.learned(lambda: iter(rows), previous)


def assigned(topics: Topics, rows: Sequence[Collected]) -> list[str]:
    return [topics.topic_of(subject_of(row), row.language) for row in rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_about_the_same_subject_share_a_topic(language: Language) -> None:
    rows = talk(600, languages=(language,))
    names = assigned(learned(rows), rows)
    together = Counter(zip((row.model for row in rows), names, strict=True))
    purest = {subject: max(count for (of, _), count in together.items() if of == subject) for subject in SUBJECTS[language]}
    assert sum(purest.values()) >= 0.9 * len(rows)
    assert len({name for name in names if name != GENERAL}) >= len(SUBJECTS[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_topic_is_named_by_words_of_its_subject(language: Language) -> None:
    for name in learned(talk(600, languages=(language,))).names(language):
        words = name.split(", ")
        subjects = [subject for subject, listed in SUBJECTS[language].items() if set(words) & set(listed.split())]
        assert len(words) >= 3
        assert len(subjects) == 1, name
        assert not {fold(word) for word in words} & (STOP_WORDS["es"] | STOP_WORDS["en"])


def test_the_languages_have_topics_of_their_own() -> None:
    topics = learned(talk(800))
    assert not set(topics.names("es")) & set(topics.names("en"))
    assert topics.topic_of("fotosíntesis, clorofila y raíces", "es") in topics.names("es")
    assert topics.topic_of("photosynthesis, chlorophyll and roots", "en") in topics.names("en")


def test_a_text_about_nothing_known_is_general() -> None:
    topics = learned(talk(600))
    assert topics.topic_of("zzz qqq", "en") == topics.topic_of("", "es") == GENERAL


def test_too_few_rows_have_one_topic() -> None:
    rows = talk(FEWEST_ROWS - 1, languages=("es",))
    assert learned(rows).names("es") == ()
    assert set(assigned(learned(rows), rows)) == {GENERAL}
    assert learned(talk(FEWEST_ROWS * 2, languages=("es",))).names("es")
    assert set(assigned(Topics.none(), rows)) == {GENERAL}


def test_words_of_one_or_two_people_are_in_no_topic() -> None:
    rows = talk(400, languages=("en",), people=FEWEST_PEOPLE - 1)
    assert learned(rows).names("en") == ()
    secret = talk(400, languages=("en",))
    said = [saying(row, "Zaragozano", person="p1") for row in secret[:30]] + secret[30:]
    assert "zaragozan" not in learned(said).to_json().lower()
    widely = [saying(row, "Zaragozano", person=row.person) for row in secret[:30]] + secret[30:]
    assert "zaragozan" in learned(widely).to_json().lower()


def saying(row: Collected, word: str, *, person: str) -> Collected:
    return msgspec.structs.replace(row, person=person, question=f"{row.question} {word}")


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**16), count=st.integers(200, 700))
def test_the_same_rows_teach_nothing_new(seed: int, count: int) -> None:
    rows = talk(count, seed=seed)
    first = learned(rows)
    assert learned(rows).to_json() == first.to_json()
    assert learned(rows, Topics.from_json(first.to_json())).to_json() == first.to_json()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), count=st.integers(200, 700))
def test_a_tenth_more_rows_leave_the_topics_where_they_were(seed: int, count: int) -> None:
    rows = talk(count + count // 10, seed=seed)
    first = learned(rows[:count])
    later = learned(rows, first)
    before, after = assigned(first, rows[:count]), assigned(later, rows[:count])
    assert sum(one == other for one, other in zip(before, after, strict=True)) >= 0.9 * count
    assert set(later.names("en")) >= set(first.names("en"))


def test_names_stay_over_two_weeks_of_growth() -> None:
    rows = talk(1_500, languages=("en",))
    nights = [learned(rows[:150])]
    for size in range(250, 1_501, 250):
        nights.append(learned(rows[:size], nights[-1]))
    last = nights[-1].names("en")
    assert set(nights[2].names("en")) <= set(last)
    assert len(set(last)) == len(last)


def test_a_new_subject_becomes_a_topic_and_renames_none() -> None:
    old = [row for row in talk(900, languages=("en",)) if row.model != "money"]
    new = [row for row in talk(400, seed=2, languages=("en",)) if row.model == "money"]
    first = learned(old)
    later = learned(old + new, first)
    assert set(first.names("en")) <= set(later.names("en"))
    fresh = set(later.names("en")) - set(first.names("en"))
    assert Counter(name in fresh for name in assigned(later, new)).most_common(1)[0][0]


def test_a_subject_that_nobody_speaks_of_any_more_is_gone() -> None:
    rows = talk(900, languages=("en",))
    first = learned(rows)
    later = learned([row for row in rows if row.model != "law"], first)
    gone = first.topic_of("contract lawyer court clause", "en")
    assert gone in first.names("en")
    assert gone not in later.names("en")


def test_a_large_collection_is_learned_from_a_sample() -> None:
    rows = talk(12_500, languages=("en",))
    passes = 0

    def again() -> Iterator[Collected]:
        nonlocal passes
        passes += 1
        return iter(rows)

    topics = Topics.learned(again)
    assert passes == 2
    assert '"rows": 10000' in topics.to_json()


def test_what_was_saved_reads_back_and_nothing_else_does() -> None:
    rows = talk(600)
    topics = learned(rows)
    back = Topics.from_json(topics.to_json())
    assert back.to_json() == topics.to_json()
    assert assigned(back, rows) == assigned(topics, rows)
    for other in ("", "[]", '{"format": "martin-topics/9", "languages": {}}', '{"languages": {}}'):
        with pytest.raises(ValueError, match=r".+"):
            Topics.from_json(other)
