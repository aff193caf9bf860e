"""Words made comparable: stems, stop words, BM25, slips of the finger, and the language of a short line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lexical import (
    STOP_WORDS,
    Bm25,
    Concept,
    Reader,
    content_words,
    fold,
    guess_language,
    is_common,
    is_light,
    is_worldly,
    nearly,
    relatives,
    stem,
    tokens,
    words,
)
from bot.types import Language
from tests.effort import effort

TOKENS = st.lists(st.sampled_from(["port", "token", "backup", "phone", "page", "model"]), max_size=8)
DOCUMENTS = st.lists(TOKENS, max_size=8)


@pytest.mark.parametrize(
    ("language", "family"),
    [
        ("es", "configurar configuración configuro configuracion configuran"),
        ("es", "borrar borra bórrame borro borrado"),
        ("es", "costar cuesta cuestan costaría"),
        ("es", "empezar empiezo empecé empieza"),
        ("es", "apagar apago apagué"),
        ("es", "buscar busqué busco"),
        ("es", "poner pongo puse puesto"),
        ("es", "corregir corrijo corrección correcciones"),
        ("es", "leer lees leído"),
        ("es", "olvidar olvídame olvidé"),
        ("en", "configure configuration configured configuring"),
        ("en", "correct correction corrected corrections"),
        ("en", "install installation installing installed"),
        ("en", "backup backups"),
    ],
)
def test_forms_of_one_word_have_one_stem(language: Language, family: str) -> None:
    assert len({stem(word, language) for word in family.split()}) == 1


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("es", "ordenador", "orden"),
        ("es", "comando", "coma"),
        ("es", "cuenta", "contar"),
        ("es", "casa", "caso"),
        ("es", "puerto", "puerta"),
        ("en", "settings", "set"),
        ("en", "business", "busy"),
    ],
)
def test_words_that_only_look_alike_keep_apart(language: Language, one: str, other: str) -> None:
    assert stem(one, language) != stem(other, language)


def test_accents_and_case_make_no_difference() -> None:
    assert fold("Configuración ÑANDÚ") == "configuracion nandu"
    assert tokens("¿CÓMO cambio el IDIOMA?", "es") == tokens("como cambio el idioma", "es") != []


def test_words_know_unicode_apostrophes_and_emoji() -> None:
    assert words("Don’t press 👎, it's größer") == ["don", "press", "👎", "it", "größer"]
    assert words("cafe\u0301") == ["café"]
    assert words("MARTIN_WEB__PORT=8090") == ["martin", "web", "port", "8090"]


def test_stop_words_carry_no_meaning() -> None:
    assert content_words("¿Me podrías decir cómo se hace eso?", "es") == []
    assert content_words("could you tell me how to do that", "en") == []
    assert content_words("where is the casa", None) == ["casa"]
    assert "que" in STOP_WORDS["es"]
    assert "the" in STOP_WORDS["en"]


def test_common_words_are_known_as_such() -> None:
    assert is_light("usar", "es")
    assert not is_light("puerto", "es")
    assert is_common("marido", "es")
    assert is_common("husband", "en")
    assert not is_common("backup", "en")


def test_words_of_other_walks_of_life_weigh_more_where_they_are_missing() -> None:
    assert is_worldly("sopa", "es")
    assert is_worldly("netflix", "en")
    assert not is_worldly("backup", "en")
    soup, walrus = reader(["port"], "en").concepts("soup walrus")
    assert soup.weight > walrus.weight


def test_related_words_lead_from_one_language_to_the_other() -> None:
    assert stem("password", "en") in relatives("contraseña", "es", "en")
    assert stem("fichero", "es") in relatives("archivo", "es", "es")
    assert relatives("xylophone", "en", "es") == frozenset()


@given(st.text(max_size=60), st.sampled_from(["es", "en"]))
def test_any_text_has_tokens_without_accents_and_without_error(text: str, language: Language) -> None:
    for token in tokens(text, language):
        assert token == fold(token) or not token.isalpha()
        assert token


# --- BM25 ---


@given(DOCUMENTS, TOKENS)
def test_scores_are_never_negative_and_zero_without_a_shared_token(documents: list[list[str]], query: list[str]) -> None:
    scores = Bm25(documents).scores(query)
    assert len(scores) == len(documents)
    for document, score in zip(documents, scores, strict=True):
        assert (score > 0) == bool(set(document) & set(query))


@given(DOCUMENTS, TOKENS)
def test_coverage_is_a_share(documents: list[list[str]], query: list[str]) -> None:
    for document, share in zip(documents, Bm25(documents).coverage(query), strict=True):
        assert 0 <= share <= 1
        assert (share > 1 - 1e-9) == (bool(query) and set(query) <= set(document))


@given(DOCUMENTS, TOKENS)
def test_matches_stay_within_one_and_need_a_shared_word(documents: list[list[str]], query: list[str]) -> None:
    concepts = [Concept(1.0, ((token, 1.0),)) for token in sorted(set(query))]
    found = Bm25(documents).match(concepts)
    for number, document in enumerate(documents):
        assert (number in found) == bool(set(document) & set(query))
        assert 0 < found.get(number, 1.0) <= 1


@given(DOCUMENTS, TOKENS)
def test_a_document_more_changes_no_other_documents_tokens(documents: list[list[str]], more: list[str]) -> None:
    before, after = Bm25(documents), Bm25([*documents, more])
    for token in {token for document in documents for token in document}:
        had = [number for number, score in enumerate(before.scores([token])) if score]
        has = [number for number, score in enumerate(after.scores([token])) if score and number < len(documents)]
        assert had == has


def test_empty_collection_scores_nothing() -> None:
    assert Bm25([]).scores(["port"]) == []
    assert Bm25([]).coverage(["port"]) == []
    assert Bm25([[], []]).scores(["port"]) == [0.0, 0.0]
    assert Bm25([]).match([Concept(1.0, (("port", 1.0),))]) == {}


def test_rare_words_weigh_more_and_short_documents_win() -> None:
    index = Bm25([["port", "page"], ["port", "token"], ["token", "page", "page", "page", "page", "page"]])
    assert index.idf("nowhere") > index.idf("port") > 0
    scores = index.scores(["token"])
    assert scores[1] > scores[2] > scores[0] == 0


def test_weights_count_as_frequencies() -> None:
    plain, weighted = Bm25([["a", "a", "b"], ["b"]]), Bm25([{"a": 2.0, "b": 1.0}, {"b": 1.0}])
    assert plain.scores(["a", "b"]) == weighted.scores(["a", "b"])


def test_an_unknown_word_lowers_every_match() -> None:
    index = Bm25([["port"], ["token"], ["page"]])
    known = Concept(1.0, (("port", 1.0),))
    assert index.match([known])[0] > index.match([known, Concept(1.0, ())])[0]


# --- reading questions in a collection's words ---


def reader(texts: Sequence[str], language: Language) -> Reader:
    return Reader(Bm25([tokens(text, language) for text in texts]), texts, language)


def options(found: tuple[Concept, ...]) -> set[str]:
    return {token for concept in found for token, _ in concept.options}


@pytest.mark.parametrize("typed", ["contrasena", "contraseñs", "contrseña", "contraseñaa", "cotnraseña"])
def test_a_mistyped_or_unaccented_word_finds_what_was_meant(typed: str) -> None:
    assert stem("contraseña", "es") in options(reader(["la contraseña de la página"], "es").concepts(typed))


def test_short_words_and_first_letters_are_taken_as_typed() -> None:
    assert nearly("noche", ["coche", "leche"]) == []
    assert nearly("gato", ["gasto", "pato"]) == []
    assert nearly("backpu", ["backup", "back"]) == ["backup"]


def test_related_words_count_less_than_the_word_itself() -> None:
    (concept,) = reader(["erase a file", "delete a folder"], "en").concepts("delete")
    assert dict(concept.options)["delet"] == 1.0
    assert dict(concept.options)["eras"] < 1.0


def test_common_words_that_a_collection_lacks_are_forgiven() -> None:
    husband, walrus = reader(["port"], "en").concepts("husband walrus")
    assert husband.weight < walrus.weight == 1.0


def test_a_question_in_the_other_language_reaches_over() -> None:
    assert stem("password", "en") in options(reader(["the password of the page"], "en").concepts("¿Y la contraseña?", "es"))


# --- which language ---

SPANISH = """hola
buenas noches
gracias
muchas gracias
adiós
hasta luego
qué es esto
como empiezo
quien eres
no funciona
borra mis datos
cambiar idioma
¿LoRA?
donde estan mis archivos
quiero parar
ayuda
vale, perfecto
sí
mañana
el puerto ya está ocupado
necesito una copia de seguridad
cuánto cuesta
¿me olvidas?
se me ha olvidado la contraseña
no me gusta
otra vez
configuración
está todo bien
¿por qué?
explícame RAG
dame un ejemplo
tengo un problema
hablas español?
¡genial!
una pregunta"""
ENGLISH = """hello
good night
thanks
thank you so much
bye
goodbye
see you
what is this
how do I start
who are you
it does not work
delete my data
change the language
where are my files
I want to stop
help
okay, great
yes
tomorrow
the port is already in use
I need a backup
how much does it cost
forget me
I lost my password
I don't like it
once more
settings
is everything fine
why?
explain RAG
give me an example
I have a problem
do you speak English?
cool!
one question"""
UNDECIDED = ["", "   ", "123", "LoRA", "ollama", "👍", "martin", "ok", "no", "JSONL", "?!"]


@pytest.mark.parametrize(
    ("line", "language"), [*((line, "es") for line in SPANISH.splitlines()), *((line, "en") for line in ENGLISH.splitlines())]
)
def test_short_lines_show_their_language(line: str, language: Language) -> None:
    assert guess_language(line) == language


@pytest.mark.parametrize("line", UNDECIDED)
def test_lines_without_a_language_stay_undecided(line: str) -> None:
    assert guess_language(line) is None


def test_guessing_is_quick() -> None:
    line = "¿Me puedes decir por favor cómo hago una copia de seguridad de mis datos?"

    def guess() -> None:
        for _ in range(20):
            guess_language(line)

    assert effort(guess) < 1


@given(st.text(max_size=2000))
def test_any_text_can_be_guessed(text: str) -> None:
    assert guess_language(text) in ("es", "en", None)
