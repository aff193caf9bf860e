"""How far a model's download is and why it failed, in words; the same in the chat and on the command line; pure."""

from __future__ import annotations

from bot.amounts import duration, progress
from bot.errors import (
    ModelBusy,
    ModelError,
    ModelMissing,
    ModelNoSpace,
    ModelNotNamed,
    ModelRejected,
    ModelTimedOut,
    ModelTooNew,
    ModelUnreachable,
)
from bot.locale import say
from bot.model_types import Download
from bot.types import Language


def bar_line(language: Language, download: Download) -> str:
    """How far a download is, with the time that it still needs where that can be told."""
    line = progress(download.progress, language)
    if download.remaining_s is None:
        return line
    return f"{line} · {say(language, 'about {time} left', time=duration(max(1.0, download.remaining_s), language))}"


def why_not(language: Language, error: ModelError | None) -> str:
    """Why the local server did not do what it was asked for, and what to do next."""
    match error:
        case ModelMissing():
            text = say(language, "There is no such model. The names are listed at https://ollama.com/library.")
        case ModelNotNamed():
            text = say(
                language,
                "What people write would leave your private network there. If they may, name `ollama` in models.provider.",
            )
        case ModelNoSpace():
            text = say(
                language,
                "The disk that the models are kept on is full. Make room, then ask again: what is there already is kept.",
            )
        case ModelTooNew():
            text = say(language, "This model needs a newer version of Ollama: https://ollama.com/download.")
        case ModelRejected():
            text = say(language, "The local server refuses this download.")
        case ModelUnreachable() | ModelTimedOut():
            text = say(
                language,
                "The local server does not answer, or cannot reach the library of models. See whether it runs (`ollama serve`) "
                "and is online, then try again: what is there already is kept.",
            )
        case ModelBusy():
            text = say(language, "The local server is busy. Try again in a moment.")
        case _:
            text = say(language, "The download failed on the local server. Try again: what is there already is kept.")
    return text
