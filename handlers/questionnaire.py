"""The questionnaire as a conversation: consent, one item at a time, and what it came to. In private only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.locale import say
from bot.ports import Preview, Services
from bot.profile_types import ProfileEvent, ProfileEventKind
from bot.types import DueMessage, Language, Outcome, Reply, Turn
from bot.writes import AddProfileEvent, CloseQuestion, DropProfileEvent, Write
from handlers.asked_items import (
    ITEM,
    Given,
    given,
    hint,
    item_asked,
    item_choices,
    opened,
    place_in_words,
    seconds_taken,
    unclear,
)
from handlers.inviting import PROFILE_START, invitation, offer, start_answer, usual_mode
from handlers.reminding import DUE_KINDS, Reminders
from profiles.items import Control, load_questionnaire
from profiles.person import CONSENT_VERSION, Profile, Profiles, replayed
from profiles.questionnaire import Answer, Asked, Course, Mode, is_finished, resumed, step
from profiles.shown import summary

_INVITE: Final = "invite"
"""An answer under a reply that asks something else, which stays open."""
_MODES: Final = {"full": Mode.FULL, "quick": Mode.QUICK, "retest": Mode.RETEST, "redo_quick": Mode.QUICK}
_REDO: Final = ("redo", "redo_quick")


class QuestionnaireHandler:
    """Takes answers to items and to the invitation. Other handlers get their beginnings here."""

    name = "questionnaire"
    due_kinds = DUE_KINDS

    def __init__(self, services: Services, profiles: Profiles) -> None:
        self._services, self._profiles = services, profiles
        self._questionnaire = load_questionnaire()
        self._reminders = Reminders(services, profiles, self._questionnaire)

    def matches(self, turn: Turn) -> bool:
        """An answer to an item or to the invitation, or less. Anything else that is said meanwhile is not meant for it."""
        is_for_item = given(turn, self._questionnaire) is not None or unclear(turn, self._questionnaire) is not None
        return is_for_item or start_answer(turn) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The next item, or what the questionnaire came to."""
        if not turn.message.is_private:
            return _in_private(turn)
        profile = await self._profiles.of(turn.person.id)
        answered = given(turn, self._questionnaire)
        if answered is not None:
            return await self._item(turn, profile, answered)
        shown = unclear(turn, self._questionnaire)
        if shown is not None:
            return self._unclear(turn, profile, shown)
        chosen = start_answer(turn)
        if chosen is None:
            return await self.go_on(turn, profile)
        is_repeated = turn.target is not None and turn.target.chosen == f"{PROFILE_START}:{chosen.key}"
        outcome = await self._start(turn, profile, chosen.key, is_repeated=is_repeated)
        if chosen.key in (_INVITE, "anew"):
            return outcome
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{PROFILE_START}:{chosen.key}")
        return replace(outcome, writes=(closing, *outcome.writes))

    async def word(self, due: DueMessage) -> Outcome:
        """The reminder of a course that was begun the day before."""
        return await self._reminders.word(due)

    async def aside(self, turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
        """What is to be said below an answer to something else, with what notes it; mostly nothing."""
        return await self._reminders.aside(turn, profile)

    async def invite(self, turn: Turn, profile: Profile) -> Outcome:
        """What the questionnaire is and what is kept, and whether the person agrees to it."""
        if not turn.message.is_private:
            return _in_private(turn)
        return invitation(turn, self._services.settings)

    async def begin(self, turn: Turn, profile: Profile, mode: Mode, *, replaces: bool = False) -> Outcome:
        """The first item of a new course; the invitation for who has not agreed. `replaces`: earlier answers count no more."""
        if not turn.message.is_private or not profile.consent:
            return await self.invite(turn, profile)
        data = {"mode": mode.value, "version": self._questionnaire.version, "replaces": replaces}
        writes: tuple[Write, ...] = (_event(turn, ProfileEventKind.COURSE, data), self._reminders.in_a_day(turn))
        return self._asking(turn, Course(mode=mode), writes=writes)

    def start_over(self, turn: Turn, profile: Profile, mode: Mode) -> Outcome:
        """The question whether to begin from nothing, where there is a course. The first option is the harmless one."""
        if not turn.message.is_private:
            return _in_private(turn)
        asked = opened(self._questionnaire, profile.course, turn.person.id) if profile.course is not None else None
        loss = say(
            turn.language,
            "Start over? Then your earlier answers to the questionnaire no longer count. Your ratings and what you set by hand "
            "stay.",
        )
        again = "redo_quick" if mode is Mode.QUICK else "redo"
        if asked is None:
            return offer(turn, loss, ("keep", again))
        place = place_in_words(turn.language, asked)
        waits = say(turn.language, "A questionnaire is open and waits at {place}.", place=place)
        return offer(turn, f"{waits} {loss}", ("go_on", again))

    async def go_on(self, turn: Turn, profile: Profile, *, lead: str = "") -> Outcome:
        """The item at which the course stands, whether it was stopped or not; the invitation where there is none."""
        if not turn.message.is_private or not profile.consent or profile.course is None:
            return await self.invite(turn, profile)
        asked = opened(self._questionnaire, profile.course, turn.person.id)
        if asked is None:
            return offer(turn, _all_answered(turn.language), ("retest", "anew"))
        lead = lead or say(turn.language, "We go on where you left off.")
        return self._asking(turn, profile.course, lead, _resuming(turn, profile.course))

    async def _start(self, turn: Turn, profile: Profile, key: str, *, is_repeated: bool) -> Outcome:
        """What an answer to the invitation, or to an offer of another course, does. Given twice, it begins one course."""
        if key == "no":
            text = say(
                turn.language,
                "All right, no questions. Everything else works the same. If you change your mind, write /profile.",
            )
            return Outcome(reply=Reply(text=text))
        if key == "keep":
            return Outcome(reply=Reply(text=say(turn.language, "All right, it stays as it is. /profile shows it.")))
        finished = profile.course is not None and is_finished(self._questionnaire, profile.course)
        if key in (_INVITE, "go_on") or (key == "retest" and not finished) or (key in ("retest", *_REDO) and is_repeated):
            return await self.go_on(turn, profile)
        if key == "anew":
            return self.start_over(turn, profile, usual_mode(turn))
        if key in ("retest", *_REDO):
            return await self.begin(turn, profile, _MODES.get(key, usual_mode(turn)), replaces=key in _REDO)
        agreed: tuple[Write, ...] = ()
        if not profile.consent:
            consent = {"granted": True, "version": CONSENT_VERSION}
            profile, agreed = replace(profile, consent=True), (_event(turn, ProfileEventKind.CONSENT, consent),)
        is_begun = profile.course is not None
        outcome = await (self.go_on(turn, profile) if is_begun else self.begin(turn, profile, _MODES[key]))
        return replace(outcome, writes=(*agreed, *outcome.writes))

    def _unclear(self, turn: Turn, profile: Profile, shown: Asked) -> Outcome:
        """How the open item is answered; it stays open."""
        course = profile.course
        asked = opened(self._questionnaire, course, turn.person.id) if profile.consent and course is not None else None
        if course is None or asked is None:
            return _unheard(turn, _not_open(turn.language))
        if asked.item.id != shown.item.id:
            return self._elsewhere(turn, course)
        return Outcome(reply=Reply(text=hint(turn.language, shown, self._questionnaire)), is_refused=True)

    async def _item(self, turn: Turn, profile: Profile, answered: Given) -> Outcome:
        """What an answer to an item does; nothing where another item is open, or none."""
        course = profile.course
        if not profile.consent or course is None:
            return _unheard(turn, _not_open(turn.language))
        asked = opened(self._questionnaire, course, turn.person.id)
        if asked is None:
            return _unheard(turn, _all_answered(turn.language))
        if asked.item.id != answered.asked.item.id:
            return self._elsewhere(turn, course)
        if answered.meaning is Control.STOP:
            return self._resting(turn, course, answered)
        if answered.meaning is Control.BACK:
            return self._back(turn, profile, course, answered)
        return await self._next(turn, profile, course, answered)

    async def _next(self, turn: Turn, profile: Profile, course: Course, answered: Given) -> Outcome:
        """The answer kept, and the next item or the end."""
        now = self._services.clock.now()
        seconds = seconds_taken(turn, answered.asked.item.id, profile.asked_at, now)
        after = step(self._questionnaire, resumed(course), answered.asked, answered.meaning, seconds=seconds)
        kept = (*_resuming(turn, course), _event(turn, ProfileEventKind.ANSWER, _data(after.answers[-1])))
        if is_finished(self._questionnaire, after):
            return await self._finished(turn, answered, kept)
        return self._asking(turn, after, writes=(*kept, *_closings(turn, answered)))

    def _back(self, turn: Turn, profile: Profile, course: Course, answered: Given) -> Outcome:
        """The item before, its answer taken back."""
        writes: tuple[Write, ...] = (*_resuming(turn, course), *_closings(turn, answered))
        if not profile.course_ids:
            return self._asking(turn, course, say(turn.language, "This is the first question."), writes)
        dropped = [DropProfileEvent(person_id=turn.person.id, id=id_) for id_ in profile.course_ids[-1]]
        return self._asking(turn, replace(course, answers=course.answers[:-1]), writes=(*dropped, *writes))

    def _resting(self, turn: Turn, course: Course, answered: Given) -> Outcome:
        """The course stopped, and how to go on."""
        text = say(
            turn.language,
            "All right, we leave it there. What you answered is kept, and counts already. With /profile you go on at the same "
            "question, or erase it.",
        )
        stop: tuple[Write, ...] = () if course.is_stopped else (_event(turn, ProfileEventKind.STOP, {}),)
        return Outcome(reply=Reply(text=text), writes=(*stop, *_closings(turn, answered)))

    def _elsewhere(self, turn: Turn, course: Course) -> Outcome:
        """An answer to an item that is not the open one changes nothing."""
        if course.is_stopped:
            text = say(
                turn.language, "That question is not open any more, and the questionnaire rests. /profile goes on with it."
            )
            return _unheard(turn, text)
        lead = say(turn.language, "That question is not open any more; this one is.")
        return replace(self._asking(turn, course, lead), is_refused=True)

    async def _finished(self, turn: Turn, answered: Given, kept: Sequence[AddProfileEvent]) -> Outcome:
        """What the answers came to, this last one with them, and an offer to begin again where they cannot be trusted."""
        ids, now = self._services.ids, self._services.clock.now()
        earlier = await self._services.profiles.events(turn.person.id)
        new = [ProfileEvent(id=ids.new(), kind=one.kind, data=one.data, at=now) for one in kept]
        profile = await asyncio.to_thread(replayed, self._questionnaire, (*earlier, *new), now=now)
        parts = [
            say(turn.language, "That was the last question. Thank you!"),
            summary(turn.language, profile, self._questionnaire),
            say(turn.language, "With /profile you see this again, change it, switch it off or erase it."),
        ]
        writes: tuple[Write, ...] = (*kept, *_closings(turn, answered))
        if not (profile.quality.is_fast or profile.quality.is_one_sided):
            return Outcome(reply=Reply(text="\n\n".join(parts)), writes=writes)
        why = (
            say(turn.language, "Your answers came very fast, so I give them little weight.")
            if profile.quality.is_fast
            else say(turn.language, "You chose the same place nearly every time, so I give your answers little weight.")
        )
        again = say(turn.language, "If you like, we do it once more, without any hurry; these answers then count no longer.")
        parts.append(f"{why} {again}")
        # Nothing is lost by one press too many: the first option is the harmless one.
        offered = offer(turn, "\n\n".join(parts), ("keep", "redo"))
        return replace(offered, writes=(*writes, *offered.writes))

    def _asking(self, turn: Turn, course: Course, lead: str = "", writes: Sequence[Write] = ()) -> Outcome:
        """The item at which the course stands, in the language of the turn, open from now on."""
        asked = opened(self._questionnaire, course, turn.person.id)
        assert asked is not None, "a finished course asks nothing"
        choices = item_choices(asked, self._questionnaire, turn.language)
        text = asked.wording(self._questionnaire, turn.language)
        reply = Reply(text=f"{lead}\n\n{text}" if lead else text, choices=choices)
        return Outcome(reply=reply, writes=(*writes, item_asked(turn, asked, choices, self._services.clock.now())))


def _in_private(turn: Turn) -> Outcome:
    text = say(turn.language, "I do that only in a private chat. Write it to me there.")
    return Outcome(reply=Reply(text=text), is_refused=True)


def _not_open(language: Language) -> str:
    return say(language, "That questionnaire is not open any more. /profile begins a new one.")


def _all_answered(language: Language) -> str:
    return say(language, "You have answered the whole questionnaire. /profile shows what I understood.")


def _unheard(turn: Turn, text: str) -> Outcome:
    """An answer that nothing waits for; the item that seemed to be open here is not."""
    is_item = turn.awaiting is not None and turn.awaiting.kind == ITEM
    closings = (CloseQuestion(turn_id=turn.awaiting.turn_id, key=None),) if turn.awaiting is not None and is_item else ()
    return Outcome(reply=Reply(text=text), writes=closings, is_refused=True)


def _closings(turn: Turn, answered: Given) -> tuple[CloseQuestion, ...]:
    """The answered question, and the same item where it stood open in a later message: a letter must not answer it again."""
    closings = [CloseQuestion(turn_id=answered.turn_id, key=answered.key)]
    if turn.awaiting is not None and turn.awaiting.kind == ITEM and turn.awaiting.turn_id != answered.turn_id:
        closings.append(CloseQuestion(turn_id=turn.awaiting.turn_id, key=None))
    return tuple(closings)


def _resuming(turn: Turn, course: Course) -> tuple[AddProfileEvent, ...]:
    """A course that rests goes on with the next thing that its person does in it."""
    return (_event(turn, ProfileEventKind.RESUME, {}),) if course.is_stopped else ()


def _data(answer: Answer) -> dict[str, object]:
    return {"item": answer.item, "option": answer.option, "position": answer.position, "seconds": answer.seconds}


def _event(turn: Turn, kind: ProfileEventKind, data: Mapping[str, object]) -> AddProfileEvent:
    return AddProfileEvent(person_id=turn.person.id, kind=kind, data=data)
