"""People for admins: who is there, and who is kept out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import ShownPerson
from bot.codes import block_hash
from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.types import ChannelName, Chosen, Language, Turn
from bot.writes import EndSharingOf, SetBlock
from handlers.admin_parts import Done, asked_first, button, closing, is_answered, refused, told
from handlers.memory_words import day_in_words
from handlers.wording import as_code

USUAL: Final = 20
MOST: Final = 100
_COUNT: Final = re.compile(r"[0-9]{1,7}")
_USER_ID: Final = re.compile(r"[1-9][0-9]{0,19}")
_NUMBERED: Final[Mapping[str, ChannelName]] = {
    channel.value: channel for channel in (ChannelName.TELEGRAM, ChannelName.DISCORD)
}
"""Where users have numbers that a person can look up and write down."""

_User = tuple[ChannelName, str]
_HASH: Final = 12
"""Letters of a block's keyed hash that stand for a user whom the bot has never heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Somebody whom an admin named: `name` finds them again. Without `person`, a user whom the bot has never heard of."""

    name: str
    users: tuple[_User, ...]
    person: ShownPerson | None
    subject: str
    """What stands for them in the audit log, which keeps it for ever: nobody's number."""

    @property
    def shown(self) -> str:
        """What the admin reads of them: their tag, if they have one."""
        return self.name if self.person is None else self.person.tag


def _of(person: ShownPerson) -> _Found:
    return _Found(name=person.tag, users=person.users, person=person, subject=person.tag)


class _People:
    """Finds people and tells what is known of them."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._desk = services, desk

    async def find(self, name: str) -> _Found | None:
        """Whoever has this tag, or this number on Telegram or Discord; no other name stands for anybody."""
        place, colon, number = (part.strip() for part in name.partition(":"))
        if not colon:
            person = await self._desk.crowd.tagged(place.lower())
            # Without a user, there is no place to know them by.
            return _of(person) if person is not None and person.users else None
        channel = _NUMBERED.get(place.lower())
        if channel is None or _USER_ID.fullmatch(number) is None:
            return None
        person = await self._desk.crowd.user(channel, number)
        name = f"{channel.value}:{number}"
        if person is not None:
            return replace(_of(person), name=name)
        users = ((channel, number),)
        return _Found(name=name, users=users, person=None, subject=f"{channel.value}:{self.hashes(users)[0][:_HASH]}")

    def hashes(self, users: Sequence[_User]) -> list[str]:
        """What is kept of users who are kept out."""
        return [block_hash(self._services.keyed, channel, user) for channel, user in users]

    async def kept_out(self, users: Sequence[_User]) -> int:
        """How many of the users are kept out."""
        return sum([await self._desk.blocks.is_blocked(one) for one in self.hashes(users)])

    async def line(self, language: Language, found: _Found) -> str:
        """What is known of them, in one line."""
        person = found.person
        if person is None:
            parts = [as_code(found.name), say(language, "I have never heard of this user")]
        else:
            parts = [
                as_code(person.tag),
                *_places(language, person.users),
                say(language, "here since {day}", day=day_in_words(language, person.since)),
                *([] if person.last_at is None else [_heard_of(language, self._services.clock.now() - person.last_at)]),
                say_many(language, "{count} answered message", "{count} answered messages", person.turns),
            ]
        if await self.kept_out(found.users):
            parts.append(say(language, "**kept out**"))
        return " · ".join(parts)


class UsersAction:
    """Shows who was heard of last, or one person."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._desk, self._people = desk, _People(services, desk)

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """`/admin users`, with how many or with whom."""
        if not argument or _COUNT.fullmatch(argument):
            return await self._newest(turn.language, min(max(int(argument or USUAL), 1), MOST))
        found = await self._people.find(argument)
        if found is None:
            return _unknown(turn.language)
        return told(await self._one(turn.language, found), result="shown", subject=found.subject)

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """What `/admin users` shows: its replies have no buttons."""
        return await self.asked(turn, wish, preview)

    async def _newest(self, language: Language, number: int) -> Done:
        people = await self._desk.crowd.newest(number)
        if not people:
            return told(say(language, "Nobody has talked with me yet."), result="shown")
        known = say_many(language, "I know **{count} person**.", "I know **{count} people**.", await self._desk.crowd.count())
        which = say_many(language, "The one heard of last:", "The {count} heard of last, newest first:", len(people))
        lines = [f"- {await self._people.line(language, _of(one))}" for one in people]
        how = say(
            language,
            "`/admin users TAG` shows one person, `/admin users NUMBER` so many ({most} at most). `/admin block TAG` keeps "
            "somebody out.",
            most=MOST,
        )
        return told("\n\n".join((f"{known} {which}", "\n".join(lines), how)), result="shown")

    async def _one(self, language: Language, found: _Found) -> str:
        if await self._people.kept_out(found.users):
            how = say(language, "`/admin unblock {name}` lets this person in again.", name=found.name)
        else:
            how = say(language, "`/admin block {name}` keeps this person out.", name=found.name)
        return f"{await self._people.line(language, found)}\n\n{how}"


