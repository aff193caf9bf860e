"""The course of a conversation: a new one, stopping an answer, answering again, and its language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.locale import say
from bot.ports import Preview, Services, TurnStore
from bot.types import ConversationId, Kind, Language, Outcome, PastTurn, Reply, Turn, TurnStatus
from bot.writes import CloseQuestion, SetConversation, SetLanguage
from handlers.asking import answer_to, asking, option
from handlers.chat import Answering
from handlers.crisis import CrisisHandler
from handlers.wording import language_name

LANGUAGE: Final = "language"
ANSWERS: Final = frozenset({"chat", "again"})
"""The handlers whose replies are answers to a question."""
_LOOK_BACK: Final = 50
"""How many turns `/again` and `/why` look through for what they are about."""

_NAMED: Final[Mapping[str, Language]] = {
    "es": "es", "español": "es", "espanol": "es", "castellano": "es", "spanish": "es",
    "en": "en", "english": "en", "inglés": "en", "ingles": "en",
}  # fmt: skip


class NewHandler:
    """Begins a new conversation."""

    name = "new"

    def __init__(self, services: Services) -> None:
        self._ids = services.ids

    def matches(self, turn: Turn) -> bool:
        """`/new`."""
        return turn.command == "new"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What came before is no longer history."""
        begin = SetConversation(address_id=turn.address_id, conversation_id=ConversationId(self._ids.new()))
        text = say(
            turn.language,
            "New conversation: I start afresh. What you corrected stays learned. What would you like to talk about?",
        )
        return Outcome(reply=Reply(text=text), writes=(begin,))


class StopHandler:
    """Ends the answer that is being written."""

    name = "stop"

    def matches(self, turn: Turn) -> bool:
        """A wish to stop."""
        return turn.message.kind is Kind.STOP or turn.command == "stop"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Stops the running turn; says so when there is none, or when another one is meant."""
        if turn.running is not None and turn.message.target in (None, turn.running):
            return Outcome(reply=None, stops=turn.running)
        return Outcome(reply=Reply(text=say(turn.language, "I am not writing anything right now.")), is_refused=True)


class AgainHandler:
    """Answers an earlier question once more: the one named, else the last one."""

    name = "again"

    def __init__(self, services: Services, answering: Answering, crisis: CrisisHandler) -> None:
        self._turns, self._answering, self._crisis = services.turns, answering, crisis

    def matches(self, turn: Turn) -> bool:
        """`/again`."""
        return turn.command == "again"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The new answer, stored with the original question."""
        past = await meant(turn, self._turns, _is_repeatable)
        if past is None:
            text = say(turn.language, "There is nothing to answer again yet. Ask me something first.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        help_first = self._crisis.respond(turn, past.question)
        if help_first is not None:
            return help_first
        return await self._answering.answer_again(turn, past, preview)


class LanguageHandler:
    """Sets the language of everything the bot says to this person. `greet` words the greeting, for who switches there."""

    name = "language"

    def __init__(self, greet: Callable[[Turn, Language], Awaitable[Outcome]]) -> None:
        self._greet = greet

    def matches(self, turn: Turn) -> bool:
        """`/language`, or a choice of a language."""
        return turn.command == "language" or answer_to(turn, LANGUAGE) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Says so in the new language; asks when none was named."""
        chosen = answer_to(turn, LANGUAGE)
        language = _NAMED.get((turn.arguments if chosen is None else chosen.key).strip().lower())
        if language is None:
            return _ask(turn)
        switch = SetLanguage(person_id=turn.person.id, language=language)
        if chosen is None:
            return Outcome(reply=_switched(language), writes=(switch,))
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{LANGUAGE}:{chosen.key}")
        if _is_greeting(turn):
            greeting = await self._greet(turn, language)
            return Outcome(reply=greeting.reply, writes=(switch, closing, *greeting.writes))
        return Outcome(reply=_switched(language), writes=(switch, closing))


async def meant(turn: Turn, turns: TurnStore, fits: Callable[[PastTurn], bool]) -> PastTurn | None:
    """The turn that a command is about: the one named, else the person's last one in this conversation that fits."""
    if turn.message.target is not None:
        past = turn.target
        return past if past is not None and past.person_id == turn.person.id and fits(past) else None
    for past in reversed(await turns.history(turn.address_id, before=turn.id, limit=_LOOK_BACK)):
        if past.handler == "new":
            return None
        if past.person_id == turn.person.id and fits(past):
            return past
    return None


def _ask(turn: Turn) -> Outcome:
    choices = tuple(option(LANGUAGE, language, language_name(language)) for language in ("es", "en"))
    return asking(turn, LANGUAGE, "¿En qué idioma hablamos? / Which language shall we speak?", choices)


def _switched(language: Language) -> Reply:
    return Reply(text=say(language, "Done: from now on I speak English with you. You can still write in Spanish."))


def _is_greeting(turn: Turn) -> bool:
    """Whether the language was chosen under the greeting, by press or by its letter."""
    if turn.target is not None:
        return turn.target.handler == "start"
    return turn.awaiting is not None and turn.awaiting.kind != LANGUAGE


def _is_repeatable(past: PastTurn) -> bool:
    """A question that was answered by the chat, or that went wrong before anything could answer it."""
    return bool(past.question) and (past.handler in ANSWERS or (past.kind is Kind.TEXT and past.status is TurnStatus.FAILED))
