"""Whether a correction of somebody's may answer everybody: asked of them, shown to them, and taken back by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.sharing_types import SHARE, SHARING_VERSION, SharedAnswer, SharedState
from bot.types import Choice, Chosen, DueMessage, Kind, Language, Outcome, Reply, Turn
from bot.writes import CloseQuestion, DecideSharing, ToldOfSharing, Write
from handlers.asking import answer_to, asking, option
from handlers.shared_words import in_a_line, in_full, named, page_of, place_named


class ShareHandler:
    """Asks whoever wrote a correction, in private, and lists what they share; nothing is shared before they say so here.

    A button names the correction and its words as they were when it was shown. Everything else is refused as gone.
    """

    name = "share"
    due_kinds = frozenset({SHARE})

    def __init__(self, services: Services) -> None:
        self._store = services.sharing

    def matches(self, turn: Turn) -> bool:
        """`/share`, or the press of one of its buttons."""
        return turn.command == "share" or _press(turn) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What waits for the person, one by one, then what they share; or what they decided, and what is next."""
        language = turn.language
        if not turn.message.is_private:
            text = say(language, "I show what you share only in a private chat. Write /share to me there.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        theirs = await self._store.of_person(turn.person.id)
        chosen = _press(turn)
        if chosen is None:
            return _next(turn, theirs)
        if turn.target is not None and turn.target.chosen is not None:
            text = say(language, "You have already answered that. /share shows how it is.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        return _pressed(turn, chosen, theirs)

    async def word(self, due: DueMessage) -> Outcome:
        """That something waits for the person; nothing once they have decided, or it is not wanted any more."""
        language = due.person.language or ("es" if due.kind.endswith(".es") else "en")
        waiting = [one for one in await self._store.of_person(due.person.id) if one.state is SharedState.ASKED]
        if not waiting:
            return Outcome(reply=None)
        text = say_many(
            language,
            "You once told me a better answer, and whoever runs this bot would like everybody to have it, without a word about "
            "whose it is. I ask you first: /share shows it. Until you agree there, it stays yours alone.",
            "You told me {count} better answers, and whoever runs this bot would like everybody to have them, without a word "
            "about whose they are. I ask you first: /share shows them. Until you agree there, they stay yours alone.",
            len(waiting),
        )
        return Outcome(reply=Reply(text=text), writes=(ToldOfSharing(person_id=due.person.id),))


def told_below(turn: Turn, count: int) -> tuple[str, tuple[Write, ...]]:
    """What goes once below an answer, where somebody could not be told otherwise that so many answers wait for their word."""
    if not count:
        return "", ()
    text = say_many(
        turn.spoken,
        "An answer that you once gave me could help everybody: /share shows it and asks you.",
        "{count} answers that you once gave me could help everybody: /share shows them and asks you.",
        count,
    )
    return text, (ToldOfSharing(person_id=turn.person.id),)


def _press(turn: Turn) -> Chosen | None:
    """The button that was pressed. Nothing that is written lets others have somebody's words: it may be meant for the talk."""
    return answer_to(turn, SHARE) if turn.message.kind is Kind.CHOICE else None


def _pressed(turn: Turn, chosen: Chosen, theirs: Sequence[SharedAnswer]) -> Outcome:
    """What was decided about one of them, then what is next."""
    language = turn.language
    verb, _, rest = chosen.key.partition(".")
    closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{SHARE}:{chosen.key}")
    if verb == "more":
        return _listed(turn, theirs, closing, first=place_named(rest))
    turn_id, _, digest = rest.partition(".")
    one = next((one for one in theirs if one.turn_id == turn_id and one.digest.startswith(digest)), None)
    if one is None or (verb == "end") != (one.state is SharedState.SHARED):
        lead = say(language, "It has changed since I showed it to you, or it is decided already.")
        return replace(_next(turn, theirs, closing, lead=lead), is_refused=True)
    is_shared = verb == "yes"
    decision = DecideSharing(
        person_id=turn.person.id, turn_id=one.turn_id, digest=one.digest, is_shared=is_shared, version=SHARING_VERSION
    )
    now = replace(one, state=SharedState.SHARED if is_shared else SharedState.DECLINED)
    left = [now if other is one else other for other in theirs]
    return _next(turn, left, closing, decision, lead=_noted(language, verb))


def _noted(language: Language, verb: str) -> str:
    match verb:
        case "yes":
            return say(language, "Thank you! It answers everybody from the next question on.")
        case "end":
            return say(
                language,
                "Taken back: it answers nobody but you from the next question on. What others were answered before stays in "
                "their conversations.",
            )
        case _:
            return say(language, "Understood: it stays yours alone, and I will not ask about it again.")


def _next(turn: Turn, theirs: Sequence[SharedAnswer], *writes: Write, lead: str = "") -> Outcome:
    """The first that waits for a decision, else what is shared."""
    language = turn.language
    waiting = [one for one in theirs if one.state is SharedState.ASKED]
    if not waiting:
        return _listed(turn, theirs, *writes, lead=lead)
    one = waiting[0]
    many = say_many(language, "{count} answer waits for you.", "{count} answers wait for you.", len(waiting))
    parts = [
        lead,
        say(language, "Whoever runs this bot would like **everybody** who asks this to be answered with your words.")
        + (f" {many}" if len(waiting) > 1 else ""),
        say(
            language,
            "Nobody is told whose words these are, and I work the same for you whatever you say. You can take them back at any "
            "time with /share; what others were answered by then stays in their conversations. May everybody have them?",
        ),
        in_full(language, one),
    ]
    choices = (
        option(SHARE, named("yes", one), say(language, "Yes, everybody may have them")),
        option(SHARE, named("no", one), say(language, "No, they stay mine alone")),
    )
    return _asking(turn, parts, choices, (*writes, ToldOfSharing(person_id=turn.person.id)))


def _listed(turn: Turn, theirs: Sequence[SharedAnswer], *writes: Write, lead: str = "", first: int = 0) -> Outcome:
    """What answers everybody, each with the button that takes it back."""
    language = turn.language
    shared = [one for one in theirs if one.state is SharedState.SHARED]
    if not shared:
        text = say(
            language,
            "No correction of yours answers anybody but you, and none waits for your word. When whoever runs this bot would "
            "like to give one to everybody, I ask you first.",
        )
        return Outcome(reply=Reply(text="\n\n".join(filter(None, (lead, text)))), writes=writes)
    page, choices = page_of(language, shared, first, partial(option, SHARE))
    lines = [f"{number}. {in_a_line(language, one)}" for number, one in page]
    head = say(language, "**Words of yours that answer everybody**, without your name:")
    return _asking(turn, [lead, "\n".join([head, *lines])], choices, writes)


def _asking(turn: Turn, parts: Sequence[str], choices: Sequence[Choice], writes: Sequence[Write]) -> Outcome:
    outcome = asking(turn, SHARE, "\n\n".join(filter(None, parts)), choices)
    return replace(outcome, writes=(*writes, *outcome.writes))
