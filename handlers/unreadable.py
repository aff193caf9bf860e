"""Attachments that nothing here can read are owned up to, by what they are (R-61).

Channels read text files on their way in and put them below the text: what is still attached here was not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from bot.locale import say
from bot.ports import Preview
from bot.types import Attachment, Kind, Language, Outcome, Reply, Turn

_TEXT_FILES: Final = frozenset({"txt", "md", "markdown"})


class What(StrEnum):
    """What an attachment is to whoever sent it."""

    TEXT = "text"
    PICTURE = "picture"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    STICKER = "sticker"
    OTHER = "other"


class UnreadableHandler:
    """Before the chat: a message that is nothing but what cannot be read."""

    name = "unreadable"

    def matches(self, turn: Turn) -> bool:
        """An attachment without any text."""
        message = turn.message
        return message.kind is Kind.TEXT and bool(message.attachments) and not message.text.strip()

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was not read, and what would be."""
        language = turn.language
        parts = [
            *_sentences(language, turn.message.attachments),
            say(language, "What I read is text, and files that end in .txt or .md."),
            say(language, "Tell me in words what it is about."),
        ]
        return Outcome(reply=Reply(text=" ".join(parts)))


def unread_note(language: Language, attachments: Sequence[Attachment]) -> str:
    """What is said below the answer to a text that came with them; empty where there are none."""
    if not attachments:
        return ""
    return " ".join([*_sentences(language, attachments), say(language, "I answered only your text.")])


def what(attachment: Attachment) -> What:
    """What an attachment is, by its type and its name: platforms name stickers and voice messages so."""
    kind, name = attachment.media_type.lower().partition(";")[0].strip(), attachment.name.lower()
    ending = PurePosixPath(name).suffix.removeprefix(".")
    if "sticker" in kind or name.startswith("sticker"):
        return What.STICKER
    if kind.startswith("text/") or (kind.startswith("application/") and ending in _TEXT_FILES):
        return What.TEXT
    if name.startswith("voice") and kind.startswith("audio/"):
        return What.VOICE
    return {"image": What.PICTURE, "audio": What.AUDIO, "video": What.VIDEO}.get(kind.partition("/")[0], What.OTHER)


def _sentences(language: Language, attachments: Sequence[Attachment]) -> list[str]:
    """One sentence for each kind of thing, in their order."""
    words = {
        What.TEXT: say(language, "I could not read that text file: it may be empty, too long or not there any more."),
        What.PICTURE: say(language, "I cannot look at pictures yet."),
        What.VOICE: say(language, "I cannot listen to voice messages yet."),
        What.AUDIO: say(language, "I cannot listen to sound recordings yet."),
        What.VIDEO: say(language, "I cannot watch videos yet."),
        What.STICKER: say(language, "I cannot see stickers yet."),
        What.OTHER: say(language, "I cannot read attachments of that kind yet."),
    }
    return [words[one] for one in dict.fromkeys(what(attachment) for attachment in attachments)]
