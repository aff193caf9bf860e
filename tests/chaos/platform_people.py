"""People on the local platforms who write to a bot that dies, edit and rate, and remember all that they did."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tests.servers.discord import Channel, DiscordServer, Interaction, User
from tests.servers.discord.nouns import CallbackKind
from tests.servers.telegram.people import Group, Person

MARKER: Final = re.compile(r"\bq\d+\b")
"""At the end of each question; the scripted answers repeat their question, so that it is at the end of each of them too."""
MOST_WAITING: Final = 3
"""Questions that one person has open at once."""
_ABOUT: Final = ("rain", "rivers", "the moon", "old maps", "salt", "how bridges stand", "what bees see")


@dataclass(slots=True, kw_only=True)
class Question:
    """What somebody asked: the event's id as the bot stores it, and what its text was edited to since."""

    event_id: str
    marker: str
    text: str
    message: Any
    edits: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A rating of the answer with this marker: 1, -1, or 0 for one taken back. `shown` is the platform's id of the message.

    `is_confirmed` tells whether the platform holds it until it is taken, or the bot has said that it was.
    """

    marker: str
    value: int
    shown: str
    is_reaction: bool
    is_confirmed: Callable[[], bool]


class Hands(Protocol):
    """What one person can do on a platform."""

    @property
    def most_waiting(self) -> int:
        """Questions that are open at once."""

    def says(self, text: str) -> tuple[str, Any]:
        """Write to the bot; the event's id as the bot stores it, and the message."""

    def edits(self, message: Any, text: str) -> None:
        """Change what was written."""

    def answers(self) -> Sequence[Any]:
        """The bot's whole answers here, the last message of each, oldest first."""

    def text_of(self, answer: Any) -> str:
        """What an answer's last message says."""

    def rates(self, answer: Any, chance: random.Random, marker: str) -> Press | None:
        """Press or react; None where there is nothing to change."""


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Somebody who keeps a few questions open at any time, whether the bot lives or not."""

    hands: Hands
    chance: random.Random
    numbers: Iterator[int]
    questions: list[Question] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    async def live(self) -> None:
        """Ask, rate and edit until cancelled."""
        while True:
            self.act()
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    def act(self) -> None:
        """Do one thing."""
        draw = self.chance.random()
        if draw < 0.8:
            if len(self.questions) - len(self.hands.answers()) < self.hands.most_waiting:
                self.ask()
        elif draw < 0.95:
            self.rate()
        else:
            self.edit()

    def ask(self) -> None:
        """Ask something new, one time in six in so many words that the answer takes two messages."""
        marker = f"q{next(self.numbers)}"
        about = self.chance.choice(_ABOUT)
        many = f" and {about}" * (1900 // len(f" and {about}")) if self.chance.random() < 1 / 6 else ""
        text = f"Tell me about {about}{many}, {marker}"
        event_id, message = self.hands.says(text)
        self.questions.append(Question(event_id=event_id, marker=marker, text=text, message=message))

    def rate(self) -> None:
        """Rate one of the last answers, if there is not more rating than answering."""
        if len(self.presses) > 3 * len(self.hands.answers()):
            return
        rated = [(one, found[-1]) for one in self.hands.answers()[-6:] if (found := MARKER.findall(self.hands.text_of(one)))]
        if rated:
            answer, marker = self.chance.choice(rated)
            press = self.hands.rates(answer, self.chance, marker)
            if press is not None:
                self.presses.append(press)

    def edit(self) -> None:
        """Change the question of one of the last answers, now and then."""
        if 2 * sum(len(one.edits) for one in self.questions) > len(self.hands.answers()):
            return
        there = {found[-1] for one in self.hands.answers()[-6:] if (found := MARKER.findall(self.hands.text_of(one)))}
        answered = [one for one in self.questions[-10:] if one.marker in there]
        if answered:
            question = self.chance.choice(answered)
            question.edits.append(f"Tell me more, edit {len(question.edits)}, {question.marker}")
            self.hands.edits(question.message, question.edits[-1])


@dataclass(slots=True, kw_only=True)
class TelegramHands:
    """Somebody with Telegram's app, in private or in a group, where they mention the bot. Telegram holds all that they do."""

    person: Person
    group: Group | None = None

    @property
    def most_waiting(self) -> int:
        """A group gets twenty messages a minute, each answer two of them."""
        return MOST_WAITING if self.group is None else 1

    def says(self, text: str) -> tuple[str, Any]:
        """Write to the bot; the event's id as the bot stores it, and the message."""
        message = self.person.says(self._called(text), to=self.group)
        return f"{message.chat.id}/{message.id}", message

    def edits(self, message: Any, text: str) -> None:
        """Change what was written."""
        self.person.edits(message, self._called(text))

    def answers(self) -> Sequence[Any]:
        """The bot's whole answers here, the last message of each, oldest first."""
        return [one for one in self.person.seen(self.group) if any("👍" in label for label in one.labels)]

    def text_of(self, answer: Any) -> str:
        """What an answer's last message says."""
        return str(answer.text)

    def rates(self, answer: Any, chance: random.Random, marker: str) -> Press | None:
        """Press or react; None where there is nothing to change."""
        shown = str(answer.id)
        if chance.random() < 0.4:
            before = answer.reactions.get(self.person.id, [])
            after = [*chance.choice((("👍",), ("👎",), ()))]
            if after == before:
                return None
            self.person.reacts(answer, *after)
            value = {"👍": 1, "👎": -1}[after[0]] if after else 0
            return Press(marker=marker, value=value, shown=shown, is_reaction=True, is_confirmed=lambda: True)
        label = chance.choice([one for one in answer.labels if one.removeprefix("✓ ") in ("👍", "👎")])
        self.person.presses(answer, label)
        value = {"👍": 1, "👎": -1}.get(label, 0)
        return Press(marker=marker, value=value, shown=shown, is_reaction=False, is_confirmed=lambda: True)

    def _called(self, text: str) -> str:
        return text if self.group is None else f"@{self.person.desk.world.bot.username} {text}"


