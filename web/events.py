"""How the API words what happens: JSON shapes, and `text/event-stream` made of them.

Each event is `event: NAME`, `data: JSON` and a blank line; a line `:` alone is a heartbeat.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bot.errors import StoreError
from bot.locale import say
from bot.notes import with_note
from bot.types import (
    Flag,
    Generation,
    GivenRating,
    InboxState,
    Language,
    Outgoing,
    OutgoingKind,
    PastTurn,
    ReceiptStatus,
    Reply,
)
from bot.web_ports import Histories, Posted, Said, SessionEvent, SessionEvents, Written
from web.settings import WebSettings

Json = dict[str, Any]
HEARTBEAT = b":\n\n"
HELLO = b"retry: 2000\n:\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
MILLIONTHS = 1_000_000


def dump(data: Mapping[str, object]) -> bytes:
    """JSON on one line, in UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes `?`."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def event(name: str, data: Mapping[str, object]) -> bytes:
    """One event on the wire."""
    return b"event: " + name.encode() + b"\ndata: " + dump(data) + b"\n\n"


def reply_json(reply: Reply) -> Json:
    """What every answer shows, whether it has just come or is read from the history."""
    shown: Json = {
        "text": reply.text,
        "choices": [{"key": choice.key, "label": choice.label, "row": choice.row} for choice in reply.choices],
        "rateable": reply.rateable,
    }
    if reply.files:
        shown["files"] = [
            {"name": file.name, "media_type": file.media_type, "base64": base64.b64encode(file.content).decode()}
            for file in reply.files
        ]
    return shown


def made_json(generation: Generation | None, flags: frozenset[Flag], settings: WebSettings) -> Json | None:
    """How an answer was made, None where nothing was generated. `cost` is in units of the currency.

    `is_counted` is false where no language model was asked; `place` is where it runs (machine, network, remote), null where
    that is not known.
    """
    if generation is None:
        return None
    return {
        "model": generation.model,
        "version": generation.version,
        "prompt_tokens": generation.prompt_tokens,
        "completion_tokens": generation.completion_tokens,
        "seconds": round(generation.seconds, 3),
        "first_token_s": None if generation.first_token_s is None else round(generation.first_token_s, 3),
        "cost": generation.cost / MILLIONTHS,
        "currency": settings.currency,
        "is_fallback": Flag.FALLBACK in flags | generation.flags,
        "is_counted": generation.is_counted,
        "place": settings.place(generation.model) if generation.is_counted else "machine",
    }


def outgoing_json(outgoing: Outgoing, settings: WebSettings) -> Json:
    """A reply as it arrives."""
    return {
        "turn_id": outgoing.turn_id or str(outgoing.id),
        **reply_json(outgoing.reply),
        "model": outgoing.model,
        "status": outgoing.status.value if outgoing.status else "answered",
        "flags": sorted(flag.value for flag in outgoing.flags),
        "made": made_json(outgoing.generation, outgoing.flags, settings),
        "kind": outgoing.kind.value,
    }


def past_json(turn: PastTurn, settings: WebSettings) -> Json:
    """A stored turn: the reply's own fields, what it rested on, what was asked, how it was rated, which choice was taken."""
    rating = turn.rating
    return {
        "turn_id": turn.id,
        **reply_json(replace(turn.reply, text=with_note(turn.reply.text, turn.note)) if turn.note else turn.reply),
        "model": turn.model,
        "status": turn.status.value,
        "flags": sorted(flag.value for flag in turn.flags),
        "made": made_json(turn.generation, turn.flags, settings),
        "sources": [{"kind": source.kind.value, "source": source.source, "title": source.title} for source in turn.sources],
        "kind": turn.kind.value,
        "handler": turn.handler,
        "question": turn.question,
        "created_at": turn.created_at.isoformat(),
        "rating": None
        if rating is None
        else {"value": rating.value, "reason": rating.reason.value if rating.reason else None, "correction": rating.correction},
        "chosen": turn.chosen,
    }


def said_json(said: Said) -> Json:
    """What the person said from another page of the same session."""
    choice = None if said.choice is None else {"turn_id": said.choice.turn_id, "key": said.choice.key}
    return {"event_id": said.event_id, "turn_id": said.turn_id, "kind": said.kind.value, "text": said.text, "choice": choice}