class BlockAction:
    """Keeps somebody out in all their places, after a question; or lets them in again at once."""

    def __init__(self, services: Services, desk: AdminDesk, *, is_blocking: bool) -> None:
        self._desk, self._people, self._is_blocking = desk, _People(services, desk), is_blocking

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """`/admin block WHO` or `/admin unblock WHO`."""
        if not argument:
            return refused(_nobody_named(turn.language, is_blocking=self._is_blocking), "nobody named")
        if not self._is_blocking:
            known = await self._people.find(argument)
            return _unknown(turn.language) if known is None else await self._let_in(turn.language, known)
        found = await self._to_block(turn, argument)
        return found if isinstance(found, Done) else await self._ask(turn, found)

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """The answer to whether somebody is to be kept out; whoever that is by now is looked up anew."""
        language = turn.language
        if not self._is_blocking:
            return await self.asked(turn, wish, preview)
        if is_answered(turn):
            text = say(language, "You have already answered that. `/admin users` shows who is kept out.")
            return refused(text, "late")
        answer, _, name = wish.partition(".")
        if answer != "yes":
            return told(say(language, "Good, nobody is kept out by that."), closing(chosen), result="cancelled")
        found = await self._to_block(turn, name)
        if isinstance(found, Done):
            return replace(found, outcome=replace(found.outcome, writes=(closing(chosen),)))
        text = say(
            language,
            "Done: {who} is kept out from now on. `/admin unblock {name}` lets them in again.",
            who=as_code(found.shown),
            name=found.name,
        )
        blocks = [SetBlock(hash=one, is_blocked=True) for one in self._people.hashes(found.users)]
        ends = [EndSharingOf(person_id=found.person.id)] if found.person is not None else []  # they could not take it back
        return told(text, closing(chosen), *blocks, *ends, subject=found.subject)

    async def _to_block(self, turn: Turn, name: str) -> _Found | Done:
        """Whoever is to be kept out, or why nobody is."""
        if name.partition(":")[0].strip().lower() == ChannelName.CONSOLE.value:
            return refused(_console(turn.language), "console")
        found = await self._people.find(name)
        if found is None:
            return _unknown(turn.language)
        why_not = await self._why_not(turn, found)
        return found if why_not is None else refused(*why_not, found.subject)

    async def _why_not(self, turn: Turn, found: _Found) -> tuple[str, str] | None:
        """Why this person cannot be kept out, for the admin and in a word."""
        language, here = turn.language, (turn.message.address.channel, turn.message.address.user)
        if here in found.users or (found.person is not None and found.person.id == turn.person.id):
            return say(language, "That is you. Nobody keeps themselves out."), "oneself"
        if any(channel is ChannelName.CONSOLE for channel, _ in found.users):
            return _console(language), "console"
        if any(f"{channel.value}:{user}" in self._desk.admins for channel, user in found.users):
            text = say(
                language,
                "That is an admin: `[admins]` in `config.toml` names them. Take them out there and start me again; then I can "
                "keep them out.",
            )
            return text, "admin"
        if await self._people.kept_out(found.users) == len(found.users):
            text = say(
                language,
                "{who} is kept out already. `/admin unblock {name}` lets them in again.",
                who=as_code(found.shown),
                name=found.name,
            )
            return text, "kept out already"
        return None

    async def _ask(self, turn: Turn, found: _Found) -> Done:
        language = turn.language
        lines = (
            say(
                language,
                "On Telegram and Discord I am silent then, whatever they write, even in a crisis; on the page I say that "
                "whoever runs this bot keeps them out.",
            ),
            say(language, "It holds in every place where I know them, until `/admin unblock`, even once they are forgotten."),
            say(
                language,
                "Nothing of theirs is erased: `python -m bot forget` does that, on the machine that I run on. Their rows in "
                "training files stay; `/admin queue` is about those.",
            ),
        )
        question = say(language, "Shall I keep this person out?")
        text = "\n\n".join((question, await self._people.line(language, found), "\n".join(f"- {line}" for line in lines)))
        choices = (
            button("block", f"yes.{found.name}", say(language, "Yes, keep this person out")),
            button("block", "no", say(language, "No, let them be")),
        )
        return asked_first(turn, text, choices, subject=found.subject)

    async def _let_in(self, language: Language, found: _Found) -> Done:
        who = as_code(found.shown)
        if not await self._people.kept_out(found.users):
            text = say(
                language,
                "{who} is not kept out by `/admin block`. `block` under `[access]` in `config.toml` keeps people out, too: to "
                "change that, edit it there and start me again.",
                who=who,
            )
            return refused(text, "not kept out", found.subject)
        text = say(language, "Done: {who} is no longer kept out, in any place where I know them.", who=who)
        freed = [SetBlock(hash=one, is_blocked=False) for one in self._people.hashes(found.users)]
        return told(text, *freed, subject=found.subject)


