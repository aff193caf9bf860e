"""The one question about how much somebody knows of a topic, below their first answer in it, and what they answer to it.

It stands below an answer, which may end in a question of its own: a bare letter is never taken for a level.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.locale import say
from bot.ports import Preview
from bot.profile_types import ProfileEventKind
from bot.types import Language, Outcome, Reply, Turn
from bot.writes import AddProfileEvent, CloseQuestion
from handlers.asking import answer_to, ask_question, option
from profiles.items import load_questionnaire
from profiles.person import Profile, Profiles
from profiles.shown import level_in_words
from profiles.topics import GENERAL, topic_name

LEVEL: Final = "level"
"""The kind of question; a choice's key goes on with topic and level: `level:history:3`."""
_ASKED: Final = "level_asked"
_LEVELS: Final = (1, 2, 3, 4)


def is_level_due(turn: Turn, profile: Profile, topic: str) -> bool:
    """Whether to ask for the level: once per topic, in private, and while nothing else is being asked."""
    return (
        turn.message.is_private
        and turn.awaiting is None
        and topic != GENERAL
        and topic not in profile.levels
        and (_ASKED, topic) not in profile.noted
    )


def with_level_asked(turn: Turn, outcome: Outcome, language: Language, topic: str) -> Outcome:
    """The answer with the question below it; it can be rated as before, and nothing waits for the level."""
    if outcome.reply is None:
        return outcome
    choices = tuple(option(LEVEL, f"{topic}:{level}", _named(language, level)) for level in _LEVELS)
    text = say(language, "How much do you know about {topic}? I ask once per topic.", topic=topic_name(language, topic))
    return replace(
        outcome,
        reply=replace(outcome.reply, choices=choices),
        note="\n\n".join([outcome.note, text] if outcome.note else [text]),
        writes=(
            *outcome.writes,
            ask_question(turn, LEVEL, choices, {"topic": topic}),
            AddProfileEvent(person_id=turn.person.id, kind=ProfileEventKind.NOTE, data={"what": _ASKED, "topic": topic}),
        ),
    )


def unanswered_level(turn: Turn) -> tuple[CloseQuestion, ...]:
    """Who asks on instead has let the question pass: a label typed later is not meant for it. Its buttons still work."""
    if turn.awaiting is None or turn.awaiting.kind != LEVEL:
        return ()
    return (CloseQuestion(turn_id=turn.awaiting.turn_id, key=None),)


class LevelHandler:
    """Takes the level; any later press replaces the earlier one."""

    name = "level"

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def matches(self, turn: Turn) -> bool:
        """An answer about the level in a topic."""
        return answer_to(turn, LEVEL, by_letter=False) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Keeps it, with short thanks. Where the profile was deleted meanwhile, nothing is kept."""
        chosen = answer_to(turn, LEVEL, by_letter=False)
        topic, _, level = chosen.key.rpartition(":") if chosen is not None else ("", "", "")
        if chosen is None or not level.isdecimal():
            return Outcome(reply=None, is_refused=True)
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{LEVEL}:{chosen.key}")
        language = turn.language
        if not (await self._profiles.of(turn.person.id)).consent:
            text = say(language, "You have no preference profile any more, so I kept nothing.")
            return Outcome(reply=Reply(text=text), writes=(closing,), is_refused=True)
        data = {"what": "level", "value": int(level), "topic": topic}
        text = say(
            language,
            "Thank you, noted for {topic}: {level}. /profile shows everything and changes it.",
            topic=topic_name(language, topic),
            level=_named(language, int(level)),
        )
        keeping = AddProfileEvent(person_id=turn.person.id, kind=ProfileEventKind.SET, data=data)
        return Outcome(reply=Reply(text=text), writes=(keeping, closing))


def _named(language: Language, level: int) -> str:
    """A level as the questionnaire names it."""
    return level_in_words(language, level, load_questionnaire())
