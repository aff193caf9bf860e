"""A profile in words: headline, dimensions with their bars, what it changes, and nothing oversold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import AnswerStyle, Arm, Condition, ProfileEvent, ProfileEventKind
from bot.types import LANGUAGES, Language
from profiles.events import DIMENSIONS, Dimension
from profiles.items import Part, load_questionnaire
from profiles.person import Profile, replayed
from profiles.posterior import pole_word
from profiles.shown import WIDTH, arms_in_words, arms_to_use, bar, standing, style_in_words, summary

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ITEMS = load_questionnaire()
ROUNDS = (Part.FIRST, Part.SECOND, Part.THIRD)
BOLD = ("certain", "your type", "seguro que eres", "tu tipo", "100")
"""What nobody may be told of their preferences."""


def profile(*poles: int, rounds: tuple[Part, ...] = ROUNDS, pins: dict[str, Arm] | None = None, **settings: object) -> Profile:
    """Somebody who always chose the option at these poles (0: the middle; skipped where there is none)."""
    told: list[tuple[ProfileEventKind, dict[str, object]]] = [
        (ProfileEventKind.CONSENT, {"granted": True, "version": "1"}),
        (ProfileEventKind.COURSE, {"mode": "full", "version": ITEMS.version, "replaces": False}),
    ]
    for part in ROUNDS if poles else ():
        for item, pole in zip(ITEMS.of(part), poles, strict=True):
            option = next((one for one in item.options if one.score == pole), None)
            if part in rounds and option is not None:
                data = {"item": item.id, "option": option.key, "position": len(told) % 3, "seconds": 5.0}
                told.append((ProfileEventKind.ANSWER, data))
    told += [(ProfileEventKind.PIN, {"dimension": one, "arm": arm}) for one, arm in (pins or {}).items()]
    told += [(ProfileEventKind.SET, {"what": what, "value": value, "topic": ""}) for what, value in settings.items()]
    events = [ProfileEvent(id=f"e{n:03}", kind=kind, data=data, at=NOW) for n, (kind, data) in enumerate(told)]
    return replayed(ITEMS, events, now=NOW)


def lines_of(text: str) -> list[str]:
    """The lines of the four dimensions."""
    return [line for line in text.splitlines() if "`" in line]


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_bar_always_has_its_width_and_never_moves_against_the_preference(one: float, other: float) -> None:
    low, high = sorted((one, other))
    for value in (low, high):
        assert len(bar(value)) == WIDTH
        assert bar(value).isascii()
        assert bar(value).count("o") == 1
    assert bar(low).index("o") <= bar(high).index("o")


@given(st.floats(-1, 1))
def test_a_bar_is_the_mirror_of_the_opposite_one(value: float) -> None:
    places = [bar(one).index("o") for one in (value, -value)]
    # Halves go up on both sides: the two then meet one place off the mirror.
    assert sum(places) - (WIDTH - 1) in (0, 1)


def test_a_bar_shows_its_middle_and_its_ends() -> None:
    assert [bar(value) for value in (-1, 0, 1)] == ["o----|-----", "-----o-----", "-----|----o"]


@pytest.mark.parametrize(
    ("language", "plus", "minus"),
    [
        ("en", "Examples", "Principles"),
        ("es", "Ejemplos", "Principios"),
    ],
)
def test_two_opposite_people_differ_in_all_four_lines(language: Language, plus: str, minus: str) -> None:
    estd, pgrn = (lines_of(summary(language, profile(*poles), ITEMS)) for poles in ((1, 1, 1, 1), (-1, -1, -1, -1)))
    assert len(estd) == len(pgrn) == 4
    assert all(one != other for one, other in zip(estd, pgrn, strict=True))
    assert plus in estd[0].rpartition(":")[2]
    assert minus in pgrn[0].rpartition(":")[2]
    for dimension, one, other in zip(DIMENSIONS, estd, pgrn, strict=True):
        for line in (one, other):
            assert all(pole_word(language, dimension, pole) in line for pole in (1, -1)), "both poles stand beside the bar"


def test_each_line_says_in_words_how_sure_it_is() -> None:
    text = standing("en", profile(1, -1, 0, 1), ITEMS).replace("\N{NO-BREAK SPACE}", " ")
    assert "How you like things explained: **Examples + Overview**" in text
    assert [line.rpartition(": ")[2] for line in lines_of(text)] == [
        "quite sure, Examples, 95 %",
        "quite sure, Overview, 95 %",
        "mixed",
        "quite sure, Outline, 95 %",
    ]


def test_one_answer_is_not_known_yet_and_changes_nothing_for_sure() -> None:
    known = profile(1, 1, 1, 1, rounds=(Part.FIRST,))
    text = summary("en", known, ITEMS)
    assert "**Not known yet**" in text
    assert [line.rpartition(": ")[2] for line in lines_of(text)] == ["not known yet"] * 4
    assert all(bar(0.0) in line for line in lines_of(text)), "what is not known leans nowhere"
    assert arms_to_use("en", known) == (0, 0, 0, 0)
    assert "Usually" not in text


def test_what_rounds_to_all_is_said_to_be_over_95() -> None:
    events = profile(1, 1, 1, 1)
    sure = replace(events.state, mean=(0.7, 0.9, 0.9, 0.9, 0.9))
    text = standing("en", replace(events, state=sure), ITEMS).replace("\N{NO-BREAK SPACE}", " ")
    assert text.count("over 95 %") == 4
    assert "100" not in text


def test_what_was_set_by_hand_is_marked_and_goes_before_what_was_learned() -> None:
    pinned = profile(1, 1, 0, 1, pins={"ENT": -1, "RUT": 0})
    text = summary("en", pinned, ITEMS)
    assert "How you like things explained: **Principles + Outline; the rest mixed**" in text
    ent, rut, _, form = lines_of(text)
    assert [bar(-1.0) in ent, bar(0.0) in rut] == [True, True], "a bar stands where it was set"
    assert ent.endswith("set by hand, Principles")
    assert rut.endswith("set by hand, neutral")
    assert "by hand" not in form
    assert "As you set it: first the general idea" in text
    assert "numbered steps" not in text
    assert arms_to_use("en", pinned) == (-1, 0, 0, 1)


@pytest.mark.parametrize(
    ("poles", "pins", "words"),
    [
        ((), {"FOR": -1}, "Prose"),
        ((), {"FOR": -1, "ENT": 1, "RUT": 1}, "Examples + Steps"),
        ((), {"ENT": 0}, "Not known yet"),
        ((), {"ENT": 0, "RUT": 0, "ACT": 0, "FOR": 0}, "Balanced"),
        ((1, 1, 1, 1), {"ACT": -1}, "Reflection + Examples"),
        ((1, 1, 1, 1), {"ENT": 0}, "Steps + Practice"),
    ],
)
def test_the_headline_names_what_was_set_by_hand_first(poles: tuple[int, ...], pins: dict[str, Arm], words: str) -> None:
    assert f"**{words}**" in standing("en", profile(*poles, pins=pins), ITEMS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_bars_stand_below_each_other_and_no_blank_of_a_pole_breaks(language: Language) -> None:
    lines = lines_of(standing(language, profile(1, -1, 0, 1), ITEMS))
    assert len({line.index("`") for line in lines}) == 1
    for line in lines:
        pole, drawn, after = line.removeprefix("- ").split("`")
        assert len(drawn) == WIDTH, "the bar stands alone in its code: the page draws it"
        assert pole[0] == pole.strip()[0]
        assert pole.count(" ") == 1, "a Markdown reader draws no blanks together"
        assert after[0] == " "


@pytest.mark.parametrize(("language", "words"), [("en", "by default"), ("es", "por defecto")])
def test_what_was_never_told_is_said_to_be_a_default(language: Language, words: str) -> None:
    assert standing(language, profile(1, 1, 1, 1), ITEMS).count(f" ({words})") == 3
    told = standing(language, profile(1, 1, 1, 1, goal="task"), ITEMS)
    assert told.count(f" ({words})") == 2
    assert all(words not in line for line in told.splitlines() if ITEMS.items["C2"].options[2].text[language] in line)


def test_everything_else_has_no_second_level() -> None:
    text = standing("en", replace(profile(), levels={"general": 4.0, "history": 3.0}), ITEMS)
    assert text.count("Level") == 2


def test_a_short_answer_has_room_for_two_and_says_no_more() -> None:
    short = profile(1, 1, 1, 1, length=-1.0)
    assert sum(arm != 0 for arm in arms_to_use("en", short)) == 2
    text = summary("en", short, ITEMS)
    assert "about 60 words" in text
    assert text.count("Usually: ") == 2


def test_a_profile_that_is_off_is_said_to_change_nothing() -> None:
    text = summary("en", replace(profile(1, 1, 1, 1), is_on=False), ITEMS)
    assert "switched off" in text
    assert "Usually" not in text


def test_level_goal_and_length_are_told_as_the_questions_name_them() -> None:
    told = replace(profile(level=3, goal="exam", length=1.0), levels={"history": 4.0})
    text = standing("en", told, ITEMS)
    for part in ("Level: Comfortable", "history: Expert", "Goal: An exam or class", "Length: about 240 words"):
        assert part.casefold() in text.casefold(), part


@pytest.mark.parametrize("language", LANGUAGES)
@given(poles=st.tuples(*[st.sampled_from((-1, 0, 1))] * 4), pins=st.dictionaries(st.sampled_from(DIMENSIONS), st.just(1)))
def test_nobody_is_ever_told_what_they_certainly_are(
    language: Language, poles: tuple[int, ...], pins: dict[Dimension, Arm]
) -> None:
    text = summary(language, profile(*poles, pins={one.value: arm for one, arm in pins.items()}), ITEMS).casefold()
    assert not [word for word in BOLD if word in text]
    assert ITEMS.science[language].casefold() in text
    assert len(lines_of(text)) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_arm_has_words_of_its_own(language: Language) -> None:
    plus, minus = (arms_in_words(language, arms) for arms in ((1, 1, 1, 1), (-1, -1, -1, -1)))
    assert len({*plus, *minus, ""}) == 9
    assert arms_in_words(language, (0, 0, 0, 0)) == ("",) * 4
    assert arms_in_words(language, (0, 1, 0, -1))[1] not in {plus[1], ""}, "steps in prose are no numbered list"


# --- of one answer ---

STYLE = AnswerStyle(
    thread="t1",
    condition=Condition.FULL,
    is_measured=True,
    topic="general",
    level=2.0,
    goal="task",
    length=0.0,
    arms=(1, 1, -1, 0),
    asked=(1, 1, 0, 0),
    used=(1, 0, 0, 0),
    propensities=((0.9, 0.05, 0.05),) * 4,
    obeyed=(True, False, None, None),
    is_length_obeyed=True,
    words=100,
    version="1",
)


def test_an_answers_style_says_what_was_asked_for_and_what_was_done() -> None:
    text = style_in_words("en", STYLE, ITEMS, profile(1, 1, 1, 1), is_counted=True)
    assert text.startswith("Your profile asked for this:\n")
    assert "trial" not in text
    assert "Level: The basics" in text
    assert "Length: about 120 words (done)" in text
    assert "a solved example first, then the rule (done)" in text
    assert "numbered steps, one action in each (not done)" in text
    assert "exercise" not in text, "what was drawn but not asked for is left out"


def test_a_neutral_answer_is_said_to_have_been_one_on_purpose() -> None:
    text = style_in_words("en", replace(STYLE, condition=Condition.NONE), ITEMS, profile(), is_counted=True)
    assert "on purpose" in text
    assert "`/profile neutral off`" in text
    assert "Level" not in text


def test_an_answer_without_style_says_whether_that_was_on_purpose() -> None:
    plain = replace(STYLE, asked=(0, 0, 0, 0), obeyed=(None,) * 4)
    assert "No style was asked for." in style_in_words("en", plain, ITEMS, profile(), is_counted=True)
    text = style_in_words("en", replace(plain, condition=Condition.CONTEXT), ITEMS, profile(), is_counted=True)
    assert "on purpose" in text
    assert "Level: The basics" in text


@pytest.mark.parametrize(
    ("known", "tried"),
    [
        (profile(1, 1, 1, 1), []),
        (profile(-1, 1, 1, 1), ["a solved example first"]),
        (profile(), ["a solved example first", "numbered steps"]),
        (profile(pins={"ENT": 1}), ["numbered steps"]),
        (profile(1, 1, 1, 1, pins={"RUT": 0}), ["numbered steps"]),
        (replace(profile(), consent=None), []),
    ],
)
def test_what_is_neither_set_nor_known_was_a_trial(known: Profile, tried: list[str]) -> None:
    lines = style_in_words("en", STYLE, ITEMS, known, is_counted=True).splitlines()
    found = [line.removeprefix("- as a trial: ") for line in lines if "as a trial" in line]
    assert len(found) == len(tried)
    assert all(line.startswith(words) for line, words in zip(found, tried, strict=True))


def test_what_no_language_model_wrote_is_not_blamed_for_what_it_cannot_do() -> None:
    style = replace(STYLE, is_length_obeyed=False)
    text = style_in_words("en", style, ITEMS, profile(1, 1, 1, 1), is_counted=False)
    assert "not done" not in text
    assert "- Length: about 120 words\n" in text
    assert "Without a language model I can only follow length and shape." in text
    assert "simple signs" not in text
