"""What is said when a request cannot be done: one JSON shape, in the person's language; a page where a browser finds nothing.

Every error is `{"error": {"code": "text_too_long", "message": "…"}}`; the code is for programs and is
the same in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from bot.errors import IntakeError, StoreError
from bot.locale import say
from web.language import language_of

RETRY_AFTER_S = 5


class Problem(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        super().__init__(code)

    def response(self) -> JSONResponse:
        """The answer to send."""
        return JSONResponse(
            {"error": {"code": self.code, "message": self.message}},
            status_code=self.status,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def answer_problems(app: FastAPI, *, nowhere: Callable[[Request], Response]) -> None:
    """Turn what requests raise into the one JSON shape; `nowhere` makes the page for who came to an unknown address."""

    async def problem(request: Request, error: Problem) -> JSONResponse:
        return error.response()

    async def unavailable(request: Request, error: StoreError | IntakeError) -> JSONResponse:
        return _unavailable(request).response()

    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and _wants_page(request):
            return nowhere(request)
        return _http(request, error).response()

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        message = say(language_of(request), "Something went wrong on my side. Please try again.")
        return Problem(500, "internal", message).response()

    for kind, handler in ((Problem, problem), (StoreError, unavailable), (IntakeError, unavailable)):
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]  # Starlette types handlers by the widest error
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)


def _wants_page(request: Request) -> bool:
    """Whether somebody looks at the answer in a browser, and no program reads it."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "").lower()


def _unavailable(request: Request) -> Problem:
    message = say(language_of(request), "I can't take this in right now. Please try again in a few seconds.")
    return Problem(503, "unavailable", message, headers={"Retry-After": str(RETRY_AFTER_S)})


def _http(request: Request, error: HTTPException) -> Problem:
    language = language_of(request)
    match error.status_code:
        case 404:
            return Problem(404, "not_found", say(language, "There is nothing at this address."))
        case 405:
            message = say(language, "This address does not take {method} requests.", method=request.method)
            return Problem(405, "method_not_allowed", message, headers=error.headers)
        case status:
            message = say(language, "This request could not be understood.")
            return Problem(status, "bad_request", message, headers=error.headers)
