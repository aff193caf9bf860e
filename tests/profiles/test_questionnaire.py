"""The questionnaire: complete in both languages, refused when malformed, and a course that always ends and never asks twice."""

from __future__ import annotations

import hashlib
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.types import LANGUAGES, Language
from profiles.events import DIMENSIONS, Dimension
from profiles.items import (
    FILE,
    Control,
    Item,
    Part,
    load_questionnaire,
    parse_questionnaire,
)
from profiles.questionnaire import (
    Answer,
    Asked,
    Context,
    Course,
    Mode,
    ask,
    context,
    current,
    is_finished,
    plan,
    quality,
    resumed,
    scores,
    shown,
    step,
)

QV1 = load_questionnaire()
TEXT = FILE.read_text("utf-8")
ANA = "ana"
SALT = "salt"
RESUME = "resume"
Move = int | Control | str
MOVES = st.lists(st.one_of(st.integers(0, 3), st.sampled_from([*Control, RESUME])))


def opened(course: Course, person: str = ANA) -> Asked:
    asked = ask(QV1, course, person=person, salt=SALT)
    assert asked is not None
    return asked


def take(course: Course, move: Move) -> Course:
    """One thing that a person does; a course that rests knows only one."""
    asked = ask(QV1, course, person=ANA, salt=SALT)
    if asked is None:
        return resumed(course) if move == RESUME else course
    if isinstance(move, str) and not isinstance(move, Control):
        return resumed(course)
    meaning = move if isinstance(move, Control) else asked.options[move % len(asked.options)]
    return step(QV1, course, asked, meaning, seconds=3)


def answer(item: str, option: str | None, position: int | None = 0, seconds: float = 5) -> Answer:
    return Answer(item=item, option=option, position=position, seconds=seconds)


def answered(mode: Mode, **keys: str) -> Course:
    """A course in which every item is answered by the key given for it, or by its first option."""
    course = Course(mode=mode)
    while (item := current(QV1, course)) is not None:
        asked = opened(course)
        option = item.option(keys.get(item.id, item.options[0].key))
        assert option is not None
        course = step(QV1, course, asked, option, seconds=5)
    return course


def ids(course: Course) -> list[str]:
    return [given.item for given in course.answers]


# The file.


def test_every_dimension_is_asked_about_once_in_every_round_and_the_reserve() -> None:
    assert QV1.version == "qv1"
    for part in (Part.FIRST, Part.SECOND, Part.THIRD, Part.RESERVE):
        assert [item.dimension for item in QV1.of(part)] == list(DIMENSIONS)
    assert [item.sets for item in QV1.of(Part.CONTEXT)] == ["level", "goal", "length"]


@pytest.mark.parametrize("item", QV1.items.values(), ids=lambda item: item.id)
def test_both_languages_say_as_much(item: Item) -> None:
    for wording in (item.text, *(option.text for option in item.options)):
        assert set(wording) == set(LANGUAGES)
        assert wording["es"] != wording["en"]
        assert wording["es"].count("\n") == wording["en"].count("\n")
        assert wording["es"].endswith("…") == wording["en"].endswith("…")
        assert len(wording["es"]) < 3 * len(wording["en"]) < 9 * len(wording["es"])
    expected = {Part.FIRST: (1, 0.5, -0.5, -1), Part.CONTEXT: tuple(None for _ in item.options)}
    assert tuple(option.score for option in item.options) == expected.get(item.part, (1, 0, -1))


def test_the_file_is_read_once() -> None:
    assert load_questionnaire() is load_questionnaire()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_questionnaire(tmp_path / "none.toml")
    assert refused.value.problems[0].path == "none.toml"


