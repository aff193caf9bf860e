"""What waits for an admin, in words: how much it is, why it waits, what a decision does, and a few of its rows; pure."""

from __future__ import annotations

from bot.admin_types import WaitingQuestion, WaitsFor
from bot.locale import say, say_many
from bot.types import Language
from handlers.admin_rows import rows_in_words
from handlers.memory_words import plain


def described(language: Language, one: WaitingQuestion) -> list[str]:
    """What a question is about: how much, why it waits and what a decision does, and a few rows."""
    parts = [amount(language, one), _why(language, one.why)]
    return parts if one.why is WaitsFor.COHORT else [*parts, rows_in_words(language, one.rows)]


def amount(language: Language, one: WaitingQuestion) -> str:
    """How many rows of how many people, and what the rows of a pattern have in common."""
    parts = [
        say_many(language, "{count} row", "{count} rows", one.count),
        say_many(language, "{count} person", "{count} people", one.people),
    ]
    if one.shared:
        words = ", ".join(f"“{plain(words)}”" for words in one.shared)
        parts.append(say(language, "in common: {words}", words=words))
    return " · ".join(parts)


def title(language: Language, why: WaitsFor) -> str:
    """Why something waits, in a few words."""
    match why:
        case WaitsFor.COHORT:
            return say(language, "Few people have taken part")
        case WaitsFor.PATTERN:
            return say(language, "A pattern that few people teach")
        case WaitsFor.OPPOSITE_RATINGS:
            return say(language, "Two people rated the same answer differently")
        case WaitsFor.UNCLEAR:
            return say(language, "The rating and its correction disagree")


def _why(language: Language, why: WaitsFor) -> str:
    """Why something waits, and what each decision does."""
    match why:
        case WaitsFor.COHORT:
            return say(
                language,
                "With so few people, nobody's share can be kept small. Approve lets all of their rows that pass the other "
                "rules into the training files; Reject keeps them out.",
            )
        case WaitsFor.PATTERN:
            return say(
                language,
                "These rows share a wording that hardly any others have: it can be one person with many accounts, or something "
                "true that is passed on. Approve lets all of them in; Reject keeps that wording out for good.",
            )
        case WaitsFor.OPPOSITE_RATINGS:
            return say(
                language,
                "Until it is clear who is right, none of these rows counts. Say which side is, and its rows come in; or keep "
                "both out for good.",
            )
        case WaitsFor.UNCLEAR:
            return say(
                language,
                "What was pressed and what was written do not fit together: a liked answer with a reason for a dislike, for "
                "example. Approve lets the row in as it is; Reject keeps it out for good.",
            )
