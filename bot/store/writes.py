"""What handlers ask to be written, as steps of a unit of work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from bot.ports import Ids
from bot.profile_types import AnswerStyle
from bot.store.admin_writes import admin_step
from bot.store.channel_writes import channel_step
from bot.store.db import Statement
from bot.store.memory_statements import INSERT_EDITED_MEMORY
from bot.store.memory_writes import memory_steps
from bot.store.messages import json_text, outgoing_json
from bot.store.sharing_writes import END_OTHER_CORRECTION, END_OTHER_QUESTION, END_SHARING_OF, sharing_steps
from bot.store.statements import (
    CLOSE_QUESTION,
    DELETE_PROFILE,
    DELETE_PROFILE_EVENT,
    INSERT_CONSENT,
    INSERT_DUE,
    INSERT_JOB,
    INSERT_PROFILE_EVENT,
    INSERT_QUESTION,
    LOG_ANSWER,
    MOVE_ARRIVAL,
    RELABEL_TURN,
    SET_CONVERSATION,
    SET_LANGUAGE,
    SET_RATING,
    TELL_ADMINS,
)
from bot.types import InboxState, Outgoing, Turn
from bot.writes import (
    AddDueMessage,
    AddJob,
    AddProfileEvent,
    AdminWrite,
    AskQuestion,
    ChannelWrite,
    CloseQuestion,
    DropProfile,
    DropProfileEvent,
    MemoryWrite,
    OtherWrite,
    RelabelTurn,
    SetConsent,
    SetConversation,
    SetLanguage,
    SetRating,
    SharingWrite,
    TellAdmins,
    Write,
)

Step = tuple[Statement, dict[str, object]]


def by_rank(step: Step) -> int:
    """The order in which a unit takes its steps."""
    return step[0].rank


def steps_of(writes: Iterable[Write], at: datetime, ids: Ids) -> list[Step]:
    """The steps of all writes, in their order: sort them by rank together with the rest of the unit."""
    return [step for write in writes for step in _steps(write, at, ids)]


def move(arrival: str, before: InboxState, after: InboxState, at: datetime | None) -> Step:
    """An inbox row's step from one state to another, its text cleared; `at` is None for a state that is no end.

    A row that is not in the state `before` stays as it is: an erased one, and one that was ended already.
    """
    return MOVE_ARRIVAL, {"arrival": arrival, "before": before.value, "after": after.value, "at": at}


def outgoing_row(outgoing: Outgoing, at: datetime) -> dict[str, object]:
    """A new outbox row."""
    address = outgoing.address
    return {
        "id": outgoing.id,
        "kind": outgoing.kind.value,
        "turn_id": outgoing.turn_id,
        "channel": address.channel.value,
        "chat": address.chat,
        "user": address.user,
        "thread": address.thread,
        "event_id": outgoing.event_id,
        "message": outgoing_json(outgoing),
        "nonce": outgoing.nonce,
        "created_at": at,
    }


def logged(turn: Turn, style: AnswerStyle, at: datetime) -> Step:
    """The step that logs how this turn's answer was explained."""
    return LOG_ANSWER, {
        "turn_id": turn.id,
        "person_id": turn.person.id,
        "address_id": turn.address_id,
        "conversation_id": turn.conversation_id,
        "thread": style.thread,
        "condition": style.condition.value,
        "is_measured": style.is_measured,
        "topic": style.topic,
        "level": style.level,
        "goal": style.goal,
        "length": style.length,
        "arms": json_text(style.arms),
        "asked": json_text(style.asked),
        "used": json_text(style.used),
        "propensities": json_text(style.propensities),
        "obeyed": json_text(style.obeyed),
        "is_length_obeyed": style.is_length_obeyed,
        "words": style.words,
        "version": style.version,
        "at": at,
    }


def _steps(write: Write, at: datetime, ids: Ids) -> list[Step]:
    if isinstance(write, MemoryWrite):
        return memory_steps(write, at, ids)
    if isinstance(write, ChannelWrite):
        return [channel_step(write, at)]
    if isinstance(write, AdminWrite):
        return [admin_step(write, at)]
    if isinstance(write, SharingWrite):
        return sharing_steps(write, at, ids)
    return sorted([*_ended(write), _step(write, at, ids), *_remembered_anew(write, at)], key=by_rank)


