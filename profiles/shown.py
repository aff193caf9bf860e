"""A profile in people's words: what is known, how sure that is, and what is done differently because of it; pure."""

from __future__ import annotations

from math import floor
from typing import Final

from bot.amounts import BLANK
from bot.locale import say
from bot.profile_types import AnswerStyle, Arm, Arms, Condition
from bot.types import Language
from profiles.directives import block, target_words
from profiles.events import DIMENSIONS, Dimension
from profiles.items import Part, Questionnaire
from profiles.person import Profile
from profiles.posterior import Label, by_strength, confidence, headline, is_known, pole_word, theta
from profiles.reasons import level_used
from profiles.topics import GENERAL, topic_name

WIDTH: Final = 11
"""Characters of a bar: five to each side of the middle."""
_NAMED: Final = 2
"""Preferences in the headline."""
_HIGHEST: Final = 95
"""Per cent: what rounds to more is said to be over it, for nothing here is certain."""


def summary(language: Language, profile: Profile, questionnaire: Questionnaire) -> str:
    """The whole profile as Markdown, with what science says of it at the end."""
    parts = [standing(language, profile, questionnaire), _difference(language, profile), questionnaire.science[language]]
    return "\n\n".join(parts)


def standing(language: Language, profile: Profile, questionnaire: Questionnaire) -> str:
    """The short form: the headline, and every dimension, level, goal and length in a line each."""
    parts = [
        say(language, "How you like things explained: **{headline}**", headline=_headline(language, profile)),
        "\n".join(f"- {_dimension(language, profile, one)}" for one in DIMENSIONS),
        "\n".join(f"- {line}" for line in _context(language, profile, questionnaire)),
    ]
    return "\n\n".join(parts)


def bar(value: float) -> str:
    """Where a preference lies between its minus pole (-1, left) and its plus pole (1, right); beyond them at the end."""
    half = WIDTH // 2
    place = floor((min(1.0, max(-1.0, value)) + 1) * half + 0.5)
    drawn = ["-"] * WIDTH
    drawn[half] = "|"
    drawn[place] = "o"
    return "".join(drawn)


def arms_in_words(language: Language, arms: Arms) -> tuple[str, str, str, str]:
    """How an answer with these arms is, one phrase for each dimension; empty for a neutral one."""
    ent, rut, act, form = (way_in_words(language, one, arm) for one, arm in zip(DIMENSIONS, arms, strict=True))
    if arms[1] == 1 and arms[3] == -1:
        rut = say(language, "the steps in order, told in sentences")
    return ent, rut, act, form


def way_in_words(language: Language, dimension: Dimension, arm: Arm) -> str:
    """How an answer with this arm is; empty for a neutral one."""
    words = {
        (Dimension.ENT, 1): say(language, "a solved example first, then the rule"),
        (Dimension.ENT, -1): say(language, "first the general idea and why it holds, an example at the end"),
        (Dimension.RUT, 1): say(language, "numbered steps, one action in each"),
        (Dimension.RUT, -1): say(language, "first a short map of the whole, then only the details you asked for"),
        (Dimension.ACT, 1): say(language, "a short exercise at the end"),
        (Dimension.ACT, -1): say(language, "no exercises, but something to think about at the end"),
        (Dimension.FOR, 1): say(language, "an outline of short headings and points"),
        (Dimension.FOR, -1): say(language, "prose in connected paragraphs, with a comparison from daily life"),
    }
    return words.get((dimension, arm), "")


