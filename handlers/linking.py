"""The places of one person become one, and apart again: a code from one place, confirmed in another (R-42)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from cachetools import LRUCache

from bot.admin_ports import BlockStore
from bot.channel_types import CodeKind
from bot.codes import LENGTH, block_hash, code_hash, new_code, read_code, shown_code
from bot.link_ports import LinkStore, Place, StoredCode
from bot.locale import say
from bot.ports import Preview, Services
from bot.types import ChannelName, Chosen, Language, Outcome, PersonId, Reply, Turn
from bot.writes import AddCode, AddJob, CloseQuestion, UseCode, Write
from handlers.asking import answer_to, ask_question, asking, option

LINK: Final = "link"
UNLINK: Final = "unlink"
GOOD_FOR: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
TRIES_EVERY_S: Final = 3600.0
_KEPT: Final = "/link"
"""What is stored of a message with a code."""
_CODE: Final = "code"
_HIDDEN: Final = "•" * LENGTH
_MOST_PEOPLE: Final = 10_000


class LinkHandler:
    """Gives a code in one place, and in another one joins the two by it."""

    name = "link"

    def __init__(self, services: Services, links: LinkStore, blocks: BlockStore) -> None:
        self._services, self._links, self._blocks = services, links, blocks
        self._tries = _Tries(services.clock.monotonic)

    def matches(self, turn: Turn) -> bool:
        """`/link`, with or without a code, or an answer to its question."""
        return turn.command == "link" or answer_to(turn, LINK) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """A code; or what it would join, as a question; or the joining, held back until its reply is delivered."""
        chosen = answer_to(turn, LINK)
        if chosen is not None:
            return await self._decided(turn, chosen)
        if not turn.message.is_private:
            return self._in_group(turn)
        return await self._entered(turn) if turn.arguments.strip() else self._given(turn)

    def _hash(self, code: str) -> str:
        return code_hash(self._services.keyed, CodeKind.LINK, code)

    def _in_group(self, turn: Turn) -> Outcome:
        """A refusal. A code that a group has seen is good for nothing any more."""
        text = say(
            turn.language, "I link places only in a private chat, where nobody else reads along. Write /link to me there."
        )
        code = read_code(turn.arguments)
        if code is None:
            return Outcome(reply=Reply(text=text), is_refused=True)
        more = say(turn.language, "Others have seen the code that you wrote here, so it no longer works.")
        burnt = UseCode(hash=self._hash(code), by="")
        return Outcome(reply=Reply(text=f"{text} {more}"), writes=(burnt,), question=_KEPT, is_refused=True)

    def _given(self, turn: Turn) -> Outcome:
        # The same again where an answer is made once more after a crash.
        code = new_code(self._services.keyed(f"new link code/{turn.id}"))
        write = AddCode(
            hash=self._hash(code),
            kind=CodeKind.LINK,
            expires_at=self._services.clock.now() + GOOD_FOR,
            person_id=turn.person.id,
        )
        return Outcome(
            reply=Reply(text=_code_text(turn.language, shown_code(code))),
            kept=_code_text(turn.language, _HIDDEN),
            writes=(write,),
        )

    async def _entered(self, turn: Turn) -> Outcome:
        language, code = turn.language, read_code(turn.arguments)
        if not self._tries.has_another(turn.person.id):
            return _refused(
                say(language, "Those were many codes. Please wait an hour before you try another one."), question=_KEPT
            )
        known_by = "" if code is None else self._hash(code)
        person = await self._whose(known_by)
        if person is None:
            return _refused(_useless(language), question=_KEPT)
        if person == turn.person.id:
            text = say(
                language,
                "That is a code of your own, and I know you here already. Write it to me in the place that is to be joined.",
            )
            return _refused(text, question=_KEPT)
        choices = (
            option(LINK, "yes", say(language, "Yes, join them")),
            option(LINK, "no", say(language, "No, leave them apart")),
        )
        text = await self._proposal(turn, person)
        question = ask_question(turn, LINK, choices, {_CODE: known_by})
        return Outcome(reply=Reply(text=text, choices=choices), writes=(question,), question=_KEPT)

    async def _whose(self, hash: str) -> PersonId | None:
        """The person whose code this is, while it is good for linking: nobody walks round a block by another place."""
        code = await self._links.code(hash)
        if code is None or code.person_id is None or not _is_good(code, self._services):
            return None
        for place in await self._links.places(code.person_id):
            if await self._blocks.is_blocked(block_hash(self._services.keyed, place.channel, place.user)):
                return None
        return code.person_id

    async def _proposal(self, turn: Turn, person: PersonId) -> str:
        language = turn.language
        held = await self._links.holdings(turn.person.id)
        where = _names(language, await self._links.places(person))
        lines = (
            say(
                language,
                "From here comes all that I hold about you: messages: {messages}, memories: {memories}, besides ratings, "
                "corrections and your preference profile. What I know from one place in private then counts in the other.",
                messages=held.turns,
                memories=held.memories,
            ),
            say(language, "What you said in a group stays in that group and in your private chats."),
            say(
                language,
                "Your daily limits count together. If one of the two places has remembering switched off, it is off in both.",
            ),
            say(
                language,
                "Your conversations help train me only if you allowed it in both places. Otherwise they do not, until you say "
                "so with /start.",
            ),
            say(language, "/mydata and /forgetme are about both places then. /unlink separates them again."),
        )
        first = say(
            language,
            "This code was made here: {place}. If you asked for it there yourself, I can join that place and this one: to me "
            "you are one person then.",
            place=where,
        )
        last = say(
            language,
            "**If somebody else gave you the code, say no:** that person could read everything I hold about you. Shall I join "
            "them?",
        )
        return "\n\n".join((first, "\n".join(f"- {line}" for line in lines), last))

    async def _decided(self, turn: Turn, chosen: Chosen) -> Outcome:
        language = turn.language
        if turn.target is not None and turn.target.chosen is not None:
            return _refused(_answered(language))
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{LINK}:{chosen.key}")
        if chosen.key != "yes":
            text = say(language, "Good, everything stays as it was.")
            return Outcome(reply=Reply(text=text), writes=(closing,))
        asked = turn.awaiting
        known_by = asked.state.get(_CODE, "") if asked is not None and asked.turn_id == chosen.turn_id else ""
        if await self._whose(known_by) in (None, turn.person.id):
            return _refused(_useless(language), CloseQuestion(turn_id=chosen.turn_id, key=None))
        text = say(
            language,
            "I am joining the two places, right after this message. From then on you are one person to me in both: /mydata "
            "shows all that I hold, /unlink separates them again.",
        )
        use = UseCode(hash=known_by, by=turn.person.id)
        join = AddJob(kind="link", person_id=turn.person.id, after_turn=turn.id)
        return Outcome(reply=Reply(text=text), writes=(closing, use, join))


class UnlinkHandler:
    """Makes the place where it is asked for a person of its own again."""

    name = "unlink"

    def __init__(self, links: LinkStore) -> None:
        self._links = links

    def matches(self, turn: Turn) -> bool:
        """`/unlink`, or an answer to its question."""
        return turn.command == "unlink" or answer_to(turn, UNLINK) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What goes and what stays, as a question; or the separation, held back until its reply is delivered."""
        language, chosen = turn.language, answer_to(turn, UNLINK)
        if chosen is None and not turn.message.is_private:
            text = say(
                language, "I separate places only in a private chat, where nobody else reads along. Write /unlink to me there."
            )
            return _refused(text)
        if chosen is not None and turn.target is not None and turn.target.chosen is not None:
            return _refused(_answered(language))
        closing = () if chosen is None else (CloseQuestion(turn_id=chosen.turn_id, key=f"{UNLINK}:{chosen.key}"),)
        if chosen is not None and chosen.key != "yes":
            return Outcome(reply=Reply(text=say(language, "Good, everything stays as it was.")), writes=closing)
        others = await self._others(turn)
        if not others:
            return _refused(
                say(language, "This place is not linked with any other, so there is nothing to separate."), *closing
            )
        if chosen is None:
            return _ask(turn, _names(language, others))
        text = say(
            language,
            "I am separating this place from the rest, right after this message. From then on I know here only what was said "
            "here, and /start asks anew whether your conversations may help train me.",
        )
        part = AddJob(kind="unlink", person_id=turn.person.id, after_turn=turn.id)
        return Outcome(reply=Reply(text=text), writes=(*closing, part))

    async def _others(self, turn: Turn) -> Sequence[Place]:
        here = Place(channel=turn.message.address.channel, user=turn.message.address.user)
        return [place for place in await self._links.places(turn.person.id) if place != here]


