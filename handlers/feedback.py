"""What people think of an answer, in one ledger: buttons, reasons, corrections, reactions; and edits of what they had said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from bot.errors import StoreError
from bot.locale import say
from bot.ports import Preview, Services
from bot.profile_types import LoggedStyle, ProfileEvent, ProfileEventKind, Reason
from bot.types import GivenRating, Kind, Language, Outcome, PastTurn, Reply, Turn
from bot.writes import AddProfileEvent, DropProfileEvent, RelabelTurn, SetRating, Write
from handlers.crisis import CrisisHandler
from profiles.person import Profile, Profiles
from profiles.reasons import STYLES, adjusted_length, adjusted_level
from profiles.weights import COUNTS_FOR

_KINDS: Final = frozenset({Kind.RATING, Kind.REACTION, Kind.EDIT})
_FOR_A_PROFILE: Final = frozenset({Reason.LONG, Reason.SHORT, Reason.HARD, Reason.EASY, *STYLES})
"""The reasons that change later answers only where a profile is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learning:
    """What a rating is to somebody's profile; `log` is None where the answer's style was not logged.

    `presses` are what the profile knows of earlier ratings of the answer. `now` is when this one was pressed.
    """

    profile: Profile
    now: datetime
    log: LoggedStyle | None = None
    presses: Sequence[ProfileEvent] = ()

    @property
    def is_late(self) -> bool:
        """Whether the profile takes no rating of that answer any more."""
        return self.log is not None and self.now - self.log.at > COUNTS_FOR


class FeedbackHandler:
    """One row per answer and person: the last press wins, repeats change nothing (R-09)."""

    name = "feedback"

    def __init__(self, services: Services, profiles: Profiles, crisis: CrisisHandler) -> None:
        self._services, self._profiles, self._crisis = services, profiles, crisis
        self._max_chars = services.settings.max_correction_chars

    def matches(self, turn: Turn) -> bool:
        """A rating, a reaction or an edit."""
        return turn.message.kind in _KINDS

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What to write into the ledger, with short thanks for a rating; reactions and edits are taken without a word."""
        match turn.message.kind:
            case Kind.RATING:
                return await self._rate(turn)
            case Kind.REACTION:
                return await self._react(turn)
            case _:
                return self._edit(turn)

    async def _rate(self, turn: Turn) -> Outcome:
        given, answer, language = turn.message.rating, turn.target, turn.language
        if given is None or answer is None or answer.person_id != turn.person.id:
            return _refused(say(language, "I cannot find that answer among yours any more, so I could not note your rating."))
        if not answer.reply.rateable:
            return _refused(say(language, "That message is not an answer that can be rated."))
        if given.correction is not None:
            length = len(given.correction.strip())
            if not length:
                return _refused(say(language, "Your correction is empty. Write what I should have answered."))
            if length > self._max_chars:
                return _refused(
                    say(
                        language,
                        "Your correction is too long for me: {length} characters, and I can keep {limit}.",
                        length=length,
                        limit=self._max_chars,
                    )
                )
        rating, learning = merged(turn, answer, given), await self._learning(turn, answer)
        thanks = self._noted(turn, rating, learning) if given.correction is None and turn.message.is_private else ""
        return Outcome(
            reply=Reply(text=thanks or _thanks(language, given, rating)), writes=(rating, *_pressed(answer, rating, learning))
        )

    async def _react(self, turn: Turn) -> Outcome:
        value, answer = reaction_value(turn.message.text), turn.target
        if value is None:
            return Outcome(reply=None)
        if answer is None or answer.person_id != turn.person.id or not answer.reply.rateable:
            return Outcome(reply=None, is_refused=True)
        if value == 0 and answer.rating is None:
            return Outcome(reply=None)
        rating = merged(turn, answer, GivenRating(turn_id=answer.id, value=value))
        return Outcome(reply=None, writes=(rating, *_pressed(answer, rating, await self._learning(turn, answer))))

    async def _learning(self, turn: Turn, answer: PastTurn) -> _Learning | None:
        """What the rating can teach; None when that cannot be read just now: the ledger has its row all the same."""
        try:
            profile = await self._profiles.of(turn.person.id)
            learning = _Learning(profile=profile, now=self._services.clock.now())
            if not profile.consent:
                return learning
            log = await self._services.profiles.style_of(answer.id)
            presses = await self._services.profiles.presses_of(turn.person.id, answer.id)
        except StoreError:
            return None
        return replace(learning, log=log, presses=presses)

    def _noted(self, turn: Turn, rating: SetRating, learning: _Learning | None) -> str:
        """What a reason changes from now on; empty where it changes nothing, or that is not known."""
        reason = rating.reason
        if learning is None or reason is None or reason not in _FOR_A_PROFILE:
            return ""
        profile, log = learning.profile, learning.log
        if not profile.is_used:
            return say(turn.language, "Thank you, noted. With /profile I can fit my answers to that.")
        if log is None or learning.is_late or not _can_change(profile, reason, log.style.topic):
            return ""
        return _change(turn.language, reason)

    def _edit(self, turn: Turn) -> Outcome:
        """The stored question takes the new text, without a second answer; except where the new text calls for help."""
        said, text = turn.target, turn.message.text
        if said is None or said.person_id != turn.person.id or said.kind is not Kind.TEXT or not text.strip():
            return Outcome(reply=None, is_refused=True)
        help_first = self._crisis.respond(turn, text)
        relabel = RelabelTurn(turn_id=said.id, question=text)
        return Outcome(reply=help_first.reply if help_first else None, writes=(relabel,))


def merged(turn: Turn, answer: PastTurn, given: GivenRating) -> SetRating:
    """The ledger's row after this press: a correction stays until another comes, a reason while the value does; 0 clears."""
    earlier = answer.rating
    reason: Reason | None = given.reason if given.value == -1 else None
    correction = given.correction.strip() if given.correction is not None else None
    if earlier is not None and given.value != 0:
        reason = reason or (earlier.reason if given.value == earlier.value else None)
        correction = correction or earlier.correction
    return SetRating(person_id=turn.person.id, turn_id=answer.id, value=given.value, reason=reason, correction=correction)