MALFORMED = {
    "not TOML": ('part = "second"', 'part = "second', "item.ENT2"),
    "no version": ('version = "qv1"', "", "version"),
    "strange version": ('version = "qv1"', 'version = "new"', "version"),
    "unknown section": ('version = "qv1"', 'version = "qv1"\n[extra]\na = 1\n', "extra"),
    "unknown name in an item": ('[item.ENT1]\npart = "first"', '[item.ENT1]\npart = "first"\nweight = 2', "item.ENT1.weight"),
    "unknown part": ('[item.ENT1]\npart = "first"', '[item.ENT1]\npart = "fourth"', "item.ENT1.part"),
    "unknown dimension": ('dimension = "ENT"', 'dimension = "EXT"', "item.ENT1.dimension"),
    "a dimension twice": (
        '[item.RUT1]\npart = "first"\ndimension = "RUT"',
        '[item.RUT1]\npart = "first"\ndimension = "ENT"',
        "item.RUT1",
    ),
    "an item twice": ("[item.RUT1]", "[item.ENT1]", "ENT1"),
    "a missing item": ('[item.FOR4]\npart = "reserve"', '[item.FOR4]\npart = "third"', "item"),
    "no question in a language": ('en = "If only one thing fits…"\n', "", "item.ENT4.en"),
    "an empty question": ('en = "If only one thing fits…"', 'en = " … "', "item.ENT4.en"),
    "a text that is a number": ('es = "Si solo cabe una cosa…"', "es = 4", "item.ENT4.es"),
    "no options": ('options = [\n  { key = "short"', 'choices = [\n  { key = "short"', "item.C3"),
    "an option without a language": (', en = "one full example"', "", "item.ENT4.options.1.en"),
    "an option that is no table": (
        '  { key = "a", score = 1.0, es = "hacer", en = "doing" },',
        '  "hacer",',
        "item.ACT4.options.1",
    ),
    "an unknown name in an option": (
        'es = "hacer", en = "doing"',
        'es = "hacer", en = "doing", fr = "faire"',
        "item.ACT4.options.1.fr",
    ),
    "a key twice": ('key = "c", score = -1.0, es = "pensar"', 'key = "a", score = -1.0, es = "pensar"', "item.ACT4.options.3"),
    "a key with a blank": (
        'key = "c", score = -1.0, es = "pensar"',
        'key = "c 1", score = -1.0, es = "pensar"',
        "item.ACT4.options.3",
    ),
    "a control's key": (
        'key = "c", score = -1.0, es = "pensar"',
        'key = "skip", score = -1.0, es = "pensar"',
        "item.ACT4.options.3",
    ),
    "a wrong score": ('score = -1.0, es = "pensar"', 'score = -2.0, es = "pensar"', "item.ACT4"),
    "scores in another order": ('score = 0.5, es = "Pasos,', 'score = -0.5, es = "Pasos,', "item.RUT1"),
    "a score that is a text": ('score = -1.0, es = "pensar"', 'score = "-1", es = "pensar"', "item.ACT4.options.3"),
    "a score that is a truth": ('score = 1.0, es = "hacer"', 'score = true, es = "hacer"', "item.ACT4.options.1"),
    "two options that say the same": ('es = "pensar", en', 'es = "Hacer.", en', "item.ACT4"),
    "an option that is a letter": ('es = "pensar", en', 'es = "b", en', "item.ACT4"),
    "an option that is a control": ('es = "pensar", en', 'es = "Saltar", en', "item.ACT4"),
    "unknown setting": ('sets = "goal"', 'sets = "mood"', "item.C2.sets"),
    "options that do not fit": ('key = "exam"', 'key = "test"', "item.C2"),
    "unknown default": ('default = "task"', 'default = "work"', "item.C2.default"),
    "a control without a label": ('en = "Back"\n', "", "control.back.en"),
    "a word of two controls": ('"go back", "previous"', '"go back", "Next!"', "control.back"),
    "words that are no list": (
        'words = ["volver atrás", "anterior", "go back", "previous"]',
        'words = "volver"',
        "control.back",
    ),
    "an unknown control": ("[control.skip]", "[control.leave]", "control.leave"),
    "progress without a count": ("{number} of {count}", "{number} of many", "text.progress.en"),
    "progress with a name of its own": ("{number} of {count}", "{number} of {count} {x}", "text.progress.en"),
    "context without a count": ("First, {number} of {count}", "First, {number}", "text.first.en"),
    "no words for what is added": ("[text.more]", "[text.extra]", "text.more"),
    "no words for both alike": ("equal = [", "same = [", "equal"),
    "a control's word for both alike": ('"either"', '"skip"', "equal"),
    "no statement": ("[text.science]", "[text.claims]", "text.science"),
    "an item's name with a blank": ("[item.ENT4]", '[item."ENT 4"]', "item.ENT 4"),
    "an item that is no table": ('version = "qv1"', 'version = "qv1"\nitem.X = 4', "item.X"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_refused_with_line_and_reason(name: str) -> None:
    before, after, place = MALFORMED[name]
    assert before in TEXT
    text = TEXT.replace(before, after, 1)
    with pytest.raises(ConfigError) as refused:
        parse_questionnaire(text)
    told = refused.value.problems
    assert all(re.match(r"questionnaire\.toml:[1-9]\d*(: |$)", problem.path) and problem.reason for problem in told)
    is_syntax = told[0].reason == "this is not TOML"
    assert is_syntax or any(problem.path.endswith(f": {place}") for problem in told), told


def test_the_line_is_where_the_mistake_stands() -> None:
    text = TEXT.replace('score = -1.0, es = "pensar"', 'score = "-1", es = "pensar"')
    wanted = next(number for number, line in enumerate(text.splitlines(), 1) if 'score = "-1"' in line)
    with pytest.raises(ConfigError) as refused:
        parse_questionnaire(text)
    assert f"questionnaire.toml:{wanted}: item.ACT4.options.3" in [problem.path for problem in refused.value.problems]
    text = TEXT.replace('default = "task"', 'default = "work"')
    wanted = next(number for number, line in enumerate(text.splitlines(), 1) if '"work"' in line)
    with pytest.raises(ConfigError) as refused:
        parse_questionnaire(text)
    assert [problem.path for problem in refused.value.problems] == [f"questionnaire.toml:{wanted}: item.C2.default"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = TEXT.replace('version = "qv1"', "").replace('default = "task"', 'default = "work"').replace('en = "Back"\n', "")
    with pytest.raises(ConfigError) as refused:
        parse_questionnaire(text)
    assert len(refused.value.problems) == 3


@given(st.text(max_size=200))
def test_no_text_fails_in_any_other_way(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_questionnaire(text)


@given(st.integers(0, len(TEXT)), st.integers(0, 60))
def test_a_file_with_a_hole_is_read_or_refused(place: int, size: int) -> None:
    try:
        parse_questionnaire(TEXT[:place] + TEXT[place + size :])
    except ConfigError as error:
        assert error.problems


# What is shown.


def test_the_order_is_reversed_where_the_hash_is_odd() -> None:
    for person, item in product(("ana", "bruno", "ñandú"), QV1.items.values()):
        number = int(hashlib.sha256(f"{person}|{item.id}|{SALT}".encode()).hexdigest(), 16)
        expected = item.options[::-1] if number % 2 else item.options
        assert shown(item, person=person, salt=SALT) == expected


def test_about_half_of_the_people_see_an_item_reversed() -> None:
    item = QV1.items["ENT1"]
    reversed_for = sum(shown(item, person=str(number), salt=SALT) != item.options for number in range(1_000))
    assert 400 < reversed_for < 600


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_message_holds_the_full_texts_in_the_shown_order(language: Language) -> None:
    course = Course()
    while (asked := ask(QV1, course, person=ANA, salt=SALT)) is not None:
        wording = asked.wording(QV1, language)
        places = [wording.index(option.text[language]) for option in asked.options]
        assert places == sorted(places)
        letters = [choice.label for choice in asked.choices(QV1, language) if choice.row == 0]
        assert letters == list("ABCD")[: len(asked.options)]
        assert all(f"**{letter}**" in wording for letter in letters)
        course = take(course, Control.SKIP)


def test_progress_counts_the_items_about_preferences() -> None:
    course = Course()
    seen = []
    while (asked := ask(QV1, course, person=ANA, salt=SALT)) is not None:
        seen.append((asked.number, asked.count))
        course = take(course, Control.SKIP)
    assert seen == [(1, 3), (2, 3), (3, 3), *((number, 12) for number in range(1, 13))]
    assert opened(Course()).wording(QV1, "en").startswith("First, 1 of 3 · In general")
    assert opened(Course()).wording(QV1, "es").startswith("Antes de empezar, 1 de 3 · En general")
    course = Course(answers=tuple(answer(item, None) for item in ("C1", "C2", "C3", "ENT1", "RUT1", "ACT1")))
    assert opened(course).wording(QV1, "en").startswith("4 of 12 · If you can choose")
    assert opened(course).wording(QV1, "es").startswith("4 de 12 · Si puedes elegir")


@pytest.mark.parametrize(
    ("mode", "keys", "count", "added"),
    [
        (Mode.FULL, {"ACT1": "d", "FOR1": "b", "FOR2": "c"}, 12, ["ACT4", "FOR4"]),
        (Mode.QUICK, {"ACT1": "b", "FOR1": "d", "FOR2": "b"}, 8, ["FOR3", "FOR4"]),
        (Mode.RETEST, {"ENT4": "c"}, 8, []),
    ],
)
def test_the_count_never_moves_and_what_answers_add_has_none(
    mode: Mode, keys: dict[str, str], count: int, added: list[str]
) -> None:
    given_answers, seen = answered(mode, **keys).answers, []
    for number in range(len(given_answers)):
        asked = opened(Course(mode=mode, answers=given_answers[:number]))
        if asked.item.part is not Part.CONTEXT:
            seen.append((asked.item.id, asked.number, asked.count))
        if asked.item.id in added:
            assert asked.wording(QV1, "en").startswith("One more, to be sure · ")
            assert asked.wording(QV1, "es").startswith("Una más, para afinar · ")
    assert [(number, of) for _, number, of in seen[:count]] == [(number, count) for number in range(1, count + 1)]
    assert seen[count:] == [(item, 0, 0) for item in added]


def test_back_is_offered_only_where_there_is_something_to_go_back_to() -> None:
    first = opened(Course())
    second = opened(take(Course(), 0))
    assert [c.key for c in first.choices(QV1, "en") if c.row == 1] == ["skip", "stop"]
    assert [c.label for c in second.choices(QV1, "es") if c.row == 1] == ["Saltar", "Atrás", "Parar"]


# The course.


def test_all_first_items_come_before_all_second_and_all_third() -> None:
    rounds = [f"{dimension}{number}" for number in (1, 2, 3) for dimension in DIMENSIONS]
    assert ids(answered(Mode.FULL)) == ["C1", "C2", "C3", *rounds]


@pytest.mark.parametrize("mode", Mode)
@given(moves=MOVES)
def test_every_course_ends_never_asks_twice_and_goes_on_where_it_was(mode: Mode, moves: list[Move]) -> None:
    course = Course(mode=mode)
    for move in moves:
        before = current(QV1, course)
        after = take(course, move)
        if move in (Control.STOP, RESUME) or course.is_stopped:
            assert current(QV1, after) == before
        elif move is Control.BACK and before is not None and course.answers:
            assert after.answers == course.answers[:-1]
            reopened = current(QV1, after)
            assert reopened is not None
            assert reopened.id == course.answers[-1].item
        assert len(set(ids(after))) == len(after.answers)
        stored = Course(mode=after.mode, answers=tuple(after.answers), is_stopped=after.is_stopped)
        assert ask(QV1, stored, person=ANA, salt=SALT) == ask(QV1, after, person=ANA, salt=SALT)
        course = after
    course = resumed(course)
    for _ in range(3 + 16):
        if not is_finished(QV1, course):
            course = take(course, Control.SKIP)
    assert is_finished(QV1, course)
    assert ids(course) == [item.id for item in plan(QV1, course)]
    assert take(course, Control.BACK) == take(course, 0) == course


@given(moves=MOVES)
def test_quick_and_full_courses_count_up_to_their_end(moves: list[Move]) -> None:
    for mode in Mode:
        course = Course(mode=mode)
        for move in moves:
            course = take(course, move)
            if (asked := ask(QV1, course, person=ANA, salt=SALT)) is not None:
                assert 0 <= asked.number <= asked.count


def test_a_second_press_on_an_item_changes_nothing() -> None:
    asked = opened(Course())
    once = step(QV1, Course(), asked, asked.options[0], seconds=2)
    assert step(QV1, once, asked, asked.options[1], seconds=2) == once
    assert step(QV1, once, asked, Control.SKIP, seconds=2) == once


def test_an_answer_keeps_its_key_and_where_it_was_shown() -> None:
    for person in ("ana", "bruno", "carla", "diego"):
        asked = opened(Course(), person)
        course = step(QV1, Course(), asked, asked.options[1], seconds=-1)
        key = ("2", "3")[asked.options[0].key == "4"]
        assert course.answers == (answer("C1", key, 1, 0.0),)


def test_a_skipped_item_is_no_observation() -> None:
    course = take(Course(), Control.SKIP)
    assert course.answers == (answer("C1", None, None, 3),)
    assert context(QV1, course.answers) == Context(level=2, goal="task", length=0.0)
    assert scores(QV1, [answer("ENT1", None, None), answer("ENT2", "c"), answer("gone", "a")])[Dimension.ENT] == (-1,)


def test_context_is_what_was_answered() -> None:
    given_answers = [answer("C1", "4"), answer("C2", "exam"), answer("C3", "short")]
    assert context(QV1, given_answers) == Context(level=4, goal="exam", length=-1.0)


def test_contradicting_answers_bring_the_reserve_item_of_their_dimension() -> None:
    course = answered(Mode.FULL, ACT1="d", FOR1="b", FOR2="c")
    assert ids(course)[-2:] == ["ACT4", "FOR4"]
    assert ids(answered(Mode.FULL, ENT1="b", ENT2="b", ENT3="b"))[-1] == "FOR3"


def test_the_quick_course_spares_the_third_item_where_two_answers_are_clear() -> None:
    quick = answered(Mode.QUICK, ACT1="b", FOR1="d", FOR2="b")
    assert ids(quick)[11:] == ["FOR3", "FOR4"], "1 and 0.5 are clear; -1 and 0 are not, and 1 then contradicts them"
    assert ids(answered(Mode.QUICK))[11:] == []


def test_a_retest_asks_the_reserve_and_the_first_round() -> None:
    assert ids(answered(Mode.RETEST)) == [f"{dimension}{number}" for number in (4, 1) for dimension in DIMENSIONS]


# How far answers can be trusted.


def twelve(positions: list[int], seconds: float = 4) -> list[Answer]:
    items = [item.id for part in (Part.FIRST, Part.SECOND, Part.THIRD) for item in QV1.of(part)]
    return [answer(item, "a", position, seconds) for item, position in zip(items, positions, strict=False)]


def test_eleven_of_twelve_at_one_place_count_less_and_ten_do_not() -> None:
    assert quality(QV1, twelve([0] * 11 + [1])).weight == 0.25
    assert quality(QV1, twelve([0] * 11 + [1])).is_one_sided
    assert quality(QV1, twelve([0] * 10 + [1, 2])).weight == 1


def test_fewer_answers_at_one_place_count_less_from_two_rounds_on() -> None:
    assert quality(QV1, twelve([2] * 8)).weight == 0.25
    assert quality(QV1, twelve([2] * 7 + [1])).weight == 1
    assert quality(QV1, twelve([2] * 7)).weight == 1


def test_a_single_hasty_answer_says_nothing_yet() -> None:
    assert quality(QV1, twelve([0, 1, 2], 0.5)).weight == 1
    assert quality(QV1, twelve([0, 1, 2, 0], 0.5)).weight == 0.25
    assert quality(QV1, []).weight == 1


def test_answers_given_faster_than_they_can_be_read_count_less() -> None:
    mixed = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert quality(QV1, twelve(mixed, 1.4)).is_fast
    assert quality(QV1, twelve(mixed, 1.5)).weight == 1
    slow_once = [*twelve(mixed, 1.0)[:11], answer("FOR3", "a", 0, 86_400)]
    assert quality(QV1, slow_once).weight == 0.25, "the median: a pause of a day hides nothing"


def test_context_and_skips_tell_nothing_about_care() -> None:
    context_only = [answer(item, "x", 0, 0.1) for item in ("C1", "C2", "C3")]
    skipped = [answer(f"{dimension}1", None, None, 0.1) for dimension in DIMENSIONS]
    assert quality(QV1, [*context_only, *skipped]).weight == 1