def rating_json(rating: GivenRating) -> Json:
    """A rating as it was given."""
    reason = rating.reason.value if rating.reason else None
    return {"turn_id": rating.turn_id, "value": rating.value, "reason": reason, "correction": rating.correction}


def session_event(happened: SessionEvent, settings: WebSettings) -> bytes:
    """Anything that happens in a session, on the wire."""
    match happened:
        case Said():
            return event("said", said_json(happened))
        case Written():
            return event("preview", {"turn_id": happened.turn_id, "text": happened.text})
        case GivenRating():
            return event("rating", rating_json(happened))
        case Outgoing(kind=OutgoingKind.NOTICE):
            return event("error", {"message": happened.reply.text, "event_id": happened.event_id.partition(":")[2]})
        case Outgoing():
            return event("reply", outgoing_json(happened, settings))


class EventStream(StreamingResponse):
    """An open stream as a response. Whichever way it ends, also before its first byte, nobody listens any more."""

    def __init__(self, body: AsyncIterator[bytes], events: SessionEvents) -> None:
        super().__init__(body, media_type="text/event-stream", headers=HEADERS)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._events.close()


async def session_stream(events: SessionEvents, settings: WebSettings) -> AsyncIterator[bytes]:
    """Everything that happens in a session, until the client leaves or the bot stops."""
    yield HELLO
    async for happened in _with_heartbeats(events, settings.heartbeat_s):
        yield HEARTBEAT if happened is None else session_event(happened, settings)


async def turn_stream(posted: Posted, histories: Histories, language: Language, settings: WebSettings) -> AsyncIterator[bytes]:
    """One message's way to its answer: accepted, previews, then one reply or error. Leaving it does not stop the turn."""
    receipt = posted.receipt
    yield event("accepted", {"event_id": posted.event_id, "turn_id": receipt.turn_id})
    try:
        if (known := await _known_end(posted, histories, language, settings)) is not None:
            yield known
            return
        async for happened in _with_heartbeats(posted.events, settings.heartbeat_s):
            # A turn that said nothing, or whose delivery fell between two streams, is found in the history.
            past = await histories.past(receipt.turn_id) if happened is None else None
            if past is not None:
                yield event("reply", past_json(past, settings))
                return
            yield HEARTBEAT if happened is None else session_event(happened, settings)
            if isinstance(happened, Outgoing):
                return
    except StoreError:
        message = say(language, "I can't take this in right now. Please try again in a few seconds.")
        yield event("error", {"code": "unavailable", "message": message})


async def _known_end(posted: Posted, histories: Histories, language: Language, settings: WebSettings) -> bytes | None:
    """The last event of a message whose end is known already: stored before, refused, or no turn at all."""
    receipt = posted.receipt
    if receipt.status is ReceiptStatus.ABSORBED or receipt.state is InboxState.ABSORBED:
        reply = receipt.reply or Reply(text="")
        unmade: Json = {"model": "", "status": "answered", "flags": [], "made": None}
        return event("reply", {"turn_id": receipt.turn_id, **reply_json(reply), **unmade})
    if receipt.status is ReceiptStatus.REFUSED or receipt.state is InboxState.REFUSED:
        return event("error", {"message": receipt.reply.text if receipt.reply else _refusal(receipt.status, language)})
    if receipt.status is ReceiptStatus.DUPLICATE and receipt.state is not InboxState.RECEIVED:
        past = await histories.past(receipt.turn_id)
        if past is None:
            return event("error", {"message": say(language, "That answer is no longer kept.")})
        return event("reply", past_json(past, settings))
    return None


def _refusal(status: ReceiptStatus, language: Language) -> str:
    """Words for a refusal that came without any: of those that follow each other fast, only the first has its own."""
    if status is ReceiptStatus.REFUSED:
        return say(language, "I am still answering your earlier messages. Please wait a moment before you send this one again.")
    return say(language, "I could not take that message. Please send it again.")


async def _with_heartbeats(events: SessionEvents, heartbeat_s: float) -> AsyncIterator[SessionEvent | None]:
    """The events, and None whenever none came for `heartbeat_s`."""
    while True:
        try:
            async with asyncio.timeout(heartbeat_s):
                happened = await anext(events)
        except TimeoutError:
            yield None
        except StopAsyncIteration:
            return
        else:
            yield happened
