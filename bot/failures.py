"""What a model's failure means, in words for people; pure."""

from __future__ import annotations

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelTimedOut, ModelUnreachable
from bot.locale import say
from bot.types import Language


def failure_text(error: ModelError, language: Language) -> str:
    """The kind of failure as the end of a sentence; what exactly happened stands in the log."""
    match error:
        case ModelUnreachable():
            return say(language, "its server cannot be reached")
        case ModelTimedOut():
            return say(language, "nothing came in time")
        case ModelBusy():
            return say(language, "its server is busy and asks to wait")
        case ModelRejected():
            return say(language, "its server refuses the request")
        case ModelBroken():
            return say(language, "what came was empty, cut off or not understandable")
        case _:
            return say(language, "it gave no usable answer")
