"""What the steps of a night are called; the same in the chat and on the command line; pure."""

from __future__ import annotations

from bot.locale import say
from bot.types import Language


def step_words(language: Language) -> dict[str, str]:
    """What the steps of a night are called."""
    return {
        "collect": say(language, "Collecting"),
        "clean": say(language, "Cleaning"),
        "topics": say(language, "Finding topics"),
        "label": say(language, "Labelling"),
        "scrub": say(language, "Scrubbing"),
        "guard": say(language, "Guarding"),
        "note": say(language, "Noting whose rows they are"),
        "write": say(language, "Writing"),
        "check": say(language, "Checking"),
        "readiness": say(language, "Measuring"),
        "publish": say(language, "Publishing"),
    }
