"""What admins may ask for: models, a download, what was used, groups, codes. Everybody else learns nothing of it (R-55)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import structlog

from bot.admin_ports import AdminDesk
from bot.admin_types import BROADCAST, NIGHT_ENDED
from bot.amounts import count, money
from bot.locale import say, say_many
from bot.notices import notice_text
from bot.ports import Preview, Services, UsageOfDay
from bot.types import Chosen, DueMessage, Kind, Language, Limit, Outcome, Reply, Turn
from bot.writes import AddAudit, CloseQuestion
from handlers.admin_answers import AnswersAction
from handlers.admin_audit import AuditAction
from handlers.admin_broadcast import BroadcastAction
from handlers.admin_chats import Places, here, pair
from handlers.admin_label import LabelAction
from handlers.admin_night import ExportAction, NightAction
from handlers.admin_parts import ADMIN, NOTICE_DAYS, Action, Done
from handlers.admin_people import BlockAction, UsersAction
from handlers.admin_queue import QueueAction
from handlers.admin_status import StatusAction
from handlers.asking import answer_to
from handlers.installed import PULL, model_list
from handlers.pulling import Pulling

_UNNOTED: Final = frozenset({"help", "unknown"})
_ABOUT_PEOPLE: Final = frozenset({"users", "block", "unblock"})
_log = structlog.get_logger("martin.admin")

MOST_NOTICES: Final = 20

_ACTIONS: Final[Mapping[str, str]] = {
    "": "help", "help": "help", "ayuda": "help",
    "status": "status", "estado": "status",
    "night": "night", "noche": "night",
    "export": "export", "exportar": "export",
    "queue": "queue", "cola": "queue",
    "label": "label", "etiquetar": "label",
    "answers": "answers", "respuestas": "answers",
    "users": "users", "usuarios": "users", "personas": "users",
    "block": "block", "bloquear": "block",
    "unblock": "unblock", "desbloquear": "unblock",
    "broadcast": "broadcast", "difundir": "broadcast",
    "audit": "audit", "registro": "audit",
    "models": "models", "modelos": "models",
    "pull": "pull", "descargar": "pull",
    "usage": "usage", "uso": "usage",
    "here": "here", "aqui": "here", "aquí": "here",
    "pair": "pair", "invitar": "pair",
}  # fmt: skip


class AdminHandler:
    """Does what an admin asks for, in private but for what concerns a group; every try is one log line."""

    name = "admin"
    due_kinds = frozenset({NIGHT_ENDED, BROADCAST})

    def __init__(self, services: Services, desk: AdminDesk, places: Places) -> None:
        self._services, self._places, self._pulling = services, places, Pulling(services)
        self._night, self._broadcast = NightAction(services, desk), BroadcastAction(services, desk)
        self._actions: Mapping[str, Action] = {
            "status": StatusAction(services, desk),
            "night": self._night,
            "export": ExportAction(services, desk),
            "queue": QueueAction(services, desk),
            "label": LabelAction(services, desk),
            "answers": AnswersAction(services, desk),
            "users": UsersAction(services, desk),
            "block": BlockAction(services, desk, is_blocking=True),
            "unblock": BlockAction(services, desk, is_blocking=False),
            "broadcast": self._broadcast,
            "audit": AuditAction(services, desk),
        }

    def matches(self, turn: Turn) -> bool:
        """`/admin`, or the press of its button."""
        return turn.command == "admin" or _pressed(turn, PULL) is not None or _pressed(turn, ADMIN) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was asked for; a refusal for whoever is no admin, and in groups for what is not about them.

        Whatever an admin does or tries is noted in the audit log, in the transaction that does it.
        """
        action, argument, chosen = _wish(turn)
        refusal = _refusal(turn, action)
        if refusal is not None:
            done = Done(outcome=refusal, result="refused")
        elif chosen is not None and action in self._actions:
            done = await self._actions[action].pressed(turn, chosen, argument, preview)
        elif action in self._actions:
            done = await self._actions[action].asked(turn, argument, preview)
        else:
            outcome, result = await self._done(turn, action, argument, preview)
            done = Done(outcome=outcome, result=result)
        _log.info("admin", action=action, result=done.result, turn_id=turn.id, person_id=turn.person.id)
        if not turn.message.is_admin or action in _UNNOTED:
            return done.outcome
        return _audited(turn, action, _discreet(turn, done) if action in _ABOUT_PEOPLE else done)

    async def word(self, due: DueMessage) -> Outcome:
        """How a night that an admin asked for has ended, or what everybody is told."""
        return await (self._night if due.kind.partition(".")[0] == NIGHT_ENDED else self._broadcast).word(due)

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
        chosen = _pressed(turn, PULL)
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


def _pressed(turn: Turn, kind: str) -> Chosen | None:
    """The button of an admin's question that was pressed. Nothing that is written answers one: it may be meant for the talk."""
    return answer_to(turn, kind) if turn.message.kind is Kind.CHOICE else None


def _wish(turn: Turn) -> tuple[str, str, Chosen | None]:
    """The action, what stands behind it, and the button that was pressed, if any."""
    if (chosen := _pressed(turn, PULL)) is not None:
        return "pull", "", chosen
    if (chosen := _pressed(turn, ADMIN)) is not None:
        action, _, wish = chosen.key.partition(".")
        return action, wish, chosen
    word, argument = (*turn.arguments.split(maxsplit=1), "", "")[:2]
    return _ACTIONS.get(word.lower(), "unknown"), argument.strip(), None


def _discreet(turn: Turn, done: Done) -> Done:
    """Whom it was about is said but not stored: they may be forgotten, and the admin's conversation stays."""
    kept = say(turn.language, "What I told here about people is not kept.")
    return replace(done, outcome=replace(done.outcome, kept=kept, question="/admin"))


def _audited(turn: Turn, action: str, done: Done) -> Outcome:
    address = turn.message.address
    entry = AddAudit(
        id=turn.id,
        channel=address.channel.value,
        user=address.user,
        action=action,
        subject=done.subject,
        result=done.result,
    )
    return replace(done.outcome, writes=(*done.outcome.writes, entry))


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
            say(language, "- `/admin status`: how everything is, what is wrong first"),
            say(language, "- `/admin models`: which models answer, which are installed, and downloads under way"),
            say(language, "- `/admin pull MODEL`: download a model to the local server; without a name, the recommended one"),
            say(language, "- `/admin usage`: what was used today and yesterday, limits and notices"),
            say(
                language,
                "- `/admin night`: where the night stands; `/admin night run` makes today's training files, "
                "`/admin night report` says what they are good for",
            ),
            say(language, "- `/admin export`: which training files there are, and where"),
            say(language, "- `/admin queue`: what waits for a decision of yours; `/admin label`: rows without a label"),
            say(language, "- `/admin answers`: corrections that could answer everybody, once their authors agree"),
            say(
                language,
                "- `/admin users`: who was heard of last; `/admin block WHO` and `/admin unblock WHO` keep somebody out and "
                "let them in",
            ),
            say(language, "- `/admin broadcast TEXT`: tell everybody something, after a preview"),
            say(language, "- `/admin audit`: what admins did"),
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
