"""The subject of a question: realistic ones are told apart, small talk has none, and no text is too odd to be looked at."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.types import LANGUAGES, Language
from profiles import topics
from profiles.topics import FILE, GENERAL, TOPICS, load_topics, parse_topics, topic_name
from profiles.wishes import read
from tests.effort import effort

ASKED: dict[Language, dict[str, str]] = {
    "en": {
        "mathematics": """
            How do I solve a quadratic equation?
            What is the derivative of x squared?
            explain the pythagorean theorem with an example
            How can I add two fractions with different denominators?
            what's the difference between mean, median and mode?
            Why is the probability of two independent events multiplied?
            How do you calculate the area of a circle?
            I have an algebra exam on Monday and I don't get logarithms""",
        "physics_chemistry": """
            Why does a magnet attract iron?
            What is Newton's second law?
            How do I balance a chemical equation?
            Explain the difference between mass and weight in physics
            why is the sky blue and what happens to light in a prism
            What is an electron and how does it move around the nucleus of an atom?
            How do black holes form?
            What is the pH of vinegar, and is it an acid?""",
        "biology_health": """
            How does photosynthesis work?
            What is the difference between a virus and a bacterium?
            Why do I get a headache when I sleep badly?
            how do vaccines protect us
            What does DNA do inside a cell?
            Which vitamins does a pregnant woman need?
            How many chambers has the human heart, and how does blood flow?
            what are the symptoms of diabetes""",
        "programming": """
            How do I write a for loop in Python?
            What is a pointer in C++?
            my javascript function returns undefined, why?
            How do I undo the last git commit?
            explain object oriented programming to me
            What is the difference between a list and a tuple in Python?
            How do I join two tables in SQL?
            why do I get a null pointer exception when I compile and run this code""",
        "computers_internet": """
            My laptop is slow, what can I do?
            How do I reset my wifi router?
            What does a VPN do?
            how can I get rid of a virus on my computer?
            Which browser protects my privacy best?
            How do I make a backup of the photos on my phone?
            What is the difference between RAM and a hard disk?
            I forgot the password of my gmail account""",
        "languages": """
            When do I use the subjunctive in Spanish?
            How do you say thank you in Japanese?
            What is the past participle of "to lie"?
            how can I improve my English pronunciation?
            What's the difference between "their" and "there" in spelling?
            Translate "good morning" into French
            Is "run" a verb or a noun here?
            Which tenses do I need to learn for German A2 grammar?""",
        "history": """
            Why did the Roman Empire fall?
            What caused the First World War?
            Who was Napoleon and why is he remembered?
            explain the french revolution in a few words
            When did the Middle Ages begin?
            What was life like in ancient Egypt under the pharaohs?
            How did the cold war end?
            Which treaty ended the colonial wars of the 18th century?""",
        "geography": """
            What is the capital of Australia?
            Which is the longest river in Africa?
            How many countries are there in Europe?
            why are there volcanoes in Iceland
            What is the population of Peru?
            How do mountains form when tectonic plates collide?
            Which desert lies north of the equator?
            what does latitude mean on a map""",
        "economics_money": """
            What is inflation?
            How does a mortgage work?
            Should I save or invest my money in an index fund?
            what is compound interest on a loan
            How do banks make a profit?
            Explain supply and demand
            What is GDP and how is it measured?
            How do I plan a monthly budget on a small salary?""",
        "law_administration": """
            Can my landlord end the rental contract early?
            How do I file my tax return?
            What documents do I need to renew my passport?
            is it legal to record a phone call
            How many days of notice must an employer give under labour law?
            What is the difference between a civil and a criminal court?
            Do I need a visa or a residence permit to work there?
            How do I write a will without a lawyer?""",
        "arts_literature": """
            Who painted Guernica?
            What is a metaphor in a poem?
            Which chords do I need for this song on the guitar?
            recommend a novel by Gabriel García Márquez
            How does perspective work in a drawing?
            What is the difference between baroque and romanticism?
            Who directed the film Casablanca?
            How do I read sheet music for piano?""",
        "philosophy_psychology": """
            What did Kant mean by the categorical imperative?
            How can I deal with anxiety before an interview?
            Explain Plato's allegory of the cave
            what is the difference between ethics and morality
            What is cognitive bias in psychology?
            How do I build self-esteem?
            Is there free will, according to philosophers?
            What do Buddhists believe about suffering?""",
        "cooking_home": """
            How long do I boil an egg?
            What can I cook with rice and chicken?
            How do I get a red wine stain out of a shirt?
            which flour do I need for bread dough
            How do I unblock the kitchen sink?
            How often should I water a cactus in a pot?
            Give me a recipe for a vegetarian lasagna
            How do I paint a wall without streaks?""",
        "sports": """
            What is offside in football?
            How do I train for my first marathon?
            Who won the World Cup in 2010?
            how many sets does a tennis match have
            Which exercises strengthen my back muscles at the gym?
            How do you score points in basketball?
            What is a good swimming technique for beginners?
            How long should I rest between workouts?""",
    },
    "es": {
        "mathematics": """
            ¿Cómo resuelvo una ecuación de segundo grado?
            ¿Cuál es la derivada de x al cuadrado?
            explícame el teorema de Pitágoras con un ejemplo
            ¿Cómo se suman fracciones con distinto denominador?
            ¿Qué diferencia hay entre media, mediana y moda?
            ¿Por qué se multiplican las probabilidades de sucesos independientes?
            ¿Cómo se calcula el área de un círculo?
            tengo examen de álgebra el lunes y no entiendo los logaritmos""",
        "physics_chemistry": """
            ¿Por qué un imán atrae el hierro?
            ¿Qué dice la segunda ley de Newton?
            ¿Cómo ajusto una reacción química?
            Explícame la diferencia entre masa y peso en física
            por qué el cielo es azul y qué le pasa a la luz en un prisma
            ¿Qué es un electrón y cómo se mueve alrededor del núcleo del átomo?
            ¿Cómo se forman los agujeros negros?
            ¿Qué pH tiene el vinagre, es un ácido?""",
        "biology_health": """
            ¿Cómo funciona la fotosíntesis?
            ¿Qué diferencia hay entre un virus y una bacteria?
            ¿Por qué me duele la cabeza cuando duermo mal?
            cómo nos protegen las vacunas
            ¿Qué hace el ADN dentro de una célula?
            ¿Qué vitaminas necesita una embarazada?
            ¿Cuántas cavidades tiene el corazón y cómo circula la sangre?
            cuáles son los síntomas de la diabetes""",
        "programming": """
            ¿Cómo escribo un bucle for en Python?
            ¿Qué es un puntero en C++?
            mi función de javascript devuelve undefined, ¿por qué?
            ¿Cómo deshago el último commit de git?
            explícame la programación orientada a objetos
            ¿Qué diferencia hay entre una lista y una tupla en Python?
            ¿Cómo uno dos tablas en SQL?
            por qué me da un error al compilar este código""",
        "computers_internet": """
            Mi portátil va lento, ¿qué puedo hacer?
            ¿Cómo reinicio el router del wifi?
            ¿Para qué sirve una VPN?
            cómo quito un virus del ordenador
            ¿Qué navegador protege mejor mi privacidad?
            ¿Cómo hago una copia de seguridad de las fotos del móvil?
            ¿Qué diferencia hay entre la memoria RAM y el disco duro?
            olvidé la contraseña de mi cuenta de gmail""",
        "languages": """
            ¿Cuándo se usa el subjuntivo?
            ¿Cómo se dice gracias en japonés?
            ¿Cuál es el participio de «romper»?
            cómo puedo mejorar mi pronunciación en inglés
            ¿«Haber» o «a ver»? Nunca sé cómo es la ortografía
            Traduce «buenos días» al francés
            ¿«Correr» es un verbo o un sustantivo aquí?
            ¿Qué tiempos verbales entran en la gramática del alemán A2?""",
        "history": """
            ¿Por qué cayó el Imperio romano?
            ¿Qué causó la Primera Guerra Mundial?
            ¿Quién fue Napoleón y por qué se le recuerda?
            explícame la revolución francesa en pocas palabras
            ¿Cuándo empezó la Edad Media?
            ¿Cómo era la vida en el antiguo Egipto con los faraones?
            ¿Cómo terminó la guerra fría?
            ¿Qué tratado puso fin a las guerras coloniales del siglo XVIII?""",
        "geography": """
            ¿Cuál es la capital de Australia?
            ¿Cuál es el río más largo de África?
            ¿Cuántos países hay en Europa?
            por qué hay volcanes en Islandia
            ¿Qué población tiene Perú?
            ¿Cómo se forman las montañas cuando chocan las placas tectónicas?
            ¿Qué desierto queda al norte del ecuador?
            qué significa la latitud en un mapa""",
        "economics_money": """
            ¿Qué es la inflación?
            ¿Cómo funciona una hipoteca?
            ¿Me conviene ahorrar o invertir el dinero en un fondo indexado?
            qué es el interés compuesto de un préstamo
            ¿Cómo ganan dinero los bancos?
            Explícame la oferta y la demanda
            ¿Qué es el PIB y cómo se mide?
            ¿Cómo hago un presupuesto mensual con un sueldo pequeño?""",
        "law_administration": """
            ¿Puede mi casero terminar antes el contrato de alquiler?
            ¿Cómo hago la declaración de la renta?
            ¿Qué documentos necesito para renovar el pasaporte?
            es legal grabar una llamada
            ¿Cuántos días de preaviso tiene que dar la empresa según el derecho laboral?
            ¿Qué diferencia hay entre un juzgado civil y uno penal?
            ¿Necesito visado o permiso de residencia para trabajar allí?
            ¿Cómo hago un testamento sin abogado?""",
        "arts_literature": """
            ¿Quién pintó el Guernica?
            ¿Qué es una metáfora en un poema?
            ¿Qué acordes lleva esta canción en la guitarra?
            recomiéndame una novela de Gabriel García Márquez
            ¿Cómo funciona la perspectiva en un dibujo?
            ¿Qué diferencia hay entre el barroco y el romanticismo?
            ¿Quién dirigió la película Casablanca?
            ¿Cómo se lee una partitura de piano?""",
        "philosophy_psychology": """
            ¿Qué quería decir Kant con el imperativo categórico?
            ¿Cómo manejo la ansiedad antes de una entrevista?
            Explícame el mito de la caverna de Platón
            qué diferencia hay entre ética y moral
            ¿Qué es un sesgo cognitivo en psicología?
            ¿Cómo mejoro mi autoestima?
            ¿Existe el libre albedrío según los filósofos?
            ¿Qué creen los budistas sobre el sufrimiento?""",
        "cooking_home": """
            ¿Cuánto tiempo se cuece un huevo?
            ¿Qué puedo cocinar con arroz y pollo?
            ¿Cómo quito una mancha de vino tinto de una camisa?
            qué harina necesito para la masa de pan
            ¿Cómo desatasco el fregadero de la cocina?
            ¿Cada cuánto riego un cactus en maceta?
            Dame una receta de lasaña vegetariana
            ¿Cómo pinto una pared sin que queden marcas?""",
        "sports": """
            ¿Qué es el fuera de juego en el fútbol?
            ¿Cómo entreno para mi primera maratón?
            ¿Quién ganó el Mundial de 2010?
            cuántos sets tiene un partido de tenis
            ¿Qué ejercicios fortalecen la espalda en el gimnasio?
            ¿Cómo se anotan puntos en baloncesto?
            ¿Cuál es una buena técnica de natación para principiantes?
            ¿Cuánto debo descansar entre entrenamientos?""",
    },
}

