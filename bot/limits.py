"""Daily limits: whether one is used up, and what people and admins are told of it.

Usage is looked at before an answer and counted when its turn is committed. So one answer may go beyond a limit, and so may the
answers that one person gets at several addresses, or several people get, at the same moment. Only what a language model was
asked counts as tokens and money: where nothing but the offline answerer answers, none of these limits is ever reached.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from cachetools import TTLCache

from bot.locale import say
from bot.ports import Usage
from bot.types import Language, Limit, OverLimit
from bot.writes import TellAdmins


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLimits:
    """What may be used on one UTC day, by one person or by all together; 0 is no limit.

    Money is in millionths of the configured currency.
    """

    messages_per_day: int = 0
    tokens_per_day: int = 0
    tokens_per_day_of_all: int = 0
    money_per_day: int = 0
    money_per_day_of_all: int = 0


def over_limit(limits: DailyLimits, usage: Usage) -> OverLimit | None:
    """The first limit of what language models may use that is used up, in the order of `Limit`; None when none is."""
    uses = (
        (Limit.TOKENS, usage.tokens, limits.tokens_per_day),
        (Limit.MONEY, usage.cost, limits.money_per_day),
        (Limit.TOKENS_OF_ALL, usage.tokens_of_all, limits.tokens_per_day_of_all),
        (Limit.MONEY_OF_ALL, usage.cost_of_all, limits.money_per_day_of_all),
    )
    return next((OverLimit(limit=limit, most=most) for limit, used, most in uses if _is_used_up(used, most)), None)


def has_messages_left(limits: DailyLimits, usage: Usage) -> bool:
    """Whether one more message of this person is answered today."""
    return not _is_used_up(usage.messages, limits.messages_per_day)


def refusal_text(limits: DailyLimits, language: Language) -> str:
    """What a person is told who has no messages left."""
    return say(
        language,
        "That is all for today: the limit here is {limit}. It starts again at 00:00 UTC; please send this again then.",
        limit=limits.messages_per_day,
    )


def limit_note(limit: Limit, language: Language) -> str:
    """What a person is told below the first answer that a used-up limit kept from the language models."""
    match limit:
        case Limit.TOKENS:
            why = say(language, "Your tokens for today are used up.")
        case Limit.MONEY:
            why = say(language, "The money for your answers is used up for today.")
        case Limit.TOKENS_OF_ALL:
            why = say(language, "Today's tokens for everyone here together are used up.")
        case Limit.MONEY_OF_ALL:
            why = say(language, "Today's money for everyone's answers here is used up.")
        case _:
            assert_never(limit)
    return f"{why} {say(language, 'Until 00:00 UTC I go on more simply, without a language model.')}"


def limit_notice(over: OverLimit, day: date) -> TellAdmins:
    """What the admins are told; `bot.notices` words it."""
    return TellAdmins(kind=over.limit.value, day=day, facts={"limit": str(over.most)})


class OncePerDay:
    """Remembers what was told on which day, as long as the process lives: after a restart it may be told again."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._days: TTLCache[Hashable, date] = TTLCache(10_000, 86_400.0, timer=monotonic)

    def is_first(self, key: Hashable, day: date) -> bool:
        """Whether `key` is to be told for the first time on this day; asked again, it is not."""
        told = self._days.get(key)
        if told is not None and told >= day:
            return False
        self._days[key] = day
        return True


def _is_used_up(used: int, most: int) -> bool:
    return 0 < most <= used
