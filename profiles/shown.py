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
from profiles.posterior import Label, confidence, headline, is_known, pole_word, theta
from profiles.reasons import level_used
from profiles.topics import topic_name

WIDTH: Final = 11
"""Characters of a bar: five to each side of the middle."""
_HIGHEST: Final = 95
"""Per cent: what rounds to more is said to be over it, for nothing here is certain."""


def summary(language: Language, profile: Profile, questionnaire: Questionnaire) -> str:
    """The whole profile as Markdown, with what science says of it at the end."""
    parts = [standing(language, profile, questionnaire), _difference(language, profile), questionnaire.science[language]]
    return "\n\n".join(parts)


def standing(language: Language, profile: Profile, questionnaire: Questionnaire) -> str:
    """The short form: the headline, and every dimension, level, goal and length in a line each."""
    words = headline(language, profile.state)
    parts = [
        # What is set by hand is no part of the headline, so that this then says where it comes from.
        say(language, "By your answers and ratings: **{headline}**", headline=words)
        if profile.pins
        else say(language, "How you like things explained: **{headline}**", headline=words),
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
        (Dimension.FOR, -1): say(language, "connected paragraphs, with a comparison from daily life"),
    }
    return words.get((dimension, arm), "")


def style_in_words(language: Language, style: AnswerStyle, questionnaire: Questionnaire) -> str:
    """How one answer was to be explained, and which of it was done as far as simple signs tell."""
    if style.condition is Condition.NONE:
        return say(
            language,
            "**Your profile was left out of it on purpose:** some answers are neutral, to check that the profile helps. "
            "/profile neutral off ends that for you.",
        )
    length = length_in_words(language, style.length)
    lines = [
        say(language, "Level: {level}", level=level_in_words(language, style.level, questionnaire)),
        say(language, "Goal: {goal}", goal=goal_in_words(language, style.goal, questionnaire)),
        _checked(language, say(language, "Length: {length}", length=length), style.is_length_obeyed),
    ]
    ways = arms_in_words(language, style.asked)
    lines += [_checked(language, way, obeyed) for way, obeyed in zip(ways, style.obeyed, strict=True) if way]
    if style.condition is Condition.CONTEXT:
        lines.append(say(language, "No style was asked for, on purpose: that checks what it is worth."))
    elif not any(ways):
        lines.append(say(language, "No style was asked for."))
    head = say(language, "By your profile, it was to be like this:")
    tail = say(language, "Whether it did so I judge by simple signs, such as numbered lines. /profile changes it.")
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
    ent, rut, act, form = (
        profile.pins[one] if one in profile.pins else profile.labels[place].pole if is_known(profile.state, one) else 0
        for place, one in enumerate(DIMENSIONS)
    )
    style = profile.style((ent, rut, act, form))
    arms = block(language, level=profile.level, goal=profile.goal, length=profile.length, style=style).arms
    ent, rut, act, form = (arm if used else 0 for arm, used in zip((ent, rut, act, form), arms, strict=True))
    return ent, rut, act, form


def _dimension(language: Language, profile: Profile, dimension: Dimension) -> str:
    """Both poles with the bar between them, and then the same in words, for whoever does not see bars."""
    minus, plus = pole_word(language, dimension, -1), pole_word(language, dimension, 1)
    return f"{minus} `{bar(theta(profile.state, dimension))}` {plus}: {_found(language, profile, dimension)}"


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
    lines = [say(language, "Level: {level}", level=level_in_words(language, profile.level, questionnaire))]
    lines += [
        say(
            language,
            "Level in {topic}: {level}",
            topic=topic_name(language, topic),
            level=level_in_words(language, level, questionnaire),
        )
        for topic, level in sorted(profile.levels.items())
    ]
    lines.append(say(language, "Goal: {goal}", goal=goal_in_words(language, profile.goal, questionnaire)))
    lines.append(say(language, "Length: {length}", length=length_in_words(language, profile.length)))
    return lines


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
