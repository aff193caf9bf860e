"""The page itself, its sign-in form and its static files: server-rendered HTML without any inline script or style."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.exceptions import HTTPException

from bot.types import LANGUAGES
from web.auth import Door
from web.intake import read_body
from web.language import COOKIE, language_of
from web.problems import Problem
from web.settings import WebSettings
from web.strings import examples, nowhere_strings, page_strings, sign_in_strings

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_LANGUAGE_AGE_S = 400 * 86_400


class Page:
    """Renders the page for whoever may see it."""

    def __init__(self, settings: WebSettings, door: Door) -> None:
        self._settings = settings
        self._door = door
        templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # All files are read now, so that no request waits for the disk.
        static_files()
        self._page, self._form, self._nowhere = (
            templates.get_template(name) for name in ("page.html", "login.html", "nowhere.html")
        )

    async def home(self, request: Request) -> Response:
        """The page. `?lang=es|en` chooses its language."""
        if (chosen := request.query_params.get("lang")) in LANGUAGES:
            return _with_language(RedirectResponse("/", status_code=303), chosen)
        if not self._door.may_enter(request):
            return RedirectResponse("/login", status_code=303)
        language = language_of(request)
        strings = page_strings(language, self._settings.bot_name)
        response = self._render(
            self._page,
            language=language,
            s=strings,
            examples=examples(language),
            notice=self._settings.notice(language),
            data=_json_block({"strings": strings, "textLimit": self._settings.text_limit}),
            is_admin=self._door.has_signed_in(request, "admin"),
            offers_admin=self._settings.admin_token is not None,
            offers_sign_out=self._settings.access_token is not None,
        )
        self._door.keep_session(request, response)
        return response

    async def login(self, request: Request) -> Response:
        """The sign-in form, for the access token and for the admin token."""
        if (chosen := request.query_params.get("lang")) in LANGUAGES:
            return _with_language(RedirectResponse("/login", status_code=303), chosen)
        return self._login_form(request, error="")

    async def sign_in(self, request: Request) -> Response:
        """Take the form's `token` and set the sign-in cookies that it earns."""
        fields = parse_qs((await read_body(request)).decode("utf-8", "replace"), max_num_fields=8) if _is_form(request) else {}
        welcome = RedirectResponse("/", status_code=303)
        try:
            if self._door.sign_in(request, welcome, fields.get("token", [""])[0].strip()):
                return welcome
        except Problem as problem:
            return self._login_form(request, error=problem.message, status=problem.status, headers=problem.headers)
        wrong = sign_in_strings(language_of(request), self._settings.bot_name)["wrong"]
        return self._login_form(request, error=wrong, status=401)

    async def sign_out(self, request: Request) -> Response:
        """Take the sign-in cookies back."""
        response = RedirectResponse("/", status_code=303)
        self._door.sign_out(response)
        return response

    async def static(self, request: Request) -> Response:
        """A script, style sheet or picture of the page, revalidated by its ETag."""
        known = static_files().get(request.path_params["name"])
        if known is None:
            raise HTTPException(404)
        content, media_type, etag = known
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    def nowhere(self, request: Request) -> Response:
        """What a browser shows at an address where there is nothing."""
        language = language_of(request)
        response = self._render(self._nowhere, language=language, s=nowhere_strings(language))
        response.status_code = 404
        return response

    def _login_form(
        self, request: Request, *, error: str, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        language = language_of(request)
        strings = sign_in_strings(language, self._settings.bot_name)
        response = self._render(
            self._form, language=language, s=strings, error=error, is_closed=self._settings.access_token is not None
        )
        response.status_code = status
        response.headers.update(headers or {})
        return response

    def _render(self, template: Template, **values: object) -> Response:
        text = template.render(bot_name=self._settings.bot_name, **values)
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})


PAGE_ROUTES: tuple[tuple[str, str, Callable[..., Awaitable[Response]]], ...] = (
    ("GET", "/", Page.home),
    ("GET", "/login", Page.login),
    ("POST", "/login", Page.sign_in),
    ("POST", "/logout", Page.sign_out),
    ("GET", "/static/{name}", Page.static),
)
"""Every address of the page."""


@cache
def static_files() -> dict[str, tuple[bytes, str, str]]:
    """The static files by name: content, media type, ETag. Read once: they are few and small."""
    files = {}
    for path in sorted((_FOLDER / "static").iterdir()):
        if media_type := _TYPES.get(path.suffix):
            content = path.read_bytes()
            files[path.name] = content, media_type, f'"{sha256(content).hexdigest()[:32]}"'
    return files


def _json_block(data: object) -> Markup:
    """JSON that may stand inside a script element: no `<` can end it."""
    return Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 - every "<" is escaped


def _with_language(response: RedirectResponse, language: str | None) -> Response:
    response.set_cookie(COOKIE, language or "", max_age=_LANGUAGE_AGE_S, path="/", samesite="strict")
    return response


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")