SMALL_TALK: dict[Language, str] = {
    "en": """
        hello
        Good morning, how are you?
        thanks a lot, that helped me
        who are you and what can you do?
        tell me something interesting
        I did not understand that, say it again please
        ok, and then?
        What do you think about it?
        Give me a shorter answer
        tell me a joke""",
    "es": """
        hola
        Buenos días, ¿cómo estás?
        muchas gracias, me sirvió
        ¿quién eres y qué puedes hacer?
        cuéntame algo interesante
        no lo entendí, dímelo otra vez por favor
        vale, ¿y luego?
        ¿Qué piensas tú de eso?
        Dame una respuesta más corta
        cuéntame un chiste""",
}


def topic_of(text: str, language: Language) -> str:
    return topics.topic_of(read(text), language)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


CASES = [
    pytest.param(question, language, topic, id=f"{language}-{topic}-{number}")
    for language in LANGUAGES
    for topic, text in ASKED[language].items()
    for number, question in enumerate(lines(text), 1)
]


def test_every_topic_is_asked_about_eight_times_in_each_language() -> None:
    for language in LANGUAGES:
        assert tuple(ASKED[language]) == TOPICS
        assert all(len(lines(text)) >= 8 for text in ASKED[language].values())


@pytest.mark.parametrize(("question", "language", "topic"), CASES)
def test_a_question_has_the_subject_that_people_would_give_it(question: str, language: Language, topic: str) -> None:
    assert topic_of(question, language) == topic


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_in_the_other_language_has_its_subject_too(language: Language) -> None:
    other: Language = "es" if language == "en" else "en"
    asked = [(question, topic) for topic, text in ASKED[other].items() for question in lines(text)]
    right = sum(topic_of(question, language) == topic for question, topic in asked)
    assert right >= 0.8 * len(asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_talk_has_no_subject(language: Language) -> None:
    assert {said: topic_of(said, language) for said in lines(SMALL_TALK[language])} == dict.fromkeys(
        lines(SMALL_TALK[language]), GENERAL
    )


def test_a_phrase_hides_the_words_in_it_and_counts_for_each_of_them() -> None:
    assert topic_of("la primera guerra mundial", "es") == "history"
    assert topic_of("¿Quién gana el Mundial?", "es") == "sports"
    assert topic_of("a virus on my computer", "en") == "computers_internet"


def test_a_repeated_word_counts_once_and_a_tie_is_general() -> None:
    assert topic_of("guitar guitar guitar, tennis", "en") == GENERAL
    assert topic_of("guitar, tennis, football", "en") == "sports"


def test_case_accents_and_plurals_do_not_matter() -> None:
    assert {topic_of(text, "es") for text in ("ECUACIÓN", "ecuacion", "Ecuaciones", "¡¡ecuación!!")} == {"mathematics"}
    assert {topic_of(text, "en") for text in ("guitar", "Guitars", "violins")} == {"arts_literature"}


def test_the_given_language_is_tried_first() -> None:
    assert topic_of("red pan", "es") == "cooking_home", "«pan» is bread"
    assert topic_of("pie with pan", "en") == "cooking_home", "no English keyword, so the Spanish ones are tried"
    assert topic_of("tos", "en") == "biology_health"


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert topic_of("x " * 1_990 + "guitar", "en") == "arts_literature"
    assert topic_of("x " * 2_000 + "guitar", "en") == GENERAL


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\0", "?" * 5_000, "🙂🙂", "\u202eabc", "\ud800", "a" * 5_000, "*", "\ufdfa" * 4_000]
)
def test_odd_texts_are_general(text: str) -> None:
    assert {topic_of(text, language) for language in LANGUAGES} == {GENERAL}


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_has_a_known_topic_or_none(text: str, language: Language) -> None:
    assert topic_of(text, language) in {GENERAL, *TOPICS}


