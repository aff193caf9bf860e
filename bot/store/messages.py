"""Messages, replies and styles as the JSON that the tables keep: everything of them that has no column of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from bot.errors import StoreConflict, StoreDamaged
from bot.profile_types import Arms, Propensities
from bot.types import (
    Address,
    Attachment,
    ChannelName,
    Choice,
    Chosen,
    Evidence,
    Flag,
    Generation,
    GivenRating,
    IncomingMessage,
    Kind,
    OutboxId,
    Outgoing,
    OutgoingKind,
    Reply,
    ReplyFile,
    Source,
    TurnId,
    TurnStatus,
)

_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class _Message(msgspec.Struct, omit_defaults=True):
    """An `IncomingMessage` without event id, address and kind."""

    sent_at: datetime
    text: str = ""
    choice: Chosen | None = None
    rating: GivenRating | None = None
    target: str | None = None
    attachments: tuple[Attachment, ...] = ()
    is_private: bool = True
    is_addressed: bool = True
    is_admin: bool = False
    sender_name: str = ""
    locale: str = ""
    handle: str = ""


class _Outgoing(msgspec.Struct, omit_defaults=True):
    """An `Outgoing` without ids, address, nonce and attempts."""

    text: str
    choices: tuple[Choice, ...] = ()
    files: tuple[ReplyFile, ...] = ()
    rateable: bool = False
    model: str = ""
    status: TurnStatus | None = None
    flags: tuple[str, ...] = ()
    generation: Generation | None = None
    handle: str = ""


class _Source(msgspec.Struct, omit_defaults=True):
    """A `Source`: a piece of evidence without its text, which lives where it came from."""

    kind: str
    source: str
    score: float
    title: str = ""


_messages = msgspec.json.Decoder(_Message)
_outgoings = msgspec.json.Decoder(_Outgoing)
_choices = msgspec.json.Decoder(tuple[Choice, ...])
_flags = msgspec.json.Decoder(frozenset[Flag])
_texts = msgspec.json.Decoder(dict[str, str])
_listed_texts = msgspec.json.Decoder(tuple[str, ...])
_sources = msgspec.json.Decoder(tuple[Source, ...])
_generations = msgspec.json.Decoder(Generation)
_data: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])
_arms: msgspec.json.Decoder[Arms] = msgspec.json.Decoder(Arms)
_propensities: msgspec.json.Decoder[Propensities] = msgspec.json.Decoder(Propensities)
_obeyed: msgspec.json.Decoder[tuple[bool | None, ...]] = msgspec.json.Decoder(tuple[bool | None, ...])
_GENERATION = tuple((field.name, field.default) for field in fields(Generation))


def json_text(value: object) -> str:
    """`value` as JSON. Raises StoreConflict for text that is no valid Unicode."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError as error:
        raise StoreConflict("this text is not valid Unicode and cannot be stored") from error


def message_json(message: IncomingMessage) -> str:
    """What the inbox keeps of a message besides its columns."""
    return json_text(
        _Message(
            message.sent_at,
            message.text,
            message.choice,
            message.rating,
            message.target,
            message.attachments,
            message.is_private,
            message.is_addressed,
            message.is_admin,
            message.sender_name,
            message.locale,
            message.handle,
        )
    )


def message_of(text: str, *, event_id: str, address: Address, kind: Kind) -> IncomingMessage:
    """The message that `message_json` wrote."""
    stored = _messages.decode(text)
    return IncomingMessage(
        event_id=event_id,
        address=address,
        kind=kind,
        sent_at=stored.sent_at,
        text=stored.text,
        choice=stored.choice,
        rating=stored.rating,
        target=None if stored.target is None else TurnId(stored.target),
        attachments=stored.attachments,
        is_private=stored.is_private,
        is_addressed=stored.is_addressed,
        is_admin=stored.is_admin,
        sender_name=stored.sender_name,
        locale=stored.locale,
        handle=stored.handle,
    )