def style_in_words(
    language: Language, style: AnswerStyle, questionnaire: Questionnaire, profile: Profile, *, is_counted: bool
) -> str:
    """How one answer was to be explained, and which of it was done as far as simple signs tell.

    What is neither set by hand nor known of the person was tried out. An answer that no language model wrote, and that is not
    `is_counted`, is not blamed for what it cannot do.
    """
    if style.condition is Condition.NONE:
        return say(
            language,
            "**Your profile was left out of it on purpose:** some answers are neutral, to check that the profile helps. "
            "`/profile neutral off` ends that for you.",
        )
    length = length_in_words(language, style.length)
    lines = [
        say(language, "Level: {level}", level=level_in_words(language, style.level, questionnaire)),
        say(language, "Goal: {goal}", goal=goal_in_words(language, style.goal, questionnaire)),
        _checked(language, say(language, "Length: {length}", length=length), style.is_length_obeyed if is_counted else None),
    ]
    ways = arms_in_words(language, style.asked)
    # Of a profile that was erased nobody can tell any more what was tried out.
    owned = _own_arms(profile) if profile.consent else style.asked
    for way, arm, own, obeyed in zip(ways, style.asked, owned, style.obeyed, strict=True):
        if way:
            named = way if arm == own else say(language, "as a trial: {way}", way=way)
            lines.append(_checked(language, named, obeyed if is_counted or obeyed else None))
    if style.condition is Condition.CONTEXT:
        lines.append(say(language, "No style was asked for, on purpose: that checks what it is worth."))
    elif not any(ways):
        lines.append(say(language, "No style was asked for."))
    head = say(language, "Your profile asked for this:")
    tail = (
        say(language, "I check that by simple signs only. /profile changes it.")
        if is_counted
        else say(language, "Without a language model I can only follow length and shape. /profile changes it.")
    )
    return "\n".join([head, *(f"- {line}" for line in lines)]) + f"\n\n{tail}"


def _checked(language: Language, asked: str, obeyed: bool | None) -> str:
    if obeyed is None:
        return asked
    return say(language, "{asked} (done)", asked=asked) if obeyed else say(language, "{asked} (not done)", asked=asked)


def level_in_words(language: Language, level: float, questionnaire: Questionnaire) -> str:
    """A level as the questionnaire names it."""
    return _option(language, questionnaire, "level", str(level_used(level)))


def goal_in_words(language: Language, goal: str, questionnaire: Questionnaire) -> str:
    """A goal as the questionnaire names it."""
    return _option(language, questionnaire, "goal", goal)


def length_in_words(language: Language, length: float) -> str:
    """About how many words an answer has."""
    return say(language, "about {words} words", words=target_words(length))


def pin_in_words(language: Language, dimension: Dimension, arm: Arm) -> str:
    """What a dimension was set to by hand."""
    return pole_word(language, dimension, arm) or say(language, "neutral")


def arms_to_use(language: Language, profile: Profile) -> Arms:
    """What answers will mostly ask for: pins, and preferences that are known, as far as they fit into one answer.

    A short answer has room for two, and what the person set by hand goes before what was learned.
    """
    ent, rut, act, form = _own_arms(profile)
    style = profile.style((ent, rut, act, form))
    arms = block(language, level=profile.level, goal=profile.goal, length=profile.length, style=style).arms
    ent, rut, act, form = (arm if used else 0 for arm, used in zip((ent, rut, act, form), arms, strict=True))
    return ent, rut, act, form


def _own_arms(profile: Profile) -> Arms:
    """What the person set by hand, else prefers as far as that is known."""
    ent, rut, act, form = (
        profile.pins[one] if one in profile.pins else profile.labels[place].pole if is_known(profile.state, one) else 0
        for place, one in enumerate(DIMENSIONS)
    )
    return ent, rut, act, form


def _headline(language: Language, profile: Profile) -> str:
    """The profile in up to two preferences: those set by hand first, then the strongest."""
    if not profile.pins:
        return headline(language, profile.state)
    own = dict(zip(DIMENSIONS, _own_arms(profile), strict=True))
    order = [*(one for one in DIMENSIONS if one in profile.pins), *by_strength(profile.state)]
    named = list(dict.fromkeys(one for one in order if own[one]))
    is_all_known = all(one in profile.pins or is_known(profile.state, one) for one in DIMENSIONS)
    if not named:
        return say(language, "Balanced") if is_all_known else say(language, "Not known yet")
    words = " + ".join(pole_word(language, one, own[one]) for one in named[:_NAMED])
    return say(language, "{words}; the rest mixed", words=words) if is_all_known and len(named) <= _NAMED else words