@pytest.mark.parametrize("piece", ["a", "guerra ", "punto y ", "equationequation", "ﷺ", "1 2 3 "])
def test_the_worst_text_takes_no_longer_than_a_moment(piece: str) -> None:
    load_topics()
    text = piece * 1_000_000
    assert effort(partial(topic_of, text, "es")) < 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_topic_has_a_name_of_its_own(language: Language) -> None:
    names = [topic_name(language, topic) for topic in (*TOPICS, GENERAL)]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() for name in names)
    assert topic_name(language, "of an older list") == topic_name(language, GENERAL)


# --- the file ---

TEXT = FILE.read_text("utf-8")


def problems(text: str) -> list[str]:
    """What is said to be wrong with a file, in order."""
    with pytest.raises(ConfigError) as caught:
        parse_topics(text, name="t.toml")
    return [f"{problem.path} — {problem.reason}" for problem in caught.value.problems]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_file_is_read_once_and_lists_every_topic_in_both_languages() -> None:
    assert load_topics() is load_topics()
    for keywords in load_topics().values():
        assert set(keywords.whole.values()) | set(keywords.beginnings.values()) == set(TOPICS)


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    assert problems('[history]\nen = "a"\nes = = "b"\n') == ["t.toml:3 — this is not TOML"]
    assert problems("[" * 5_000)[0].endswith("this is not TOML")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("[history]\nes = 'año'".encode("latin-1"))
    for name in ("latin.toml", "none.toml"):
        with pytest.raises(ConfigError) as caught:
            load_topics(tmp_path / name)
        assert caught.value.problems[0].path == name