class _Tries:
    """How many codes people entered lately. A restart forgets it: there are 39 bits to guess in ten minutes."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._times: LRUCache[PersonId, deque[float]] = LRUCache(_MOST_PEOPLE)

    def has_another(self, person: PersonId) -> bool:
        """Whether this person may enter one more code; it is counted."""
        now, times = self._monotonic(), self._times.setdefault(person, deque(maxlen=MOST_TRIES))
        if len(times) == MOST_TRIES and now - times[0] < TRIES_EVERY_S:
            return False
        times.append(now)
        return True


def _is_good(code: StoredCode, services: Services) -> bool:
    return code.kind is CodeKind.LINK and not code.is_used and code.expires_at > services.clock.now()


def _code_text(language: Language, code: str) -> str:
    return say(
        language,
        "Your code: **{code}**\n\nWithin ten minutes, write `/link {code}` to me in a private chat in the other place where we "
        "talk. It works once. There I show you what is joined by it, and ask you before I do anything.\n\n"
        "**Show it to nobody:** whoever enters it can read everything I hold about you.",
        code=code,
    )


def _ask(turn: Turn, others: str) -> Outcome:
    language = turn.language
    text = say(
        language,
        "I can separate this place from the rest: {others}. To me you are then two people, who know nothing of each other.\n\n"
        "**This place keeps** what was said here, your ratings and corrections of it, and what I remember from here alone.\n\n"
        "**The rest keeps** everything else: its own conversations, what I remember from both, what was imported, and your "
        "preference profile but for the ratings given here. What you used of your daily limits stays there, too.\n\n"
        "Language and remembering stay as they are in both. Here you have a fresh profile, and your conversations here help "
        "train me only if you allow it anew. Shall I separate them?",
        others=others,
    )
    choices = (
        option(UNLINK, "yes", say(language, "Yes, separate them")),
        option(UNLINK, "no", say(language, "No, keep them together")),
    )
    return asking(turn, UNLINK, text, choices)


def _useless(language: Language) -> str:
    return say(
        language,
        "That code does not work: it is mistyped, was used already, or is older than ten minutes. /link gives you a new one in "
        "the other place.",
    )


def _answered(language: Language) -> str:
    return say(language, "You have already answered that.")


def _refused(text: str, *writes: Write, question: str | None = None) -> Outcome:
    return Outcome(reply=Reply(text=text), writes=writes, question=question, is_refused=True)


def _names(language: Language, places: Sequence[Place]) -> str:
    return ", ".join(_name(language, place.channel) for place in places)


def _name(language: Language, channel: ChannelName) -> str:
    match channel:
        case ChannelName.TELEGRAM:
            return "Telegram"
        case ChannelName.DISCORD:
            return "Discord"
        case ChannelName.WEB:
            return say(language, "the web page")
        case ChannelName.CONSOLE:
            return say(language, "the console")
