"""A person who talks with the bot about the questionnaire: what they say and press, and what would be stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.ports import Services
from bot.profile_types import ProfileEvent, ProfileEventKind
from bot.types import (
    Chosen,
    DueMessage,
    Kind,
    Language,
    Outcome,
    PastTurn,
    Person,
    PersonId,
    Question,
    Turn,
    TurnId,
)
from bot.writes import AddDueMessage, AskQuestion, CloseQuestion, Write
from handlers.questionnaire import QuestionnaireHandler
from profiles.items import load_questionnaire
from profiles.kept import KeptProfiles
from profiles.person import Profile
from tests.handlers.fakes import ADA, ADDRESS, NOW, FakeModel, FakeProfiles, answer, message, past, said, services, turn

QV1 = load_questionnaire()  # read once, before a loop runs that it would hold up

CONTEXT = ["C1", "C2", "C3"]
TWELVE = [f"{dimension}{number}" for number in (1, 2, 3) for dimension in ("ENT", "RUT", "ACT", "FOR")]


@dataclass
class MovingClock:
    """A clock that goes on when it is told to."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()


@dataclass
class Talk:
    """One person at one address. Every turn is answered by handlers that are built anew, as after a restart."""

    language: Language = "en"
    person: PersonId = ADA
    is_private: bool = True
    clock: MovingClock = field(default_factory=MovingClock)
    stored: FakeProfiles = field(default_factory=FakeProfiles)
    model: FakeModel = field(default_factory=FakeModel)
    turns: list[PastTurn] = field(default_factory=list)
    awaiting: Question | None = None
    due: list[AddDueMessage] = field(default_factory=list)
    writes: tuple[Write, ...] = ()
    outcome: Outcome = field(default_factory=lambda: Outcome(reply=None))
    handler: str = ""

    @property
    def services(self) -> Services:
        return replace(services(profiles=self.stored, model=self.model), clock=self.clock)

    @property
    def asking(self) -> QuestionnaireHandler:
        return QuestionnaireHandler(self.services, KeptProfiles(self.stored, self.clock))

    @property
    def text(self) -> str:
        return said(self.outcome)

    @property
    def keys(self) -> list[str]:
        assert self.outcome.reply is not None
        return [choice.key for choice in self.outcome.reply.choices]

    @property
    def item(self) -> str:
        """The item that the last reply asks."""
        return self.keys[0].split(":")[1]

    @property
    def options(self) -> list[str]:
        """The keys of the options in the order in which they are shown."""
        return [key.rpartition(":")[2] for key in self.keys if key.rpartition(":")[2] not in ("skip", "back", "stop")]

    @property
    def events(self) -> list[ProfileEvent]:
        return self.stored.stored.get(self.person, [])

    def of_kind(self, kind: ProfileEventKind) -> list[ProfileEvent]:
        return [event for event in self.events if event.kind is kind]

    @property
    def answers(self) -> list[tuple[object, object]]:
        """The stored answers: item and option."""
        return [(event.data["item"], event.data["option"]) for event in self.of_kind(ProfileEventKind.ANSWER)]

    @property
    def written(self) -> list[str]:
        """What kinds of write the last turn brought, events by their kind."""
        return [str(getattr(write, "kind", type(write).__name__)) for write in self.writes]

    async def profile(self) -> Profile:
        return await KeptProfiles(self.stored, self.clock).of(self.person)

    def turn(self, kind: Kind, text: str = "", *, choice: Chosen | None = None, target: PastTurn | None = None) -> Turn:
        incoming = message(kind, text, choice=choice, is_private=self.is_private)
        made = turn(incoming, self.language, person=self.person, awaiting=self.awaiting, target=target)
        return replace(made, id=TurnId(f"t{len(self.turns):03}"))

    async def says(self, text: str, *, after_s: float = 5) -> Outcome:
        self.clock.at += timedelta(seconds=after_s)
        return await self._answered(self.turn(Kind.TEXT, text))

    async def presses(self, key: str, asking: PastTurn | None = None, *, after_s: float = 5) -> Outcome:
        """A button of the last reply, or of an earlier one."""
        self.clock.at += timedelta(seconds=after_s)
        asking = asking or self.turns[-1]
        return await self._answered(self.turn(Kind.CHOICE, choice=Chosen(turn_id=asking.id, key=key), target=self.now(asking)))

    async def chooses(self, option: str, *, after_s: float = 5) -> Outcome:
        """An option, or a control, of the item that was asked last."""
        return await self.presses(f"item:{self.item}:{option}", after_s=after_s)

    async def is_invited(self) -> Outcome:
        return self.take(
            self.turn(Kind.COMMAND, "/profile"), await self.asking.invite(self.turn(Kind.COMMAND), await self.profile())
        )

    async def goes_on(self, *, after: timedelta = timedelta()) -> Outcome:
        self.clock.at += after
        return self.take(
            self.turn(Kind.COMMAND, "/profile"), await self.asking.go_on(self.turn(Kind.COMMAND), await self.profile())
        )

    async def commands(self, name: str) -> Outcome:
        given = self.turn(Kind.COMMAND, f"/{name}")
        return await self._answered(replace(given, command=name))

    async def answers_to(self, given: Turn) -> Outcome:
        """Whatever turn it is."""
        return await self._answered(replace(given, awaiting=self.awaiting))

    async def routed(self, given: Turn) -> tuple[str, Outcome]:
        """Which handler takes a turn, and what it decides; nothing is stored."""
        handler, outcome = await answer(given, self.services)
        return handler.name, outcome

    async def begins(self, key: str = "full") -> Outcome:
        await self.is_invited()
        return await self.presses(f"profile_start:{key}")

    async def finishes(self, chosen: Mapping[str, str] | None = None, *, after_s: float = 5) -> None:
        """Every item that is left, by the option given for it, else by the one of the + pole."""
        while self.keys and self.keys[0].startswith("item:"):
            await self.chooses((chosen or {}).get(self.item, min(self.options)), after_s=after_s)

    async def falls_due(self, after: timedelta = timedelta(hours=24), *, number: int = 0) -> Outcome:
        """The reminder of that number, so long after now."""
        self.clock.at += after
        person = Person(id=self.person, language=None, created_at=NOW)
        wish = self.due[number]
        due = DueMessage(id="d1", kind=wish.kind, person=person, address=ADDRESS, address_id=wish.address_id)
        outcome = await self.asking.word(due)
        self.stored.take(self.turn(Kind.COMMAND), outcome, self.clock.at)
        return outcome

    async def aside(self) -> str:
        """What is said below an answer now; noted as it would be."""
        given = self.turn(Kind.TEXT, "What is it?")
        text, writes = await self.asking.aside(given, await self.profile())
        self.stored.take(given, Outcome(reply=None, writes=writes), self.clock.at)
        return text

    def now(self, asking: PastTurn) -> PastTurn:
        """A turn as it is stored now."""
        return next((one for one in self.turns if one.id == asking.id), asking)

    async def _answered(self, given: Turn) -> Outcome:
        handler, outcome = await answer(given, self.services)
        self.handler = handler.name
        return self.take(given, outcome)

    def take(self, given: Turn, outcome: Outcome) -> Outcome:
        """Store what the turn's transaction would."""
        self.outcome, self.writes = outcome, outcome.writes
        self.stored.take(given, outcome, self.clock.at)
        for write in outcome.writes:
            if isinstance(write, CloseQuestion):
                self.turns = [replace(one, chosen=write.key) if one.id == write.turn_id else one for one in self.turns]
                if self.awaiting is not None and self.awaiting.turn_id == write.turn_id:
                    self.awaiting = None
            elif isinstance(write, AddDueMessage):
                self.due.append(write)
        for write in outcome.writes:
            if isinstance(write, AskQuestion):
                self.awaiting = write.question
        stored = past(given.id, person=self.person, handler="questionnaire", rateable=False)
        assert outcome.reply is not None
        self.turns.append(replace(stored, reply=outcome.reply))
        return outcome


async def in_course(language: Language = "en", key: str = "full") -> Talk:
    """A talk whose first item is open."""
    talk = Talk(language)
    await talk.begins(key)
    return talk
