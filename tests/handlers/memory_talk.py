"""A person who talks with the bot about what it remembers: what they say and press, and what would be stored of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.ports import HandlerSettings, Services
from bot.types import Chosen, Kind, Language, Outcome, PastTurn, PersonId, Question, Turn, TurnId
from bot.writes import AskQuestion, CloseQuestion, SetRemembering
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA, NOW, CountingIds, FakeTurns, answer, message, past, said, services, turn


@dataclass
class MemoryTalk:
    """One person at one address. Every turn is answered by handlers that are built anew, as after a restart."""

    language: Language = "en"
    person: PersonId = ADA
    is_private: bool = True
    remembers: bool = True
    owner_remembers: bool = True
    memories: FakeMemories = field(default_factory=FakeMemories)
    turns: list[PastTurn] = field(default_factory=list)
    awaiting: Question | None = None
    ids: CountingIds = field(default_factory=CountingIds)
    at: datetime = NOW
    outcome: Outcome = field(default_factory=lambda: Outcome(reply=None))
    handler: str = ""

    @property
    def services(self) -> Services:
        settings = HandlerSettings(remembers=self.owner_remembers)
        return replace(services(memories=self.memories, settings=settings), turns=FakeTurns(self.turns), ids=self.ids)

    @property
    def text(self) -> str:
        return said(self.outcome)

    @property
    def keys(self) -> list[str]:
        """The buttons of the last reply."""
        assert self.outcome.reply is not None
        return [choice.key for choice in self.outcome.reply.choices]

    @property
    def labels(self) -> list[str]:
        assert self.outcome.reply is not None
        return [choice.label for choice in self.outcome.reply.choices]

    @property
    def held(self) -> list[str]:
        """What lives of the person's memories, newest first."""
        return self.memories.texts(self.person)

    @property
    def last(self) -> PastTurn:
        """The last turn, as it is stored."""
        return self.turns[-1]

    async def commands(self, name: str, arguments: str = "") -> None:
        given = self._turn(Kind.COMMAND, f"/{name} {arguments}".strip())
        await self._answered(replace(given, command=name, arguments=arguments))

    async def says(self, text: str, *, after: timedelta = timedelta(seconds=5)) -> None:
        self.at += after
        await self._answered(self._turn(Kind.TEXT, text))

    async def presses(self, label: str, under: PastTurn | None = None) -> None:
        """A button by its label, of the last reply or of an earlier one."""
        under = under or self.last
        (key,) = (choice.key for choice in under.reply.choices if choice.label == label)
        await self.presses_key(key, under)

    async def presses_key(self, key: str, under: PastTurn | None = None) -> None:
        """A press as a client sends it, whatever the button is called."""
        under = under or self.last
        now = next((one for one in self.turns if one.id == under.id), under)
        given = self._turn(Kind.CHOICE, choice=Chosen(turn_id=under.id, key=key), target=now)
        await self._answered(given)

    def _turn(self, kind: Kind, text: str = "", *, choice: Chosen | None = None, target: PastTurn | None = None) -> Turn:
        incoming = replace(message(kind, text, choice=choice, is_private=self.is_private), sent_at=self.at)
        made = turn(
            incoming, self.language, person=self.person, awaiting=self.awaiting, target=target, remembers=self.remembers
        )
        return replace(made, id=TurnId(f"t{len(self.turns):03}"))

    async def _answered(self, given: Turn) -> None:
        handler, self.outcome = await answer(given, self.services)
        self.handler = handler.name
        self._take(given)

    def _take(self, given: Turn) -> None:
        """What the turn's transaction does."""
        self.memories.take(self.outcome, self.at)
        reply = self.outcome.reply
        stored = past(str(given.id), person=self.person, handler=self.handler, choices=() if reply is None else reply.choices)
        self.turns.append(replace(stored, kind=given.message.kind, question=given.message.text))
        for write in self.outcome.writes:
            if isinstance(write, CloseQuestion):
                self._close(write)
        for write in self.outcome.writes:
            if isinstance(write, AskQuestion):
                self.awaiting = write.question
            elif isinstance(write, SetRemembering):
                self.remembers = write.remembers

    def _close(self, write: CloseQuestion) -> None:
        self.turns = [replace(one, chosen=write.key) if one.id == write.turn_id else one for one in self.turns]
        if self.awaiting is not None and self.awaiting.turn_id == write.turn_id:
            self.awaiting = None