def _ended(write: OtherWrite) -> list[Step]:
    """What answers everybody no longer: other words, and those of somebody who takes their consent back."""
    match write:
        case SetRating():
            words: dict[str, object] = {"turn_id": write.turn_id, "value": write.value, "correction": write.correction}
            return [(END_OTHER_CORRECTION, words)]
        case RelabelTurn():
            return [(END_OTHER_QUESTION, {"turn_id": write.turn_id, "question": write.question})]
        case SetConsent(granted=False):
            return [(END_SHARING_OF, {"person_id": write.person_id})]
        case _:
            return []


def _remembered_anew(write: OtherWrite, at: datetime) -> list[Step]:
    """What follows from a turn that was changed is worked out again."""
    if not isinstance(write, RelabelTurn):
        return []
    turn = write.turn_id
    return [(INSERT_EDITED_MEMORY, {"id": turn + "e", "turn_id": turn, "part": "edited", "created_at": at})]


def _step(write: OtherWrite, at: datetime, ids: Ids) -> Step:
    match write:
        case SetLanguage():
            return SET_LANGUAGE, {"person": write.person_id, "chosen": write.language}
        case SetConversation():
            return SET_CONVERSATION, {"address": write.address_id, "conversation": write.conversation_id}
        case CloseQuestion():
            return CLOSE_QUESTION, {"turn": write.turn_id, "chosen": write.key, "at": at}
        case RelabelTurn():
            return RELABEL_TURN, {"turn": write.turn_id, "text": write.question, "at": at}
        case SetRating() | AddProfileEvent() | DropProfileEvent() | DropProfile():
            return _learned(write, at, ids)
        case SetConsent() | AskQuestion() | AddDueMessage() | AddJob() | TellAdmins():
            return _insert(write, at, ids)
        case _:
            assert_never(write)


def _learned(write: SetRating | AddProfileEvent | DropProfileEvent | DropProfile, at: datetime, ids: Ids) -> Step:
    match write:
        case SetRating():
            return SET_RATING, {
                "turn_id": write.turn_id,
                "person_id": write.person_id,
                "value": write.value,
                "reason": write.reason,
                "correction": write.correction,
                "rated_at": at,
            }
        case AddProfileEvent():
            return INSERT_PROFILE_EVENT, {
                "id": ids.new(),
                "person_id": write.person_id,
                "kind": write.kind.value,
                "data": json_text(dict(write.data)),
                "at": at,
            }
        case DropProfileEvent():
            return DELETE_PROFILE_EVENT, {"event": write.id, "person": write.person_id}
        case DropProfile():
            return DELETE_PROFILE, {"person": write.person_id}
        case _:
            assert_never(write)


def _insert(write: SetConsent | AskQuestion | AddDueMessage | AddJob | TellAdmins, at: datetime, ids: Ids) -> Step:
    match write:
        case SetConsent():
            return INSERT_CONSENT, {
                "id": ids.new(),
                "person_id": write.person_id,
                "granted": write.granted,
                "version": write.version,
                "at": at,
            }
        case AskQuestion():
            return INSERT_QUESTION, {
                "turn_id": write.question.turn_id,
                "person_id": write.person_id,
                "address_id": write.address_id,
                "kind": write.question.kind,
                "choices": json_text(write.question.choices),
                "state": json_text(dict(write.question.state)),
                "asked_at": at,
            }
        case AddDueMessage():
            return INSERT_DUE, {
                "id": ids.new(),
                "person_id": write.person_id,
                "address_id": write.address_id,
                "kind": write.kind,
                "due_at": write.due_at,
            }
        case AddJob():
            return INSERT_JOB, {
                "id": ids.new(),
                "kind": write.kind,
                "person_id": write.person_id,
                "after_turn": write.after_turn,
                "created_at": at,
            }
        case TellAdmins():
            return TELL_ADMINS, {"kind": write.kind, "day": write.day, "facts": json_text(dict(write.facts)), "at": at}
        case _:
            assert_never(write)