@dataclass(slots=True, kw_only=True)
class DiscordHands:
    """Somebody with Discord's app, who has the room to themselves.

    Of what they press, and of their reactions and edits, Discord keeps nothing for a bot that is not there: a press counts once
    it is answered.
    """

    server: DiscordServer
    person: User
    room: Channel
    most_waiting: int = MOST_WAITING

    def says(self, text: str) -> tuple[str, Any]:
        """Write to the bot; the event's id as the bot stores it, and the message."""
        message = self.server.world.say(self.person, self.room, self._called(text))
        return str(message.id), message

    def edits(self, message: Any, text: str) -> None:
        """Change what was written."""
        self.server.world.edit(message, self._called(text))

    def answers(self) -> Sequence[Any]:
        """The bot's whole answers here, the last message of each, oldest first."""
        return [one for one in self.server.world.from_bot(self.room) if not one.is_ephemeral and one.buttons]

    def text_of(self, answer: Any) -> str:
        """What an answer's last message says."""
        return str(answer.content)

    def rates(self, answer: Any, chance: random.Random, marker: str) -> Press | None:
        """Press or react; None where there is nothing to change."""
        world, shown, draw = self.server.world, str(answer.id), chance.random()
        if draw < 0.2:
            there = [one for one in ("👍", "👎") if self.person in answer.reactions.get(one, [])]
            emoji = there[0] if there else chance.choice(("👍", "👎"))
            (world.unreact if there else world.react)(self.person, answer, emoji)
            value = 0 if there else {"👍": 1, "👎": -1}[emoji]
            return Press(marker=marker, value=value, shown=shown, is_reaction=True, is_confirmed=lambda: False)
        label = chance.choice(("👍", "👎"))
        pressed = world.press(self.person, answer, label)
        value = {"👍": 1, "👎": -1}[label]
        return Press(marker=marker, value=value, shown=shown, is_reaction=False, is_confirmed=lambda: _is_thanked(pressed))

    def _called(self, text: str) -> str:
        return text if self.room.is_dm else f"{self.server.world.bot.mention} {text}"


def _is_thanked(pressed: Interaction) -> bool:
    """Whether the bot has said that the press counts."""
    is_said = pressed.answered in (CallbackKind.MESSAGE, CallbackKind.DEFERRED_MESSAGE) and pressed.original is not None
    return is_said and pressed.original is not None and pressed.original.content.startswith("Thank you")