def _places(language: Language, users: Sequence[_User]) -> list[str]:
    """Where somebody writes from. A web session is nobody's business: whoever has its id is that person."""
    shown: list[str] = []
    for channel, user in sorted(users, key=lambda one: (list(ChannelName).index(one[0]), one[1])):
        match channel:
            case ChannelName.WEB:
                shown.append(say(language, "the web page"))
            case ChannelName.CONSOLE:
                shown.append(say(language, "the console"))
            case _:
                shown.append(as_code(f"{channel.value}:{user}"))
    return [", ".join(dict.fromkeys(shown))] if shown else []


def _heard_of(language: Language, ago: timedelta) -> str:
    """How long ago somebody was heard of, roughly."""
    hours, days = ago // timedelta(hours=1), ago.days
    if hours < 1:
        return say(language, "heard of in the last hour")
    if days < 2:
        return say_many(language, "heard of {count} hour ago", "heard of {count} hours ago", hours)
    if days < 60:
        return say_many(language, "heard of {count} day ago", "heard of {count} days ago", days)
    return say_many(language, "heard of about {count} month ago", "heard of about {count} months ago", days // 30)


def _unknown(language: Language) -> Done:
    text = say(
        language,
        "I know nobody by that. `/admin users` lists people, each with a tag. Users of Telegram and Discord can be named by "
        "their numbers, too, as in `telegram:123` or `discord:123`; never by their names, which anybody can take on.",
    )
    return refused(text, "unknown")


def _console(language: Language) -> str:
    return say(language, "That is the console: whoever uses it runs the machine that I am on, and cannot be kept out of it.")


def _nobody_named(language: Language, *, is_blocking: bool) -> str:
    if is_blocking:
        return say(
            language,
            "Who is to be kept out? `/admin block TAG` says it: `/admin users` shows everybody's tag. `telegram:123` and "
            "`discord:123` do as well, even for somebody who has never written to me.",
        )
    return say(
        language,
        "Who is to be let in again? `/admin unblock TAG` says it: `/admin users` shows everybody's tag. For somebody who is "
        "forgotten by now, use `telegram:123` or `discord:123`.",
    )
