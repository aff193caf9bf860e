"""Who may talk with the bot where: the words that stores, handlers and channels share for it."""

from __future__ import annotations

from enum import StrEnum


class ChatMode(StrEnum):
    """When the bot answers in a group chat: when it is spoken to, always, or never."""

    MENTION = "mention"
    ALWAYS = "always"
    NEVER = "never"


class CodeKind(StrEnum):
    """What a code is good for: to be let in by a closed bot, or to be known as the same person on two platforms."""

    PAIR = "pair"
    LINK = "link"
