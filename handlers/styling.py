"""How each answer is to be explained, drawn once for a topic thread, and what came of it: the row of the answer log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Final, Literal, TypeAlias, cast

from bot.errors import MartinError
from bot.ports import Services
from bot.profile_types import NEUTRAL, AnswerStyle, Arms, Condition, Form, LoggedStyle
from bot.prompt import room_for_directives
from bot.tokens import count_words, estimate_tokens
from bot.types import Flag, Kind, Language, Outcome, PersonId, Turn, TurnId
from bot.writes import Write
from handlers.levels import is_level_due, unanswered_level, with_level_asked
from handlers.remarks import is_only_a_wish, remarks
from profiles.directives import block, recall_question, target_words, wished_length
from profiles.events import DIMENSIONS
from profiles.obeyed import arms_to_learn, compliance
from profiles.person import Profile, Profiles
from profiles.posterior import MODEL_VERSION, Choice, choose, used
from profiles.topics import GENERAL, load_topics, topic_of
from profiles.wishes import Told, Wishes, is_factual, read, wishes

SAME_THREAD: Final = timedelta(minutes=30)
"""After so long a silence a conversation is about something new."""
RECALLED: Final = 5
"""One in so many teaching answers offers a question to recall it."""
_FOLLOW_UP: Final = 8
"""Words of a message that may be about the thread's topic without naming it."""
_SAYS_NOTHING: Final = frozenset({Flag.FAILED, Flag.STOPPED, Flag.PARTIAL, Flag.UNKNOWN})
"""An answer with one of these says nothing about whether a style was followed."""
_RUT, _ACT, _FOR = 1, 2, 3
Shape: TypeAlias = Literal["", "outline", "steps", "prose"]
_TOLD_BY: Final[Mapping[Shape, int]] = {"outline": _FOR, "steps": _RUT, "prose": _FOR}
"""The dimension whose arm a form's shape stands for."""

Aside: TypeAlias = Callable[[Turn, Profile], Awaitable[tuple[str, Sequence[Write]]]]
"""What is to be said below an answer about a questionnaire that waits, and the writes that go with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one answer is to be explained.

    `topic` is the question's own. `profile` is None where it could not be read; `style` is the row of the log as far as it is
    known before the answer, None where no profile is used. `also` is an instruction for this answer whoever asks. `room` is how
    many tokens directives and `also` may take.
    """

    told: Told
    language: Language
    topic: str
    wished: Wishes
    room: int
    is_factual: bool = False
    profile: Profile | None = None
    style: AnswerStyle | None = None
    directives: tuple[str, ...] = ()
    asks_length: bool = False
    form: Form = field(default_factory=Form)
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thread:
    """What was drawn for a topic thread. `topic` is that of its last answer."""

    id: TurnId
    condition: Condition
    is_measured: bool
    drawn: Choice
    topic: str


