"""Who is asking: sessions, the owner's token, the access and admin sign-in, and how often a wrong token may be tried.

Tokens are compared in constant time and kept nowhere; a sign-in is a cookie with an expiry, signed with the data folder's key.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from hashlib import sha256
from typing import Literal

from fastapi import Request
from fastapi.responses import Response

from bot.locale import say
from bot.ports import Clock
from bot.web_ports import Visitor, WebChat
from web.language import language_of, locale_of
from web.origin import is_loopback_name, name_of
from web.problems import Problem
from web.settings import WebSettings

SESSION_COOKIE = "martin_session"
SESSION_AGE_S = 400 * 86_400
"""As long as browsers keep a cookie at most (RFC 6265bis, section 5.5); renewed at every page load."""
SIGN_IN_AGE_S = {"access": 30 * 86_400, "admin": 12 * 3_600}
ATTEMPTS = 10
ATTEMPTS_WINDOW_S = 300.0
ATTEMPTS_TABLE = 4096
OWNER = "owner"

Role = Literal["access", "admin"]
ROLES: tuple[Role, ...] = ("access", "admin")
_SESSION = re.compile(r"[A-Za-z0-9_-]{16,128}")


class Attempts:
    """How often each client gave a wrong token lately. Bounded: the least recent client is forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Seconds until this client may try again; 0 when it may now."""
        since, count = self._failures.get(client, (0.0, 0))
        left = since + ATTEMPTS_WINDOW_S - self._clock.monotonic()
        return max(1, round(left)) if count >= ATTEMPTS and left > 0 else 0

    def failed(self, client: str) -> None:
        """Count a wrong token."""
        now = self._clock.monotonic()
        since, count = self._failures.pop(client, (now, 0))
        self._failures[client] = (since, count + 1) if now - since < ATTEMPTS_WINDOW_S else (now, 1)
        if len(self._failures) > ATTEMPTS_TABLE:
            self._failures.popitem(last=False)


class Door:
    """Lets people in: says whose session a request speaks for and what it may do."""

    def __init__(self, settings: WebSettings, *, web: WebChat, console: WebChat, clock: Clock) -> None:
        self._settings = settings
        self._web = web
        self._console = console
        self._clock = clock
        self._attempts = Attempts(clock)

    # --- who ---

    def visitor(self, request: Request) -> tuple[WebChat, Visitor]:
        """The channel and visitor of a request. Raises Problem 401 where there is no session."""
        locale = locale_of(request)
        if self.is_owner(request):
            return self._console, Visitor(session=OWNER, locale=locale, is_admin=True)
        session = self._bearer(request) or self.cookie_session(request)
        if session is None:
            raise _unauthorized(request, "no_session", _no_session(request))
        digest = sha256(session.encode()).hexdigest()
        return self._web, Visitor(session=digest, locale=locale, is_admin=self.has_signed_in(request, "admin"))

    def is_owner(self, request: Request) -> bool:
        """Whether the request carries the owner's token. Raises Problem when it carries a wrong one."""
        token = request.headers.get("x-martin-owner")
        return token is not None and self._accepts(request, token, self._settings.owner_token)

    def cookie_session(self, request: Request) -> str | None:
        """The session in the request's cookie, None when it has none of ours."""
        session = request.cookies.get(SESSION_COOKIE, "")
        return session if _SESSION.fullmatch(session) else None

    def _bearer(self, request: Request) -> str | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, session = header.partition(" ")
        if scheme.lower() != "bearer" or not _SESSION.fullmatch(session):
            message = say(
                language_of(request),
                "Send “Authorization: Bearer SESSION” with 16 to 128 letters, digits, “_” or “-” of your choice.",
            )
            raise _unauthorized(request, "bad_session", message)
        return session

    # --- may they ---

    def check_access(self, request: Request) -> None:
        """Raise Problem unless the request may see the page at all."""
        if not self.may_enter(request):
            message = say(language_of(request), "This page is protected: sign in, or send the X-Martin-Access header.")
            raise _unauthorized(request, "access_needed", message)

    def may_enter(self, request: Request) -> bool:
        """Whether the access token is not needed or was given. Raises Problem when a wrong one was given."""
        expected = self._settings.access_token
        if expected is None or self.has_signed_in(request, "access") or self.is_owner(request):
            return True
        given = request.headers.get("x-martin-access")
        return given is not None and self._accepts(request, given, expected)

    def has_signed_in(self, request: Request, role: Role) -> bool:
        """Whether the request carries a valid sign-in cookie for this role."""
        expiry, _, signature = request.cookies.get(f"martin_{role}", "").partition(".")
        if not re.fullmatch(r"[0-9]{1,12}", expiry) or self._token(role) is None:
            return False
        is_genuine = hmac.compare_digest(signature.encode(), self._signature(role, expiry).encode())
        return is_genuine and int(expiry) > self._clock.now().timestamp()

    # --- cookies ---

    def sign_in(self, request: Request, response: Response, token: str) -> bool:
        """Set the cookies that this token earns (an admin's earns both); False when none. Raises Problem at too many tries."""
        self._check_attempts(request)
        roles: list[Role] = [role for role in ROLES if self._token(role) is not None]
        earned = roles if _same(token, self._token("admin")) else [role for role in roles if _same(token, self._token(role))]
        if not earned:
            self._attempts.failed(_client(request))
        for role in earned:
            age = SIGN_IN_AGE_S[role]
            expiry = str(int(self._clock.now().timestamp()) + age)
            self._set_cookie(request, response, f"martin_{role}", f"{expiry}.{self._signature(role, expiry)}", age)
        return bool(earned)

    def sign_out(self, response: Response) -> None:
        """Take the sign-in cookies back. The session stays."""
        for role in SIGN_IN_AGE_S:
            response.delete_cookie(f"martin_{role}", path="/", httponly=True, samesite="strict")

    def keep_session(self, request: Request, response: Response) -> None:
        """Give the browser a session of 256 random bits, or renew the one it has."""
        session = self.cookie_session(request) or secrets.token_urlsafe(32)
        self._set_cookie(request, response, SESSION_COOKIE, session, SESSION_AGE_S)

    def _set_cookie(self, request: Request, response: Response, key: str, value: str, age_s: int) -> None:
        is_local = request.url.scheme == "http" and is_loopback_name(name_of(request.headers.get("host", "")))
        response.set_cookie(key, value, max_age=age_s, path="/", httponly=True, samesite="strict", secure=not is_local)

    # --- inside ---

    def _token(self, role: Role) -> str | None:
        return self._settings.access_token if role == "access" else self._settings.admin_token

    def _signature(self, role: Role, expiry: str) -> str:
        """Binds a sign-in to its role, its expiry and the token it was earned with: a changed token ends it."""
        token = sha256((self._token(role) or "").encode()).hexdigest()
        return hmac.new(self._settings.secret, f"martin-web|{role}|{expiry}|{token}".encode(), sha256).hexdigest()

    def _accepts(self, request: Request, given: str, expected: str) -> bool:
        self._check_attempts(request)
        if _same(given, expected):
            return True
        self._attempts.failed(_client(request))
        raise _unauthorized(request, "wrong_token", say(language_of(request), "That token is not right."))

    def _check_attempts(self, request: Request) -> None:
        if wait_s := self._attempts.wait_s(_client(request)):
            message = say(language_of(request), "Too many wrong tokens. Try again in {seconds} seconds.", seconds=wait_s)
            raise Problem(429, "too_many_attempts", message, headers={"Retry-After": str(wait_s)})


def _same(given: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _no_session(request: Request) -> str:
    return say(language_of(request), "There is no session. Open the page once, or send “Authorization: Bearer SESSION”.")


def _unauthorized(request: Request, code: str, message: str) -> Problem:
    return Problem(401, code, message, headers={"WWW-Authenticate": "Bearer"})
