"""What is said unasked about the questionnaire: that an item stays open, at most two reminders of a course, and the retest."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.locale import say
from bot.ports import Services
from bot.profile_types import ProfileEventKind
from bot.types import DueMessage, Outcome, PersonId, Reply, Turn
from bot.writes import AddDueMessage, AddProfileEvent, Write
from handlers.asked_items import ITEM, opened, place_in_words
from profiles.items import Questionnaire
from profiles.person import Profile, Profiles
from profiles.questionnaire import Asked
from profiles.weights import is_retest_due

QUESTIONNAIRE: Final = "questionnaire"
DUE_KINDS: Final = frozenset({QUESTIONNAIRE})
REMIND_AFTER: Final = timedelta(hours=24)
ANSWERS_BEFORE_REMINDER: Final = 10
AT_IT: Final = timedelta(hours=1)
"""Whoever took a step of the course so lately needs no reminder."""

_Note = tuple[str, str]
STAYS_OPEN: Final[_Note] = ("resume_noted", "")
AFTER_A_DAY: Final[_Note] = ("reminded", "")
AFTER_ANSWERS: Final[_Note] = ("reminded", "answers")
RETEST: Final[_Note] = ("retest_offered", "")

_NOTHING: Final[tuple[str, tuple[Write, ...]]] = ("", ())


class Reminders:
    """Words them and keeps count: each is noted, and said once of a course."""

    def __init__(self, services: Services, profiles: Profiles, questionnaire: Questionnaire) -> None:
        self._stored, self._clock = services.profiles, services.clock
        self._profiles, self._questionnaire = profiles, questionnaire

    def in_a_day(self, turn: Turn) -> AddDueMessage:
        """What a course that begins leaves for tomorrow."""
        return AddDueMessage(
            person_id=turn.person.id,
            address_id=turn.address_id,
            kind=f"{QUESTIONNAIRE}.{turn.language}",
            due_at=self._clock.now() + REMIND_AFTER,
        )

    async def word(self, due: DueMessage) -> Outcome:
        """The reminder of the next day; nothing for who has finished, is at it, was reminded, or wants no profile."""
        person, language = due.person.id, due.person.language or ("es" if due.kind.endswith(".es") else "en")
        profile, now = await self._profiles.of(person), self._clock.now()
        asked, began = self._open(profile, person), profile.began_at
        if asked is None or began is None or profile.asked_at is None or now - profile.asked_at < AT_IT:
            return Outcome(reply=None)
        # The course's event is a little younger than the wish for its reminder, and an older course's wish is no longer one.
        if now - began < REMIND_AFTER - AT_IT:
            return Outcome(reply=None)
        if any(profile.noted[note] >= began for note in (AFTER_A_DAY, AFTER_ANSWERS) if note in profile.noted):
            return Outcome(reply=None)
        text = say(
            language,
            "You began to tell me how you like things explained. The questionnaire waits at {place}: /profile goes on with it "
            "whenever you like. If you leave it at that, nothing else changes.",
            place=place_in_words(language, asked),
        )
        return Outcome(reply=Reply(text=text), writes=(_noted(person, AFTER_A_DAY),))

    async def aside(self, turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
        """What goes below an answer to something else, with what notes it; mostly nothing, and never in groups."""
        if not turn.message.is_private or not profile.consent or not profile.is_on or profile.began_at is None:
            return _NOTHING
        asked, language = self._open(profile, turn.person.id), turn.spoken
        if asked is None:
            return self._retest(turn, profile)
        if _is_noted(profile, AFTER_ANSWERS):
            return _NOTHING
        place = place_in_words(language, asked)
        if self._is_open_here(turn, asked) and not _is_noted(profile, STAYS_OPEN):
            text = say(
                language, "The questionnaire waits at {place}: answer it by its letter, or go on with /profile.", place=place
            )
            return text, (_noted(turn.person.id, STAYS_OPEN),)
        if await self._stored.answers_since(turn.person.id, profile.began_at) < ANSWERS_BEFORE_REMINDER:
            return _NOTHING
        text = say(
            language,
            "The questionnaire about how you like things explained still waits at {place}: /profile goes on with it. I will "
            "not bring it up again.",
            place=place,
        )
        return text, (_noted(turn.person.id, AFTER_ANSWERS),)

    def _retest(self, turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
        """The offer after a finished course, once until another one."""
        asked_at = profile.asked_at
        if asked_at is None or profile.noted.get(RETEST, asked_at) > asked_at:
            return _NOTHING
        if not is_retest_due(profile.votes, asked_at, self._clock.now()):
            return _NOTHING
        text = say(
            turn.spoken,
            "Does what I know of how you like things explained still fit? To check, answer a few questions again: /profile.",
        )
        return text, (_noted(turn.person.id, RETEST),)

    def _open(self, profile: Profile, person: PersonId) -> Asked | None:
        """The item at which an unfinished course stands, of somebody who wants a profile."""
        if profile.course is None or not profile.consent or not profile.is_on:
            return None
        return opened(self._questionnaire, profile.course, person)

    def _is_open_here(self, turn: Turn, asked: Asked) -> bool:
        question = turn.awaiting
        return question is not None and question.kind == ITEM and question.state.get("item") == asked.item.id


def _is_noted(profile: Profile, note: _Note) -> bool:
    """Whether it was noted in this course."""
    noted_at, began_at = profile.noted.get(note), profile.began_at
    return noted_at is not None and began_at is not None and noted_at >= began_at


def _noted(person: PersonId, note: _Note) -> AddProfileEvent:
    return AddProfileEvent(person_id=person, kind=ProfileEventKind.NOTE, data={"what": note[0], "topic": note[1]})
