"""Request bodies: read within a cap, decoded into typed records, and refused with what was expected."""

from __future__ import annotations

import re
from typing import Literal, TypeVar

import msgspec
from fastapi import Request

from bot.locale import say
from bot.profile_types import Reason
from web.language import language_of
from web.problems import Problem

BODY_LIMIT = 1024 * 1024
DISCARD_LIMIT = 16 * BODY_LIMIT
"""What is read, and thrown away, of a body that is too big: a client that is cut off while sending never sees why."""
_EVENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_TURN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_Body = TypeVar("_Body", bound=msgspec.Struct)


class MessageBody(msgspec.Struct, frozen=True):
    """`POST /api/messages`."""

    text: str
    event_id: str = ""


class ChoiceBody(msgspec.Struct, frozen=True):
    """`POST /api/choices`."""

    turn_id: str
    key: str
    event_id: str = ""


class AgainBody(msgspec.Struct, frozen=True):
    """`POST /api/turns/{turn_id}/again`; may be left out."""

    event_id: str = ""


class RatingBody(msgspec.Struct, frozen=True):
    """`POST /api/ratings`."""

    turn_id: str
    value: Literal[1, 0, -1]
    reason: Reason | None = None
    correction: str | None = None


async def read_body(request: Request) -> bytes:
    """The whole body. Raises Problem 413 beyond 1 MiB, announced or not."""
    kept = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= BODY_LIMIT:
            kept += piece
        elif size > DISCARD_LIMIT:
            break
    if size <= BODY_LIMIT:
        return bytes(kept)
    message = say(language_of(request), "That is too big: at most {limit} bytes fit.", limit=BODY_LIMIT)
    raise Problem(413, "body_too_large", message, headers={"Connection": "close"})


async def read_json(request: Request, kind: type[_Body], *, may_be_empty: bool = False) -> _Body:
    """The body as a record. Raises Problem 413, 415 (not JSON), 400 (broken JSON) or 422 (not of the expected form)."""
    language = language_of(request)
    body = await read_body(request)
    if may_be_empty and not body:
        return kind()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "not_json", say(language, "Send JSON, with “Content-Type: application/json”."))
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message = say(language, "This request does not have the expected form: {detail}", detail=str(error))
        raise Problem(422, "invalid", message) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "broken_json", say(language, "The request is not valid JSON.")) from error


def check_event_id(request: Request, event_id: str) -> str:
    """The client's id for its message, empty when it gave none. Raises Problem 422."""
    if event_id and not _EVENT_ID.fullmatch(event_id):
        message = say(language_of(request), "event_id takes 1 to 128 letters, digits, “_”, “-”, “.” or “:”.")
        raise Problem(422, "bad_event_id", message)
    return event_id


def check_turn_id(request: Request, turn_id: str) -> str:
    """An id that may be a turn's. Raises Problem 404 for what cannot be one."""
    if not _TURN_ID.fullmatch(turn_id):
        raise unknown_turn(request)
    return turn_id


def unknown_turn(request: Request, message: str = "") -> Problem:
    """What is said of a turn that does not exist, is erased or belongs to somebody else: the same for all three."""
    return Problem(404, "unknown_turn", message or say(language_of(request), "I don't know that answer (any more)."))
