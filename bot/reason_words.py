"""What the reasons of a 👎 are called, wherever they are offered; pure."""

from __future__ import annotations

from bot.locale import say
from bot.profile_types import Reason
from bot.types import Language


def reason_words(language: Language) -> dict[Reason, str]:
    """The reasons in the order in which they are offered. `STYLE` stands for those behind it where there is little room."""
    return {
        Reason.WRONG: say(language, "It is wrong"),
        Reason.LONG: say(language, "Too long"),
        Reason.SHORT: say(language, "Too short"),
        Reason.HARD: say(language, "Too hard"),
        Reason.EASY: say(language, "Too easy"),
        Reason.STYLE: say(language, "Other style"),
        Reason.MORE_EXAMPLES: say(language, "More examples"),
        Reason.MORE_THEORY: say(language, "More theory"),
        Reason.STEP_BY_STEP: say(language, "Step by step"),
        Reason.OVERVIEW: say(language, "Overview first"),
        Reason.MORE_PRACTICE: say(language, "More practice"),
        Reason.LESS_PRACTICE: say(language, "Less practice"),
        Reason.OUTLINE: say(language, "As an outline"),
        Reason.PROSE: say(language, "As prose"),
    }
