"""What people say becomes facts only where they state it of themselves and theirs, with dates that last and in any spelling."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.memory_types import MemoryKind
from bot.types import LANGUAGES, Language
from profiles.facts.clauses import LONGEST, fold_evenly
from profiles.facts.extract import MOST_FACTS, extract, told
from profiles.facts.slots import canonical, is_single, reading
from profiles.facts.told_dates import find_date

SAID_AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""


def drawn(text: str, language: Language) -> dict[str, str]:
    return {fact.slot: fact.text for fact in extract(text, language, said_at=SAID_AT)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Me llamo Nayeli Quispe y tengo 23 años", {"name": "Se llama Nayeli Quispe.", "age": "Tiene 23 años."}),
        ("bibo en lima", {"home": "Vive en lima."}),
        ("soy médica y trabajo en un hospital", {"job": "Es médica.", "workplace": "Trabaja en un hospital."}),
        ("me encantan los gatos y el té", {"likes:cat": "Le gustan los gatos.", "likes:tea": "Le gusta el té."}),
        ("El café no me gusta", {"likes:coffee": "No le gusta el café."}),
        ("ya no me gusta el café", {"likes:coffee": "Ya no le gusta el café."}),
        ("Prefiero la playa a la montaña", {"prefers:beach+mountain": "Prefiere la playa a la montaña."}),
        ("Soy alérgica al polen y a los mariscos", {
            "allergy:pollen": "Tiene alergia al polen.", "allergy:seafood": "Tiene alergia a los mariscos.",
        }),
        ("ya no soy vegano", {"diet": "Ya no es vegano."}),
        ("no como cerdo", {"eats:pork": "No come cerdo."}),
        ("me dicen Chema", {"called": "Prefiere que le llamen Chema."}),
        ("no me hables de fútbol, porfa", {"dont:football": "Pide: «no me hables de fútbol»."}),
        ("tengo un perro que se llama rocky", {"pet:dog:rocky": "Su perro se llama Rocky."}),
        ("Se murió mi perro Toby", {"pet:dog:toby": "Su perro Toby murió."}),
        ("mi padre es carpintero y vive en Loja", {
            "father:job": "Su padre es carpintero.", "father:home": "Su padre vive en Loja.",
        }),
        ("a mi madre le encanta el pescado", {"mother:likes:fish": "A su madre le gusta el pescado."}),
        ("hablo quechua y algo de inglés", {"language:quechua": "Habla quechua.", "language:english": "Habla inglés."}),
        ("Vendí mi moto", {"owns:motorcycle": "Ya no tiene moto."}),
        ("tengo asma", {"health:asthma": "Tiene asma."}),
        ("No vivo en Madrid", {"home": "No vive en Madrid."}),
    ],
)  # fmt: skip
def test_what_somebody_says_in_spanish_becomes_a_sentence_in_a_slot(text: str, expected: dict[str, str]) -> None:
    assert drawn(text, "es") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hey im tunde", {}),
        ("hi, my name's Tunde and I'm 29", {"name": "Is called Tunde.", "age": "Is 29 years old."}),
        ("I live in Perth, Australia since 2012", {"home": "Lives in Perth, Australia."}),
        ("I've got two dogs, Biscuit and Tango, and a tortoise called Speedy", {
            "pet:dog:biscuit": "Their dog is called Biscuit.",
            "pet:dog:tango": "Their dog is called Tango.",
            "pet:tortoise:speedy": "Their tortoise is called Speedy.",
        }),
        ("I love hiking, old maps and strong tea", {
            "likes:hiking": "Likes hiking.", "likes:old-map": "Likes old maps.", "likes:strong-tea": "Likes strong tea.",
        }),
        ("im deaf so no calls pls", {"health:deafness": "Is deaf."}),
        ("my favorite colour is teal", {"favourite:colour": "Their favourite colour is teal."}),
        ("I no longer work at Asda", {"workplace": "No longer works at Asda."}),
        ("I'm not vegan anymore", {"diet": "No longer is vegan."}),
        ("She said I'm a nurse but actually I'm a midwife", {"job": "Is a midwife."}),
        ("My partner Sam's a vegan", {
            "partner:name": "Their partner is called Sam.", "partner:diet": "Their partner Sam is vegan.",
        }),
        ("my kids are called Ann and Luke", {
            "child:ann": "Their kid is called Ann.", "child:luke": "Their kid is called Luke.",
        }),
        ("I like tea more than coffee", {"prefers:coffee+tea": "Prefers tea to coffee."}),
        ("don't call me Bobby", {"dont:call-bobby": "Asks: “don't call me Bobby”."}),
        ("I don't have a car anymore", {"owns:car": "No longer has a car."}),
        ("I was born on 4 July 1990 in Utah", {"birthday": "Has a birthday on 4 July 1990."}),
        ("I'm vegan, what can I eat?", {"diet": "Is vegan."}),
    ],
)  # fmt: skip
def test_what_somebody_says_in_english_becomes_a_sentence_in_a_slot(text: str, expected: dict[str, str]) -> None:
    assert drawn(text, "en") == expected


NOTHING: dict[Language, str] = {
    "es": """
        ¿Vivo en Lima?
        Si viviera en Montevideo tomaría mate
        si tengo alergia al gluten puedo comer avena
        Mi vecina dice que vive en un palacio
        el profe preguntó y Ana dijo: soy de Lugo
        traduce: me llamo Pedro y soy panadero
        ¿Cómo se dice «vivo en Berlín» en alemán?
        Imagina que soy médico y vivo en Roma.
        soy millonario y tengo tres yates jaja es broma
        Sí, claro, me encanta madrugar
        No creo que me guste el sushi
        ojalá viviera en Roma
        me gusta eso
        me encantas
        prefiero no decirlo
        soy alérgico a los lunes
        soy de letras
        tengo 20 minutos
        tengo hambre
        vivo en las nubes
        vivo con miedo
        trabajo como loca
        soy un desastre
        quiero ser médico
        cuando vivía en Dublín tomaba cerveza
        a mi vecino le gusta el té
        dime la verdad""",
    "en": """
        do you know where I live
        Do I live in Lima?
        If I lived in Tokyo I'd eat ramen
        what if I said I have a dog
        My boss said "I live for this job"
        everyone thinks I'm Spanish
        Someone wrote: I live in Rome
        Translate into French: I have a horse
        roleplay time: I'm a captain and I have a parrot named Boom
        Suppose I have asthma
        oh great, I just love when my train is late
        I'm a doctor, just kidding
        I used to live in Leeds
        I'd love to live in Lisbon
        I like that
        I love you
        I hate it here
        I like your answer
        I'm 30 minutes late
        I'm a bit lost
        I live in fear of spiders
        I work hard
        I'm allergic to mondays
        call me later
        Call me Ishmael is a great opening line
        my sister's dog is called Max
        my neighbour lives in Rome
        I have a question""",
}


@pytest.mark.parametrize(
    ("language", "line"),
    [(language, line.strip()) for language in LANGUAGES for line in NOTHING[language].strip().splitlines()],
)
def test_nothing_is_taken_from_questions_suppositions_stories_jokes_and_other_people(language: Language, line: str) -> None:
    assert drawn(line, language) == {}


@pytest.mark.parametrize(
    ("language", "text", "slot", "expected"),
    [
        ("es", "mañana tengo dentista", "plan:dentist", "Tiene dentista el 5 de marzo de 2026."),
        ("es", "el viernes viajo a Bogotá", "plan:trip:bogota", "Viaja a Bogotá el 6 de marzo de 2026."),
        ("es", "En tres días me mudo a Lugo con mi tía", "plan:move:lugo", "Se muda a Lugo con su tía el 7 de marzo de 2026."),
        ("es", "mi boda se pasó al 3 de octubre", "plan:wedding", "Su boda es el 3 de octubre de 2026."),
        ("es", "me operan el 2 de enero", "plan:surgery", "Le operan el 2 de enero de 2027."),
        ("es", "mañana es mi cumpleaños", "birthday", "Cumple años el 5 de marzo."),
        ("en", "next Thursday I fly to Accra", "plan:trip:accra", "Flies to Accra on 12 March 2026."),
        ("en", "My exam is on June 12", "plan:exam", "Their exam is on 12 June 2026."),
        ("en", "we're moving to Gdańsk next month", "plan:move:gdansk", "Is moving to Gdańsk in April 2026."),
        ("en", "this weekend I'm going to Kent", "plan:trip:kent", "Is going to Kent on the weekend of 7 March 2026."),
    ],
)  # fmt: skip
def test_a_plan_is_kept_with_the_day_it_was_meant_for(language: Language, text: str, slot: str, expected: str) -> None:
    assert drawn(text, language).get(slot) == expected


@pytest.mark.parametrize(
    "text", ["yesterday I had an exam", "I have an exam", "last Monday I start", "on June 31 I fly to Rome"]
)
def test_no_plan_without_a_day_to_come(text: str) -> None:
    assert drawn(text, "en") == {}


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("es", "hoy", "el 4 de marzo de 2026"),
        ("es", "el miercoles", "el 11 de marzo de 2026"),
        ("es", "el lunes pasado", "el 2 de marzo de 2026"),
        ("es", "la semana que viene", "la semana del 9 de marzo de 2026"),
        ("es", "en diciembre", "en diciembre de 2026"),
        ("es", "en febrero", "en febrero de 2027"),
        ("en", "the day after tomorrow", "on 6 March 2026"),
        ("en", "in two weeks", "on 18 March 2026"),
        ("en", "on 1 january", "on 1 January 2027"),
        ("en", "next year", "in 2027"),
    ],
)
def test_a_day_told_in_passing_gets_its_date(language: Language, said: str, expected: str) -> None:
    found = find_date(said, language, SAID_AT.date())
    assert found is not None
    assert found.text == expected


def test_a_date_that_does_not_exist_is_none() -> None:
    assert find_date("el 31 de junio", "es", date(2026, 3, 4)) is None


def test_a_message_gives_at_most_twelve_facts() -> None:
    many = "".join(f"I speak Welsh and I like stuff{number}. " for number in range(40))
    assert len(extract(many, "en", said_at=SAID_AT)) == MOST_FACTS


def test_what_comes_before_a_task_still_counts() -> None:
    assert drawn("I'm a nurse. Write a poem: I live on Mars.", "en") == {"job": "Is a nurse."}


def test_facts_and_tastes_are_told_apart() -> None:
    kinds = {fact.slot: fact.kind for fact in extract("Vivo en Lima. Me gusta el té", "es", said_at=SAID_AT)}
    assert kinds == {"home": MemoryKind.FACT, "likes:tea": MemoryKind.PREFERENCE}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("slot", "value", "turned"),
    [
        ("home", "Lima", True), ("workplace", "Lidl", True), ("job", "taxista", True), ("study", "Derecho", True),
        ("diet", "vegan", True), ("allergy", "kiwi", True), ("likes", "jazz", True), ("language", "quechua", True),
        ("eats", "sal", True), ("origin", "Lima", True), ("name", "Ana", True), ("age", "40", False),
        ("learning", "ruso", False),
    ],
)  # fmt: skip
def test_our_own_sentences_read_back_as_what_they_say(slot: str, value: str, turned: bool, language: Language) -> None:
    key = canonical(value) if not is_single(slot) else ""
    fact = told(slot, value, language, key=key)
    assert fact is not None
    assert reading(fact.slot, fact.text).holds
    if turned:
        no_more = told(slot, value, language, holds=False, key=key)
        assert no_more is not None
        assert not reading(no_more.slot, no_more.text).holds
        assert reading(no_more.slot, no_more.text).value == reading(fact.slot, fact.text).value


def test_the_same_value_has_one_slot_in_both_languages() -> None:
    assert drawn("Me gusta el café", "es").keys() == drawn("I like coffee", "en").keys() == {"likes:coffee"}
    assert drawn("tengo un perro", "es").keys() == drawn("I have a dog", "en").keys() == {"pet:dog"}
    assert drawn("Mi color favorito es el rojo", "es").keys() == drawn("my favourite color is red", "en").keys()


def test_of_many_there_may_be_more_and_of_some_there_is_one() -> None:
    assert all(
        is_single(slot) for slot in ("home", "job", "name", "favourite:colour", "mother:name", "son:leo:age", "children")
    )
    assert not any(is_single(slot) for slot in ("likes:tea", "language:welsh", "daughter:ana", "pet:dog:rex", "allergy:egg"))


PIECES = st.sampled_from(
    [
        *("vivo en Lima", "I live in", "me gusta", "mi hermana Ana", "my dog Rex", "tengo", "I have a", "mañana", "next week"),
        *("y", "and", ",", ".", "?", "¿", "«", '"', "if", "si", "no", "ya no", "12", "años", "I'm", "soy", "don't", "el 3 de"),
        *("June", "\n", "😀", "İ", "ß", "ﬁ", "'", "’", ":"),
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map(" ".join)), st.sampled_from(LANGUAGES))
def test_any_text_gives_whole_sentences_and_no_more_than_it_may(text: str, language: Language) -> None:
    facts = extract(text, language, said_at=SAID_AT)
    assert len(facts) <= MOST_FACTS
    assert all(fact.text.endswith(".") and "\n" not in fact.text and "{" not in fact.text for fact in facts)
    assert all(fact.slot and " " not in fact.slot and fact.language == language for fact in facts)
    assert facts == extract(text, language, said_at=SAID_AT)


@given(st.text(max_size=200))
def test_folding_keeps_every_letter_in_its_place(text: str) -> None:
    assert len(fold_evenly(text)) == len(text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "unit", ["i like a, ", "Vivo en Lima y ", ". ", ",", "« ", "¿ ", "mi hermana Ana ", "i have a dog and ", "en realidad "]
)
def test_no_message_takes_long(unit: str, language: Language) -> None:
    text = (unit * LONGEST)[:LONGEST]
    extract(unit, language, said_at=SAID_AT)
    taken = []
    for _ in range(3):
        began = time.process_time()
        extract(text, language, said_at=SAID_AT)
        taken.append(time.process_time() - began)
    assert min(taken) < 0.3
