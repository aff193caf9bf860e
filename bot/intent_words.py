"""What the intents of training rows are called, for people; pure."""

from __future__ import annotations

from bot.locale import say
from bot.training_types import Intent
from bot.types import Language


def intent_words(language: Language) -> dict[Intent, str]:
    """Each intent in a word."""
    return {
        Intent.QUESTION: say(language, "question"),
        Intent.REQUEST: say(language, "request"),
        Intent.CHAT: say(language, "chat"),
        Intent.COMPLAINT: say(language, "complaint"),
        Intent.CORRECTION: say(language, "correction"),
    }