def _dimension(language: Language, profile: Profile, dimension: Dimension) -> str:
    """Both poles with the bar between them, and then the same in words, for whoever does not see bars.

    First poles are as wide as the widest, so that bars stand below each other; blanks that break would be drawn together.
    """
    width = max(len(pole_word(language, one, -1)) for one in DIMENSIONS)
    minus, plus = pole_word(language, dimension, -1).ljust(width, BLANK), pole_word(language, dimension, 1)
    value = 0.0
    if dimension in profile.pins:
        value = float(profile.pins[dimension])
    elif is_known(profile.state, dimension):
        value = theta(profile.state, dimension)
    return f"{minus} `{bar(value)}` {plus}: {_found(language, profile, dimension)}"


def _found(language: Language, profile: Profile, dimension: Dimension) -> str:
    if dimension in profile.pins:
        return say(language, "set by hand, {choice}", choice=pin_in_words(language, dimension, profile.pins[dimension]))
    label, percent = profile.labels[DIMENSIONS.index(dimension)], confidence(profile.state, dimension)
    if percent is None:
        return say(language, "not known yet")
    if label is Label.MIXED:
        return say(language, "mixed")
    pole, sure = pole_word(language, dimension, label.pole), f"{percent}{BLANK}%"
    if percent > _HIGHEST:
        sure = say(language, "over {percent}", percent=f"{_HIGHEST}{BLANK}%")
    if label.is_clear:
        return say(language, "quite sure, {pole}, {percent}", pole=pole, percent=sure)
    return say(language, "leans to {pole}, {percent}", pole=pole, percent=sure)


def _context(language: Language, profile: Profile, questionnaire: Questionnaire) -> list[str]:
    """Level, the topics with a level of their own, goal and length."""
    level = say(language, "Level: {level}", level=level_in_words(language, profile.level, questionnaire))
    goal = say(language, "Goal: {goal}", goal=goal_in_words(language, profile.goal, questionnaire))
    length = say(language, "Length: {length}", length=length_in_words(language, profile.length))
    settings = {"level": level, "goal": goal, "length": length}
    shown = {
        what: line if what in profile.told else say(language, "{setting} (by default)", setting=line)
        for what, line in settings.items()
    }
    lines = [shown["level"]]
    lines += [
        say(
            language,
            "Level in {topic}: {level}",
            topic=topic_name(language, topic),
            level=level_in_words(language, own, questionnaire),
        )
        for topic, own in sorted(profile.levels.items())
        if topic != GENERAL
    ]
    return [*lines, shown["goal"], shown["length"]]


def _difference(language: Language, profile: Profile) -> str:
    """What answers do because of the profile, as they mostly will: nothing here is a promise."""
    title = say(language, "**What I do differently because of it**")
    if not profile.is_on:
        return f"{title}\n- " + say(language, "Nothing: it is switched off, and my answers are neutral.")
    arms = arms_to_use(language, profile)
    ways = arms_in_words(language, arms)
    lines = [_qualified(language, profile, place, way) for place, way in enumerate(ways) if way]
    lines.append(say(language, "I keep to your level, goal and length."))
    if len(profile.pins) < len(DIMENSIONS):
        lines.append(
            say(
                language,
                "Where I am not sure, and now and then elsewhere, I try another way: your 👍 and 👎 tell me what suits you.",
            )
        )
    return title + "\n" + "\n".join(f"- {line}" for line in lines)


def _qualified(language: Language, profile: Profile, place: int, way: str) -> str:
    if DIMENSIONS[place] in profile.pins:
        return say(language, "As you set it: {way}", way=way)
    if profile.labels[place].is_clear:
        return say(language, "Usually: {way}", way=way)
    return say(language, "If it fits: {way}", way=way)


def _option(language: Language, questionnaire: Questionnaire, about: str, key: str) -> str:
    items = (item for item in questionnaire.of(Part.CONTEXT) if item.sets == about)
    option = next((item.option(key) for item in items), None)
    return option.text[language] if option is not None else key
