"""Where Telegram posts updates: HTTP in front of the channel's own intake, which decides everything."""

from __future__ import annotations

from typing import Final, Protocol

from fastapi import Request
from fastapi.responses import Response
from starlette.routing import Route

PATH: Final = "/telegram"
_SHOWN_IN: Final = "X-Telegram-Bot-Api-Secret-Token"
BODY_LIMIT: Final = 1024 * 1024
RETRY_AFTER_S: Final = 5


class PostedUpdates(Protocol):
    """What takes posted updates in."""

    async def take(self, body: bytes, secret: str | None) -> int:
        """The HTTP status for a post with this secret; a body beyond 1 MiB is given with one byte too many, and no more."""


def telegram_route(updates: PostedUpdates) -> Route:
    """The route. It needs no sign-in: the secret that Telegram shows is compared by `updates`."""

    async def post(request: Request) -> Response:
        status = await updates.take(await _body(request), request.headers.get(_SHOWN_IN))
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {"Connection": "close"} if status == 413 else {}
        return Response(status_code=status, headers=headers)

    return Route(PATH, post, methods=["POST"])


async def _body(request: Request) -> bytes:
    """At most one byte more than may be."""
    body = bytearray()
    async for piece in request.stream():
        body += piece[: BODY_LIMIT + 1 - len(body)]
        if len(body) > BODY_LIMIT:
            break
    return bytes(body)
