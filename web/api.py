"""The JSON surface of the page, which the console and other clients use too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from fastapi import Request
from fastapi.responses import Response

from bot.locale import say
from bot.notices import notice_text
from bot.ports import Clock, Health, NoticeStore
from bot.types import Address, Chosen, GivenRating, PastTurn, ReceiptStatus, TurnId
from bot.web_ports import Histories, Posted
from web import events
from web.auth import Door
from web.intake import (
    AgainBody,
    ChoiceBody,
    MessageBody,
    RatingBody,
    check_event_id,
    check_turn_id,
    read_json,
    unknown_turn,
)
from web.language import language_of
from web.problems import Problem
from web.settings import WebSettings

_NOT_STORED = {"Cache-Control": "no-store"}
_MAX_HISTORY = 200
_NOTICE_DAYS, _MAX_NOTICES = 7, 50


class Api:
    """Answers the API's requests out of the session channels and the stored conversations."""

    def __init__(
        self, settings: WebSettings, door: Door, *, histories: Histories, health: Health, notices: NoticeStore, clock: Clock
    ) -> None:
        self._settings = settings
        self._door = door
        self._histories = histories
        self._health = health
        self._notices = notices
        self._clock = clock

    async def say(self, request: Request) -> Response:
        """Say something: `{"text", "event_id"?}`. A stream of `accepted`, `preview`s and one `reply` or `error`.

        The same `event_id` again from the same session joins the running turn or repeats its stored reply; with another text it
        is a 409. Leaving the stream does not stop the turn.
        """
        chat, visitor = self._door.visitor(request)
        body = await read_json(request, MessageBody)
        self._check_text(request, body.text)
        return self._stream(request, await chat.say(visitor, body.text, event_id=check_event_id(request, body.event_id)))

    async def history(self, request: Request) -> Response:
        """The conversation so far, newest last: `{"messages": […], "more", "running": […]}`.

        `?limit=` takes 1 to 200, `?before=` a turn.

        Each message has what was asked, the reply's fields, `sources` (what it rested on: `kind`, `source`, `title`), `rating`
        (or null) and `chosen` (a taken choice's key, or null).

        A reply's fields, here and in streams: `turn_id`, `text`, `choices`, `rateable`, `files`?, `model`, `status`, `flags`,
        `kind` and `made` (null where nothing was generated): `model`, `version`, `prompt_tokens`, `completion_tokens`,
        `seconds`, `first_token_s`, `cost`, `currency`, `is_fallback`, `is_counted` (false where no language model was asked)
        and `place` (where this model runs: `machine`, `network` for the private one, `remote`; null where that is not known).
        """
        chat, visitor = self._door.visitor(request)
        before = request.query_params.get("before")
        limit = self._limit(request)
        turns = await self._histories.of(
            chat.address(visitor), before=TurnId(check_turn_id(request, before)) if before else None, limit=limit + 1
        )
        shown = [events.past_json(turn, self._settings) for turn in turns[-limit:]]
        running = [events.said_json(said) for said in chat.running(visitor)]
        return _json({"messages": shown, "more": len(turns) > limit, "running": running})

    async def events(self, request: Request) -> Response:
        """What happens in the session, as a stream: `reply` (due messages and late ones too), `said`, `rating`, `error`."""
        chat, visitor = self._door.visitor(request)
        if request.method == "HEAD":
            return Response(headers=events.HEADERS, media_type="text/event-stream")
        listening = chat.listen(visitor)
        return events.EventStream(events.session_stream(listening, self._settings), listening)

    async def choose(self, request: Request) -> Response:
        """Take a choice under a reply: `{"turn_id", "key", "event_id"?}`. A stream like that of a message."""
        chat, visitor = self._door.visitor(request)
        body = await read_json(request, ChoiceBody)
        turn_id = TurnId(check_turn_id(request, body.turn_id))
        if not 0 < len(body.key) <= 128:
            raise Problem(422, "invalid", say(language_of(request), "key takes 1 to 128 characters."))
        event_id = check_event_id(request, body.event_id)
        return self._stream(request, await chat.choose(visitor, Chosen(turn_id=turn_id, key=body.key), event_id=event_id))

    async def stop(self, request: Request) -> Response:
        """Ask the running answer to end; what is written so far stays. `{"turn_id", "stopped"}`. 404 for an unknown turn."""
        chat, visitor = self._door.visitor(request)
        turn_id = TurnId(check_turn_id(request, request.path_params["turn_id"]))
        receipt = await chat.stop(visitor, turn_id)
        # A running turn is not stored yet; one that has just ended is: stopping it comes too late, and is no mistake.
        if receipt.is_refused and await self._past(chat.address(visitor), turn_id) is None:
            raise unknown_turn(request)
        message = receipt.reply.text if receipt.reply else ""
        return _json({"turn_id": turn_id, "stopped": not receipt.is_refused, "message": message})

    async def turn(self, request: Request) -> Response:
        """One answer as the history has it, `sources` included. 404 for an unknown turn."""
        chat, visitor = self._door.visitor(request)
        turn_id = TurnId(check_turn_id(request, request.path_params["turn_id"]))
        past = await self._past(chat.address(visitor), turn_id)
        if past is None:
            raise unknown_turn(request)
        return _json(events.past_json(past, self._settings))

    async def again(self, request: Request) -> Response:
        """Ask for another answer to the same question: `{"event_id"?}` or no body. A stream like that of a message.

        404 for an unknown turn.
        """
        chat, visitor = self._door.visitor(request)
        known = TurnId(check_turn_id(request, request.path_params["turn_id"]))
        body = await read_json(request, AgainBody, may_be_empty=True)
        event_id = check_event_id(request, body.event_id)
        if await self._past(chat.address(visitor), known) is None:
            raise unknown_turn(request)
        return self._stream(request, await chat.again(visitor, known, event_id=event_id))

    async def rate(self, request: Request) -> Response:
        """Rate an answer: `{"turn_id", "value": 1|0|-1, "reason"?, "correction"?}`; 0 withdraws. 404 for an unknown turn.

        `reason` is one of wrong, long, short, hard, easy; of another style: style, or one of more_examples, more_theory,
        step_by_step, overview, more_practice, less_practice, outline, prose.
        """
        chat, visitor = self._door.visitor(request)
        body = await read_json(request, RatingBody)
        rating = GivenRating(
            turn_id=TurnId(check_turn_id(request, body.turn_id)),
            value=body.value,
            reason=body.reason,
            correction=body.correction,
        )
        if rating.correction:
            self._check_text(request, rating.correction)
        receipt = await chat.rate(visitor, rating)
        message = receipt.reply.text if receipt.reply else ""
        if receipt.is_refused:
            raise unknown_turn(request, message)
        if receipt.status is ReceiptStatus.REFUSED:
            raise Problem(
                429, "too_many", message or say(language_of(request), "Too much at once. Please try again in a moment.")
            )
        return _json({**events.rating_json(rating), "message": message})

    async def notices(self, request: Request) -> Response:
        """What admins are to know, of the last 7 days, newest first: `{"notices": [{"kind", "day", "text"}]}`.

        403 for everybody else.
        """
        _, visitor = self._door.visitor(request)
        language, currency = language_of(request), self._settings.currency
        if not visitor.is_admin:
            raise Problem(403, "not_admin", say(language, "This is for admins only."))
        since = self._clock.now().date() - timedelta(days=_NOTICE_DAYS - 1)
        recent = await self._notices.recent(since, _MAX_NOTICES)
        shown = [
            {"kind": notice.kind, "day": notice.day.isoformat(), "text": notice_text(notice, language, currency)}
            for notice in recent
        ]
        return _json({"notices": shown})

    async def live(self, request: Request) -> Response:
        """Whether the process works: 200, or 503 when a restart would help."""
        is_live = self._health.is_live()
        return _json({"status": "ok" if is_live else "stuck"}, 200 if is_live else 503)

    async def ready(self, request: Request) -> Response:
        """Whether it can serve now, each dependency by name: 200, or 503 when one is not `ok`."""
        checks = await self._health.ready()
        is_ready = all(state == "ok" for state in checks.values())
        return _json({"status": "ok" if is_ready else "not ready", "checks": dict(checks)}, 200 if is_ready else 503)

    async def _past(self, address: Address, turn_id: TurnId) -> PastTurn | None:
        """The stored turn, where it is one of the person at this address."""
        past = await self._histories.past(turn_id)
        newest = await self._histories.of(address, before=None, limit=1) if past is not None else ()
        return past if past is not None and any(turn.person_id == past.person_id for turn in newest) else None

    def _check_text(self, request: Request, text: str) -> None:
        language, limit = language_of(request), self._settings.text_limit
        if not text.strip():
            raise Problem(422, "empty", say(language, "There is no text in that message."))
        if len(text) > limit:
            message = say(
                language,
                "That text is too long: it has {length} characters, and at most {limit} fit.",
                length=len(text),
                limit=limit,
            )
            raise Problem(422, "text_too_long", message)

    def _limit(self, request: Request) -> int:
        given = request.query_params.get("limit", str(self._settings.history_limit))
        if given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= _MAX_HISTORY:
            return int(given)
        raise Problem(422, "invalid", say(language_of(request), "limit is a number from 1 to {most}.", most=_MAX_HISTORY))

    def _stream(self, request: Request, posted: Posted) -> Response:
        language = language_of(request)
        if not posted.receipt.same_content:
            posted.events.close()
            message = say(language, "Another message was sent with this event_id before. Use a new one for every message.")
            raise Problem(409, "event_id_taken", message)
        body = events.turn_stream(posted, self._histories, language, self._settings)
        return events.EventStream(body, posted.events)


ROUTES: tuple[tuple[str, str, Callable[..., Awaitable[Response]]], ...] = (
    ("POST", "/api/messages", Api.say),
    ("GET", "/api/messages", Api.history),
    ("GET", "/api/events", Api.events),
    ("POST", "/api/choices", Api.choose),
    ("GET", "/api/turns/{turn_id}", Api.turn),
    ("POST", "/api/turns/{turn_id}/stop", Api.stop),
    ("POST", "/api/turns/{turn_id}/again", Api.again),
    ("POST", "/api/ratings", Api.rate),
    ("GET", "/api/notices", Api.notices),
    ("GET", "/health/live", Api.live),
    ("GET", "/health/ready", Api.ready),
)
"""Every address of the API. The app is built from it and the documentation is generated from it."""


def _json(content: Mapping[str, object], status: int = 200) -> Response:
    return Response(events.dump(content), status_code=status, media_type="application/json", headers=_NOT_STORED)