@pytest.mark.parametrize(
    ("was", "becomes", "mark", "place", "reason"),
    [
        ("[sports]\n", "[sport]\n", "[sport]", "sport", "not known"),
        ("[sports]\nen = ", "[sports]\neng = ", "eng =", "sports.eng", "not known"),
        ("[history]\nen = ", '[history]\nen = "…"\nzz = ', 'en = "…"', "history.en", "missing"),
        ("offside,", "offside, one two three four five,", "one two", "sports.en.one two three four five", "one to four words"),
        ("offside,", "offside, zq*,", "zq*", "sports.en.zq*", "one to four words"),
        ("offside,", "offside, o*fside,", "o*fside", "sports.en.o*fside", "one to four words"),
        ("offside,", "offside, , soccer ball,", "offside", "sports.en.", "one to four words"),
        ("offside,", "offside, Python,", "Python", "sports.en.Python", "twice"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_reason(was: str, becomes: str, mark: str, place: str, reason: str) -> None:
    text = TEXT.replace(was, becomes, 1)
    (found,) = [problem for problem in problems(text) if f": {place} — " in problem]
    assert reason in found
    assert found.startswith(f"t.toml:{line_of(text, mark)}: ") or mark == "offside"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = TEXT.replace("[sports]", "[sport]").replace("offside,", "offside, a*,").replace("[history]", "[histories]")
    assert {problem.split(": ")[1].split(" — ")[0] for problem in problems(text)} == {"sport", "sports", "histories", "history"}
