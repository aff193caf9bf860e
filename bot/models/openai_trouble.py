"""What goes wrong with an OpenAI-compatible server: as errors, and in words for people with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelUnreachable, RequestRejected
from bot.locale import say
from bot.models.openai_wire import Refusal
from bot.models.over_http import BUSY, NOT_THIS, wait_s, why
from bot.types import Language

_REFUSALS: Final[Mapping[int, str]] = {
    401: "the key is not accepted",
    402: "the account has no credit left",
    403: "the key may not be used for this",
    404: "no such model or address",
    405: "no such address",
    413: "the request is too large",
    422: "the request cannot be processed",
}


class Refused(ModelRejected):
    """A request that was refused, with its HTTP status."""

    def __init__(self, model: str, detail: str, status: int) -> None:
        self.status = status
        super().__init__(model, detail)


class RefusedRequest(Refused, RequestRejected):
    """A request that was refused for what it holds, with its HTTP status."""


def refused(model: str, status: int, refusal: Refusal, retry_after: str | None, now: datetime) -> ModelError:
    """What a response that is no success means, in words that hold nothing of its text."""
    code = f" ({refusal.code})" if refusal.code not in ("", str(status)) else ""
    if status in BUSY and not refusal.is_spent:
        return ModelBusy(model, f"{status}: busy{code}", wait_s(retry_after, now))
    if status >= 500:
        return ModelBroken(model, f"{status}: the server failed{code}")
    if refusal.is_spent:
        words = "the account's quota is used up"
    elif refusal.is_too_long:
        words = "prompt and answer are more than the model can hold; lower models.prompt_budget or models.max_tokens"
    elif status < 400:
        words = "it redirects elsewhere, which is not followed; name the final address"
    else:
        words = _REFUSALS.get(status, "the request is refused")
    kind = RefusedRequest if status in NOT_THIS and not refusal.is_spent else Refused
    return kind(model, f"{status}: {words}{code}", status)


def trouble(error: ModelError, server: str, *, has_key: bool, language: Language) -> tuple[str, str]:
    """Why the server at the address `server` gives no list of its models, and what to do, for people."""
    detail = say(language, "what answers at {server} does not speak OpenAI's chat interface", server=server)
    step = say(language, "Correct models.openai.base_url; it usually ends in /v1.")
    match error:
        case ModelUnreachable():
            detail = say(language, "{server} cannot be reached ({why})", server=server, why=why(error, language))
            step = say(language, "Start that server, or correct models.openai.base_url.")
        case ModelBusy():
            detail = say(language, "{server} is busy, or is still loading its model", server=server)
            step = say(language, "Wait a little and look again.")
        case Refused(status=401 | 403) if has_key:
            detail = say(language, "{server} does not accept the key", server=server)
            step = say(language, "Correct models.openai.api_key.")
        case Refused(status=401 | 403):
            detail = say(language, "{server} asks for a key", server=server)
            step = say(language, "Put a key of that server into models.openai.api_key.")
        case Refused(status=status):
            detail = say(language, "{server} lists no models ({status})", server=server, status=status)
        case ModelBroken() if error.__cause__ is None:
            detail = say(language, "{server} answers with an error of its own", server=server)
            step = say(language, "Look into that server's log.")
    return detail, step