def reaction_value(text: str) -> Literal[1, 0, -1] | None:
    """What a reaction says: 👍 and 👎 in any skin tone, 0 when it was taken away, None when it is something else."""
    if not text.strip():
        return 0
    return {"👍": 1, "👎": -1}.get(text.strip()[0])  # type: ignore[return-value]


def _pressed(answer: PastTurn, rating: SetRating, learning: _Learning | None) -> tuple[Write, ...]:
    """What the profile is told: each change of a rating, if its person agreed to a profile and the style was logged.

    The profile has one event of an answer, or none. A withdrawn rating leaves none; one that comes too late changes nothing.
    """
    earlier = answer.rating
    before = (earlier.value, earlier.reason) if earlier is not None else (0, None)
    if learning is None or learning.log is None or (rating.value, rating.reason) == before:
        return ()
    if rating.value != 0 and learning.is_late:
        return ()
    drops = [DropProfileEvent(person_id=rating.person_id, id=event.id) for event in learning.presses]
    return (*drops, *_press(rating, learning.log, learning.presses))


def _press(rating: SetRating, log: LoggedStyle, presses: Sequence[ProfileEvent]) -> tuple[AddProfileEvent, ...]:
    """The one event of a rating; nothing for a withdrawn one."""
    if rating.value == 0:
        return ()
    data = {
        "turn": rating.turn_id,
        "value": rating.value,
        "reason": rating.reason.value if rating.reason is not None else None,
        "arms": list(log.style.used),
        "answered_at": log.at.isoformat(),
        "first_at": _first_at(rating, presses),
        "topic": log.style.topic,
    }
    return (AddProfileEvent(person_id=rating.person_id, kind=ProfileEventKind.PRESS, data=data),)


def _first_at(rating: SetRating, presses: Sequence[ProfileEvent]) -> object:
    """When this thumb was pressed first, if it was; a reason pressed later makes it no later."""
    first: object = None
    for event in presses:
        is_same = event.data.get("value") == rating.value
        first = (first or event.data.get("first_at") or event.at.isoformat()) if is_same else None
    return first


def _can_change(profile: Profile, reason: Reason, topic: str) -> bool:
    """Whether a reason can make a difference: not at the end of a scale, nor where a pin stands."""
    if reason in STYLES:
        return STYLES[reason][0] not in profile.pins
    level = profile.level_of(topic)
    return adjusted_length(profile.length, reason) != profile.length or adjusted_level(level, reason) != level


def _change(language: Language, reason: Reason) -> str:
    """What will be different because of a reason."""
    changes = {
        Reason.LONG: say(language, "Noted: I will be shorter."),
        Reason.SHORT: say(language, "Noted: I will say more."),
        Reason.HARD: say(language, "Noted: I lower the level for questions like this."),
        Reason.EASY: say(language, "Noted: I raise the level for questions like this."),
        Reason.MORE_EXAMPLES: say(language, "Noted: I will begin with examples more often."),
        Reason.MORE_THEORY: say(language, "Noted: I will begin with the principle more often."),
        Reason.STEP_BY_STEP: say(language, "Noted: I will go step by step more often."),
        Reason.OVERVIEW: say(language, "Noted: I will begin with the overview more often."),
        Reason.MORE_PRACTICE: say(language, "Noted: I will let you practise more often."),
        Reason.LESS_PRACTICE: say(language, "Noted: I will set exercises less often."),
        Reason.OUTLINE: say(language, "Noted: I will write outlines more often."),
        Reason.PROSE: say(language, "Noted: I will write in prose more often."),
    }
    return changes[reason]


def _thanks(language: Language, given: GivenRating, rating: SetRating) -> str:
    if given.correction is not None:
        return say(language, "Thank you! I will use your correction from your next question on.")
    if rating.value == 0:
        return say(language, "Done: your rating is taken back.")
    if rating.value == 1:
        return say(language, "Thank you! Noted.")
    return say(language, "Thank you, noted. If you tell me the right answer, I will use it from your next question on.")


def _refused(text: str) -> Outcome:
    return Outcome(reply=Reply(text=text), is_refused=True)