class Styling:
    """Plans an answer from the person's profile, and finishes it with what is to be logged, learned and asked."""

    def __init__(self, services: Services, profiles: Profiles, aside: Aside) -> None:
        self._services, self._settings = services, services.settings
        self._profiles, self._aside = profiles, aside
        load_topics()  # read once, before a loop runs that it would hold up

    async def plan(self, turn: Turn, question: str, language: Language) -> Plan:
        """The plan for an answer to `question`. A profile that cannot be read in time never fails a turn."""
        told = read(question)
        wished = wishes(told, language)
        plan = Plan(
            told=told,
            language=language,
            topic=topic_of(told, language),
            wished=wished,
            room=self._room(question, language),
            is_factual=is_factual(told, language),
            form=_wished_form(wished),
        )
        try:
            async with asyncio.timeout(self._settings.recall_deadline_s):
                profile = await self._profiles.of(turn.person.id)
                plan = replace(plan, profile=profile)
                if profile.is_used:
                    last = await self._services.profiles.last_style(turn.address_id, turn.conversation_id)
                    plan = self._styled(plan, profile, self._thread(turn, profile, last))
        except (TimeoutError, MartinError):
            plan = replace(plan, profile=None)
        return replace(plan, also=self._recall_question(turn, plan))

    async def finished(self, turn: Turn, plan: Plan, outcome: Outcome) -> Outcome:
        """The answer with its row of the log, what the profile learns of the message, and what is asked below it."""
        outcome = replace(outcome, style=_logged(plan, outcome), writes=(*outcome.writes, *unanswered_level(turn)))
        if plan.profile is None or Flag.FAILED in outcome.flags:
            return outcome
        if plan.style is not None and _is_remark(turn, plan):
            learned = remarks(turn.person.id, plan.profile, plan.wished, plan.style.topic)
            outcome = replace(outcome, writes=(*outcome.writes, *learned))
        if not turn.message.is_private or Flag.STOPPED in outcome.flags:
            return outcome
        note, writes = await self._asides(turn, plan.profile)
        if note or writes:
            notes = "\n\n".join(part for part in (outcome.note, note) if part)
            return replace(outcome, note=notes, writes=(*outcome.writes, *writes))
        is_free = plan.style is not None and _is_whole(outcome) and not _ends_in_a_task(plan)
        if is_free and is_level_due(turn, plan.profile, plan.topic):
            return with_level_asked(turn, outcome, plan.language, plan.topic)
        return outcome

    async def _asides(self, turn: Turn, profile: Profile) -> tuple[str, Sequence[Write]]:
        try:
            async with asyncio.timeout(self._settings.recall_deadline_s):
                return await self._aside(turn, profile)
        except (TimeoutError, MartinError):
            return "", ()

    # --- the thread ---

    def _thread(self, turn: Turn, profile: Profile, last: LoggedStyle | None) -> _Thread:
        """The thread that goes on, with what was drawn for it, or a new one."""
        if last is not None and self._services.clock.now() - last.at <= SAME_THREAD:
            style = last.style
            drawn = _kept(profile, style, self._choose(turn.person.id, TurnId(style.thread), profile))
            # Who joins in the middle of a thread was not drawn for it: measured is from the next thread on.
            is_measured = profile.takes_part and style.is_measured
            condition = style.condition if is_measured else Condition.FULL
            return _Thread(
                id=TurnId(style.thread), condition=condition, is_measured=is_measured, drawn=drawn, topic=style.topic
            )
        return _Thread(
            id=turn.id,
            condition=self._condition(turn.person.id, turn.id) if profile.takes_part else Condition.FULL,
            is_measured=profile.takes_part,
            drawn=self._choose(turn.person.id, turn.id, profile),
            topic=GENERAL,
        )

    def _condition(self, person: PersonId, thread: TurnId) -> Condition:
        """By a lot that is the same whenever it is drawn, and that nobody outside can foretell."""
        lot = self._lot(f"{person}|{thread}") % 100
        if lot < self._settings.holdout_percent:
            return Condition.NONE
        return Condition.CONTEXT if lot < self._settings.holdout_percent + self._settings.context_percent else Condition.FULL

    def _choose(self, person: PersonId, thread: TurnId, profile: Profile) -> Choice:
        # Seeded by a keyed hash: drawn again after a crash, a thread has the same arms.
        return choose(profile.state, Random(self._lot(f"arms|{person}|{thread}")), profile.pins)  # noqa: S311

    def _lot(self, what: str) -> int:
        return int.from_bytes(self._services.keyed(what))

    # --- one answer ---

    def _room(self, question: str, language: Language) -> int:
        """How many tokens directives may take beside this question; one less, for the line that joins them."""
        return (
            room_for_directives(
                question=question,
                language=language,
                bot_name=self._settings.bot_name,
                budget=self._settings.prompt_budget,
                today=self._services.clock.now().date(),
            )
            - 1
        )

    def _styled(self, plan: Plan, profile: Profile, thread: _Thread) -> Plan:
        """The plan with the directives and the form that the thread's condition gives, and the row of the log."""
        is_follow_up = plan.topic == GENERAL and len(plan.told.words) <= _FOLLOW_UP
        topic = thread.topic if is_follow_up else plan.topic
        level = profile.level_of(topic)
        asked: Arms = NEUTRAL
        if thread.condition is not Condition.NONE:
            style = profile.style(thread.drawn.arms) if thread.condition is Condition.FULL else None
            made = block(
                plan.language,
                level=level,
                goal=profile.goal,
                length=profile.length,
                style=style,
                wishes=plan.wished,
                is_factual=plan.is_factual,
                room=plan.room,
            )
            asked = made.arms
            form = Form(words=target_words(wished_length(profile.length, plan.wished)), shape=_shape(asked, plan.wished))
            plan = replace(plan, directives=made.lines, asks_length=made.asks_length, form=form)
        row = AnswerStyle(
            thread=thread.id,
            condition=thread.condition,
            is_measured=thread.is_measured,
            topic=topic,
            level=level,
            goal=profile.goal,
            length=profile.length,
            arms=thread.drawn.arms,
            asked=asked,
            used=asked,
            propensities=thread.drawn.propensities,
            obeyed=(None,) * len(DIMENSIONS),
            is_length_obeyed=None,
            words=0,
            version=str(MODEL_VERSION),
        )
        return replace(plan, style=row)

    def _recall_question(self, turn: Turn, plan: Plan) -> tuple[str, ...]:
        """An instruction to offer a question, in about every fifth answer that teaches something."""
        wished, asked = plan.wished, plan.style.asked if plan.style is not None else NEUTRAL
        # Small talk has no topic; and one task at the end of an answer, or the wish for none, is enough.
        teaches = plan.topic != GENERAL and not plan.is_factual and wished.length != -1
        has_end = asked[_ACT] != 0 or wished.arms[_ACT] is not None
        if not teaches or has_end or self._lot(f"recall|{turn.id}") % RECALLED:
            return ()
        line = recall_question(plan.language)
        left = plan.room - estimate_tokens("\n".join(plan.directives))
        return (line,) if estimate_tokens(f"\n{line}") <= left else ()  # the others stand in the instructions already


