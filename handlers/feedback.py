"""What people think of an answer, in one ledger: buttons, reasons, corrections, reactions; and edits of what they had said."""

from __future__ import annotations

from typing import Final, Literal

from bot.locale import say
from bot.ports import Preview, Services
from bot.profile_types import Reason
from bot.types import GivenRating, Kind, Language, Outcome, PastTurn, Reply, Turn
from bot.writes import RelabelTurn, SetRating
from handlers.crisis import CrisisHandler

_KINDS: Final = frozenset({Kind.RATING, Kind.REACTION, Kind.EDIT})


class FeedbackHandler:
    """One row per answer and person: the last press wins, repeats change nothing (R-09)."""

    name = "feedback"

    def __init__(self, services: Services, crisis: CrisisHandler) -> None:
        self._max_chars, self._crisis = services.settings.max_correction_chars, crisis

    def matches(self, turn: Turn) -> bool:
        """A rating, a reaction or an edit."""
        return turn.message.kind in _KINDS

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What to write into the ledger, with short thanks for a rating; reactions and edits are taken without a word."""
        match turn.message.kind:
            case Kind.RATING:
                return self._rate(turn)
            case Kind.REACTION:
                return _react(turn)
            case _:
                return self._edit(turn)

    def _rate(self, turn: Turn) -> Outcome:
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
        rating = merged(turn, answer, given)
        return Outcome(reply=Reply(text=_thanks(language, given, rating)), writes=(rating,))

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


def _react(turn: Turn) -> Outcome:
    value, answer = reaction_value(turn.message.text), turn.target
    if value is None:
        return Outcome(reply=None)
    if answer is None or answer.person_id != turn.person.id or not answer.reply.rateable:
        return Outcome(reply=None, is_refused=True)
    if value == 0 and answer.rating is None:
        return Outcome(reply=None)
    return Outcome(reply=None, writes=(merged(turn, answer, GivenRating(turn_id=answer.id, value=value)),))


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
