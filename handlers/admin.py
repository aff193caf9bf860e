"""What admins may ask for: models, a download, what was used, groups, codes. Everybody else learns nothing of it (R-55)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import structlog

from bot.amounts import count, money
from bot.locale import say, say_many
from bot.notices import notice_text
from bot.ports import Preview, Services, UsageOfDay
from bot.types import Language, Limit, Outcome, Reply, Turn
from bot.writes import CloseQuestion
from handlers.admin_chats import Places, here, pair
from handlers.asking import answer_to
from handlers.installed import PULL, model_list
from handlers.pulling import Pulling

_log = structlog.get_logger("martin.admin")

NOTICE_DAYS: Final = 7
MOST_NOTICES: Final = 20

_ACTIONS: Final[Mapping[str, str]] = {
    "": "help", "help": "help", "ayuda": "help",
    "models": "models", "modelos": "models",
    "pull": "pull", "descargar": "pull",
    "usage": "usage", "uso": "usage",
    "here": "here", "aqui": "here", "aquí": "here",
    "pair": "pair", "invitar": "pair",
}  # fmt: skip


class AdminHandler:
    """Does what an admin asks for, in private but for what concerns a group; every try is one log line."""

    name = "admin"

    def __init__(self, services: Services, places: Places) -> None:
        self._services, self._places, self._pulling = services, places, Pulling(services)

    def matches(self, turn: Turn) -> bool:
        """`/admin`, or the press of its button."""
        return turn.command == "admin" or answer_to(turn, PULL) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was asked for; a refusal for whoever is no admin, and in groups for what is not about them."""
        word, _, argument = turn.arguments.partition(" ")
        action = _ACTIONS.get(word.lower(), "unknown") if answer_to(turn, PULL) is None else "pull"
        refusal = _refusal(turn, action)
        outcome, result = (refusal, "refused") if refusal else await self._done(turn, action, argument.strip(), preview)
        _log.info("admin", action=action, result=result, turn_id=turn.id, person_id=turn.person.id)
        return outcome

    async def _done(self, turn: Turn, action: str, argument: str, preview: Preview) -> tuple[Outcome, str]:
        """What an action gives, and in a word how it went."""
        match action:
            case "models":
                return await model_list(self._services, turn), "done"
            case "pull":
                return await self._pull(turn, argument, preview)
            case "usage":
                return Outcome(reply=Reply(text=await self._usage(turn.language))), "done"
            case "here":
                return await here(turn, argument, self._places)
            case "pair":
                return pair(turn, self._services, self._places)
            case _:
                return Outcome(reply=Reply(text=_help(turn.language))), "done"

    async def _pull(self, turn: Turn, model: str, preview: Preview) -> tuple[Outcome, str]:
        chosen = answer_to(turn, PULL)
        reply, result = await self._pulling.pull(turn.language, model if chosen is None else chosen.key, preview)
        closing = () if chosen is None else (CloseQuestion(turn_id=chosen.turn_id, key=f"{PULL}:{chosen.key}"),)
        return Outcome(reply=reply, writes=closing), result

    async def _usage(self, language: Language) -> str:
        """The sums of two days, the limits that are set, and what there was to notice lately."""
        today = self._services.clock.now().date()
        yesterday = today - timedelta(days=1)
        lines = [
            say(language, "**Today** (UTC): {sums}", sums=await self._sums(language, today)),
            say(language, "**Yesterday**: {sums}", sums=await self._sums(language, yesterday)),
        ]
        parts = ["\n".join(f"- {line}" for line in lines), self._limits(language)]
        since = today - timedelta(days=NOTICE_DAYS - 1)
        currency = self._services.settings.currency
        recent = await self._services.notices.recent(since, MOST_NOTICES)
        notices = [f"- {notice.day.isoformat()}: {notice_text(notice, language, currency)}" for notice in recent]
        if notices:
            parts.append("\n".join([say(language, "**Notices of the last {days} days**", days=NOTICE_DAYS), *notices]))
        return "\n\n".join(parts)

    async def _sums(self, language: Language, day: date) -> str:
        used: UsageOfDay = await self._services.usage.of_day(day)
        return " · ".join(
            [
                say_many(language, "{count} person", "{count} people", used.people),
                say_many(language, "{count} message", "{count} messages", used.messages),
                say(language, "{number} tokens", number=count(used.tokens, language)),
                money(used.cost, self._services.settings.currency, language),
            ]
        )

    def _limits(self, language: Language) -> str:
        """The daily limits that are set."""
        settings = self._services.settings
        lines = [
            f"- `{limit}`: {_most(language, limit, settings.limits[limit], settings.currency)}"
            for limit in Limit
            if settings.limits.get(limit)
        ]
        if not lines:
            return say(language, "No daily limit of tokens or money is set; they stand under `[limits]` in `config.toml`.")
        return "\n".join([say(language, "**Daily limits** (`[limits]` in `config.toml`)"), *lines])


def _refusal(turn: Turn, action: str) -> Outcome | None:
    """What to say to whoever may not do this here; None where they may."""
    if not turn.message.is_admin:
        return _refused(say(turn.language, "That is not for you to use. /help shows what is."))
    if action == "here":
        if turn.message.is_private:
            return _refused(say(turn.language, "That is about a group chat. Write it in the group that you mean."))
        return None
    if not turn.message.is_private:
        return _refused(say(turn.language, "I do that only in a private chat. Write it to me there."))
    return None


def _refused(text: str) -> Outcome:
    return Outcome(reply=Reply(text=text), is_refused=True)


def _help(language: Language) -> str:
    return "\n".join(
        [
            say(language, "This is for admins:"),
            "",
            say(language, "- `/admin models`: which models answer, which are installed, and downloads under way"),
            say(language, "- `/admin pull MODEL`: download a model to the local server; without a name, the recommended one"),
            say(language, "- `/admin usage`: what was used today and yesterday, limits and notices"),
            say(language, "- `/admin pair`: a code that lets one person in, where not everybody may write to me"),
            say(
                language,
                "- `/admin here always`, `mention` or `never`, in a group: when I answer there; with none of them, what is set",
            ),
        ]
    )


def _most(language: Language, limit: Limit, most: int, currency: str) -> str:
    is_money = limit in (Limit.MONEY, Limit.MONEY_OF_ALL)
    amount = money(most, currency, language) if is_money else say(language, "{number} tokens", number=count(most, language))
    if limit in (Limit.TOKENS, Limit.MONEY):
        return say(language, "{amount} for each person", amount=amount)
    return say(language, "{amount} for everyone together", amount=amount)