def _kept(profile: Profile, style: AnswerStyle, drawn: Choice) -> Choice:
    """The thread's arms. A pin that was set meanwhile counts at once; so does one taken away: its arm is drawn then."""
    sources = [
        drawn if dimension in profile.pins or 1.0 in style.propensities[place] else style
        for place, dimension in enumerate(DIMENSIONS)
    ]
    return Choice(
        arms=cast("Arms", tuple(source.arms[place] for place, source in enumerate(sources))),
        propensities=tuple(source.propensities[place] for place, source in enumerate(sources)),
    )


def _wished_form(wished: Wishes) -> Form:
    """The form that the message itself asks for, which holds whatever is known of the person."""
    words = 0 if wished.length is None else target_words(wished_length(0.0, wished))
    return Form(words=words, shape=_shape(NEUTRAL, wished))


def _shape(asked: Arms, wished: Wishes) -> Shape:
    """The shape that the message wishes, else the one that it and the style come to together."""
    told = [arm if wish is None else wish for arm, wish in zip(asked, wished.arms, strict=True)]
    return _shape_of([wish or 0 for wish in wished.arms]) or _shape_of(told)


def _shape_of(arms: Sequence[int]) -> Shape:
    """Steps in prose are prose: their ordinals stand in sentences."""
    if arms[_FOR]:
        return "outline" if arms[_FOR] > 0 else "prose"
    return "steps" if arms[_RUT] > 0 else ""


def _logged(plan: Plan, outcome: Outcome) -> AnswerStyle | None:
    """The row of the log for the answer as it ended: what was not done, or not asked, is no evidence about a style."""
    row, reply = plan.style, outcome.reply
    if row is None or reply is None:
        return None
    if not reply.rateable or Flag.FAILED in outcome.flags:
        return replace(row, used=NEUTRAL)
    words = count_words(reply.text)
    if not _is_whole(outcome):
        return replace(row, used=NEUTRAL, words=words)
    asked = row.asked
    if outcome.generation is not None and not outcome.generation.is_counted:
        # The offline answerer reads no directives: only what the form told it can have been followed.
        asked = used(asked, [one for place, one in enumerate(DIMENSIONS) if place != _TOLD_BY.get(plan.form.shape)])
    told = compliance(reply.text, plan.language, arms=asked, length=row.length)
    # A bare fact may be shorter than anything that was asked for.
    is_length_asked = plan.asks_length and not plan.is_factual
    return replace(
        row,
        asked=asked,
        used=arms_to_learn(asked, told, words),
        obeyed=told.arms,
        is_length_obeyed=told.length if is_length_asked else None,
        words=words,
    )


def _ends_in_a_task(plan: Plan) -> bool:
    """Whether the answer was asked to end in an exercise or a question: what is typed next is meant for that."""
    asked = plan.style.asked if plan.style is not None else NEUTRAL
    return asked[_ACT] > 0 or plan.wished.arms[_ACT] == 1 or bool(plan.also)


def _is_whole(outcome: Outcome) -> bool:
    """Whether there is an answer that was written to its end."""
    return outcome.generation is not None and outcome.generation.stop == "end" and not outcome.flags & _SAYS_NOTHING


def _is_remark(turn: Turn, plan: Plan) -> bool:
    """Whether the message only wished for another way to explain what was answered before it."""
    return turn.message.kind is Kind.TEXT and bool(turn.history) and is_only_a_wish(plan.told, plan.language)
