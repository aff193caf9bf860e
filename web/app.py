"""Builds the web application out of ports: the gate in front, the page and the API behind it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.ports import Clock, Health, NoticeStore
from bot.web_ports import Histories, WebChat
from web.api import ROUTES, Api
from web.auth import Door
from web.origin import check_host, check_origin
from web.page import PAGE_ROUTES, Page
from web.problems import Problem, answer_problems
from web.settings import WebSettings
from web.telegram_route import PATH as TELEGRAM
from web.telegram_route import PostedUpdates, telegram_route

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": under it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_OPEN_PATHS = frozenset({"/", "/login", "/logout"})
"""What needs no access token, besides static files: the form that takes it, and the page, which leads there by itself."""


def build(
    settings: WebSettings,
    *,
    web: WebChat,
    console: WebChat,
    histories: Histories,
    health: Health,
    notices: NoticeStore,
    clock: Clock,
    posted: PostedUpdates | None = None,
) -> FastAPI:
    """The application, for a server to serve. `posted` takes what Telegram posts, where it is to."""
    app = FastAPI(title=settings.bot_name, docs_url=None, redoc_url=None, openapi_url=None)
    door = Door(settings, web=web, console=console, clock=clock)
    page = Page(settings, door)
    api = Api(settings, door, histories=histories, health=health, notices=notices, clock=clock)
    for owner, routes in ((page, PAGE_ROUTES), (api, ROUTES)):
        for method, path, answer in routes:
            # A plain route: bodies are read and checked by `web.intake`, and building FastAPI's kind blocks for 0.1 s.
            app.router.routes.append(Route(path, getattr(owner, answer.__name__), methods=[method]))
    if posted is not None:
        app.router.routes.append(telegram_route(posted))
    answer_problems(app, nowhere=page.nowhere)
    app.add_middleware(Gate, settings=settings, door=door, open_paths=() if posted is None else (TELEGRAM,))
    return app


class Gate:
    """Stands before every request: Host, Origin and access token are checked, and every answer carries the security headers."""

    def __init__(self, app: ASGIApp, *, settings: WebSettings, door: Door, open_paths: tuple[str, ...] = ()) -> None:
        """`open_paths` have checks of their own."""
        self._app, self._open_paths = app, ("/health/live", *open_paths)
        self._settings = settings
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it with the problem it has."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(Request(scope))
        except Problem as problem:
            await problem.response()(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _check(self, request: Request) -> None:
        path = request.url.path
        if path in self._open_paths:
            return
        check_host(request, self._settings)
        check_origin(request, self._settings)
        if path not in _OPEN_PATHS and not path.startswith("/static/"):
            self._door.check_access(request)