def outgoing_json(outgoing: Outgoing) -> str:
    """What the outbox keeps of an outgoing message besides its columns."""
    reply = outgoing.reply
    return json_text(
        _Outgoing(
            reply.text,
            reply.choices,
            reply.files,
            reply.rateable,
            outgoing.model,
            outgoing.status,
            tuple(sorted(outgoing.flags)),
            outgoing.generation,
            outgoing.handle,
        )
    )


def outgoing_of(row: tuple[Any, ...]) -> Outgoing:
    """The outgoing message of an outbox row.

    That is: id, kind, turn, channel, chat, user, thread, event id, nonce, attempts, message.
    """
    outbox_id, kind, turn_id, channel, chat, user, thread, event_id, nonce, attempts, message = row
    stored = _outgoings.decode(message)
    return Outgoing(
        id=OutboxId(outbox_id),
        kind=OutgoingKind(kind),
        address=Address(channel=ChannelName(channel), chat=chat, user=user, thread=thread),
        reply=Reply(text=stored.text, choices=stored.choices, files=stored.files, rateable=stored.rateable),
        nonce=nonce,
        turn_id=None if turn_id is None else TurnId(turn_id),
        event_id=event_id,
        model=stored.model,
        status=stored.status,
        flags=frozenset(map(Flag, stored.flags)),
        generation=stored.generation,
        attempts=attempts,
        handle=stored.handle,
    )


def choices_json(choices: tuple[Choice, ...]) -> str | None:
    """Choices, or None for none."""
    return json_text(choices) if choices else None


def choices_of(text: str | None) -> tuple[Choice, ...]:
    """The choices that `choices_json` wrote."""
    return _choices.decode(text) if text else ()


def flags_json(flags: Iterable[Flag]) -> str | None:
    """Flags in alphabetical order, or None for none."""
    return json_text(sorted(flags)) if flags else None


def flags_of(text: str | None) -> frozenset[Flag]:
    """The flags that `flags_json` wrote."""
    return _flags.decode(text) if text else frozenset()


def listed_texts(text: str) -> tuple[str, ...]:
    """The texts of a stored list. Raises StoreDamaged."""
    return _whole(_listed_texts, text)


def texts_of(text: str) -> dict[str, str]:
    """The state of a question, or the facts of a notice."""
    return _texts.decode(text)


def evidence_json(evidence: Iterable[Evidence]) -> str | None:
    """Where an answer came from: kind, source, score and title, never the text; None for nothing."""
    sources = [_Source(one.kind, one.source, one.score, one.title) for one in evidence]
    return json_text(sources) if sources else None


def sources_of(text: str | None) -> tuple[Source, ...]:
    """What `evidence_json` kept."""
    return _sources.decode(text) if text else ()


def generation_json(generation: Generation | None) -> str | None:
    """How an answer was made, without the fields that have their defaults; None where no model had a part in it."""
    if generation is None:
        return None
    kept = {name: value for name, default in _GENERATION if (value := getattr(generation, name)) != default}
    return json_text(kept)


def generation_of(text: str | None) -> Generation | None:
    """The generation that `generation_json` wrote, in this version or an earlier one."""
    return _generations.decode(text) if text else None


def data_of(text: str) -> dict[str, object]:
    """The data of a profile event. Raises StoreDamaged, as the three below do."""
    return _whole(_data, text)


def arms_of(text: str) -> Arms:
    """Arms of an answer: those drawn, asked or used."""
    return _whole(_arms, text)


def propensities_of(text: str) -> Propensities:
    """How probable each arm was."""
    return _whole(_propensities, text)


def obeyed_of(text: str) -> tuple[bool | None, ...]:
    """Whether each arm was obeyed."""
    return _whole(_obeyed, text)


def _whole(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:  # a number, where SQLite took the text for one
        raise StoreDamaged("a row of a profile holds something else than was written") from error
