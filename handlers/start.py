"""The greeting: what this is, where words go, and one question, about training only, that nothing waits for (R-52, R-66)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.locale import say
from bot.ports import Preview, Services
from bot.types import Choice, DueMessage, Language, Outcome, Person, Reply, Turn
from bot.writes import AddDueMessage, AddJob, CloseQuestion, SetConsent, Write
from handlers.asking import answer_to, ask_question, option
from handlers.inviting import PROFILE_START
from handlers.wording import language_name, where_text_goes

CONSENT: Final = "consent"
CONSENT_VERSION: Final = "2026-11-22"
"""The wording that people agree to; a change of what is done with their words needs a new version and a new question."""

REMIND_AFTER: Final = timedelta(hours=24)


def decided_on_training(language: Language) -> str:
    """In a group: that the person has decided about training, and not how."""
    return say(
        language,
        "You have told me whether your conversations may help train me. What you chose is between us: /start in a private chat "
        "shows it.",
    )


class StartHandler:
    """Greets, and takes the answer to the question it asks. Any later answer replaces the earlier one."""

    name = "start"
    due_kinds = frozenset({CONSENT})

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/start`, or an answer about training."""
        return turn.command == "start" or answer_to(turn, CONSENT) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The greeting, or the consent as answered."""
        chosen = answer_to(turn, CONSENT)
        if chosen is None:
            return await self.greet(turn, turn.language)
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{CONSENT}:{chosen.key}")
        return self._later(turn, closing) if chosen.key == "later" else self._decided(turn, closing, chosen.key == "yes")

    async def greet(self, turn: Turn, language: Language) -> Outcome:
        """The greeting in `language`. The question is open only for those who have not answered; others may change it."""
        name = self._services.settings.bot_name
        where = where_text_goes(language, self._services.known(), turn.message.address.channel)
        parts = [
            say(
                language,
                "Hi! I am {name}, an automated assistant: you are talking with an AI, not with a person, and I can be wrong.",
                name=name,
            ),
            say(
                language,
                "Ask me anything. When an answer is off, press 👎 and write the right one: I use it from then on.",
            )
            + f" {where}",
            *self._memory(language, turn.person),
            self._question(turn, language),
        ]
        choices = self._choices(language, is_private=turn.message.is_private)
        is_open = turn.person.training_consent is None
        reply = Reply(text="\n\n".join(parts), choices=choices)
        return Outcome(reply=reply, writes=(ask_question(turn, CONSENT, choices),) if is_open else ())

    async def word(self, due: DueMessage) -> Outcome:
        """The one reminder that "later" asked for; nothing when the person has decided meanwhile."""
        if due.person.training_consent is not None:
            return Outcome(reply=None)
        language = due.person.language or ("es" if due.kind.endswith(".es") else "en")
        text = say(
            language,
            "You said “later” when I asked whether your conversations may help train me. If you want to decide now, /start "
            "shows the question. If not, there is nothing to do: they are not used, and I will not bring it up again.",
        )
        return Outcome(reply=Reply(text=text))

    def _memory(self, language: Language, person: Person) -> list[str]:
        """That what people tell is remembered, to whom it is."""
        if not (person.remembers and self._services.settings.remembers):
            return []
        text = say(
            language,
            "I remember what you tell me about yourself and use it in my answers to you, never in those to others. /memory "
            "shows it, and there you correct it, have it forgotten or switch it off.",
        )
        return [text]

    def _question(self, turn: Turn, language: Language) -> str:
        consent = turn.person.training_consent
        if consent is not None and not turn.message.is_private:
            return decided_on_training(language)
        if consent is None:
            return say(
                language,
                "**One question, and only about training:** may your conversations help train later versions of me? Whoever "
                "runs me may then read rated answers and corrections of yours, with what is personal taken out, to check them. "
                "Using me does not depend on it: I work the same whatever you answer, and you can change it at any time with "
                "/start.",
            )
        if consent:
            return say(language, "Your conversations **may** help train me, as you allowed. Would you like to change that?")
        return say(language, "Your conversations are **not** used to train me, as you asked. Would you like to change that?")

    def _choices(self, language: Language, *, is_private: bool) -> tuple[Choice, ...]:
        """The answers about training, the other language, and the questionnaire, which is for private chats only."""
        other: Language = "en" if language == "es" else "es"
        choices = (
            option(CONSENT, "yes", say(language, "Yes")),
            option(CONSENT, "no", say(language, "No")),
            option(CONSENT, "later", say(language, "Later")),
            option("language", other, language_name(other), row=1),
        )
        if not is_private:
            return choices
        return (*choices, option(PROFILE_START, "invite", say(language, "3-minute questionnaire: how you like answers"), row=2))

    def _decided(self, turn: Turn, closing: CloseQuestion, is_granted: bool) -> Outcome:
        consent = SetConsent(person_id=turn.person.id, granted=is_granted, version=CONSENT_VERSION)
        if is_granted:
            text = say(
                turn.language, "Thank you! Your conversations may help train me from now on. You can change that with /start."
            )
        else:
            text = say(
                turn.language,
                "Understood: your conversations will not be used to train me. Everything else works the same. You can change "
                "that with /start.",
            )
        return Outcome(reply=Reply(text=text), writes=(consent, *self._taken_back(turn, is_granted), closing))

    def _later(self, turn: Turn, closing: CloseQuestion) -> Outcome:
        """Nothing is used meanwhile: whoever had agreed before takes that back. Pressed twice, it still reminds once."""
        writes: list[Write] = []
        if turn.person.training_consent:
            writes.append(SetConsent(person_id=turn.person.id, granted=False, version=CONSENT_VERSION))
            writes += self._taken_back(turn, is_granted=False)
        text = say(
            turn.language, "All right. Until you decide, nothing of yours is used for training. You can decide with /start."
        )
        is_open = turn.awaiting is not None and turn.awaiting.turn_id == closing.turn_id
        if is_open:
            text = say(
                turn.language,
                "All right, I will ask once more tomorrow. Until you decide, nothing of yours is used for training.",
            )
            writes.append(self._reminder(turn))
        return Outcome(reply=Reply(text=text), writes=(*writes, closing))

    def _taken_back(self, turn: Turn, is_granted: bool) -> Sequence[Write]:
        """What was used so far is taken out of the training files."""
        if is_granted or not turn.person.training_consent:
            return ()
        return (AddJob(kind="withdraw", person_id=turn.person.id),)

    def _reminder(self, turn: Turn) -> AddDueMessage:
        return AddDueMessage(
            person_id=turn.person.id,
            address_id=turn.address_id,
            kind=f"{CONSENT}.{turn.language}",
            due_at=self._services.clock.now() + REMIND_AFTER,
        )
