"""What the bot can do and what it is, in the person's language."""

from __future__ import annotations

import re
from typing import Final

from bot.amounts import BLANK
from bot.commands import COMMANDS, Command
from bot.locale import say, say_many
from bot.ports import HandlerSettings, Preview, Services
from bot.types import Kind, Language, Outcome, Person, Reply, Turn
from handlers.memory_words import owner_is_off
from handlers.start import decided_on_training
from handlers.wording import where_text_goes, who_answers

_TALKING: Final = ("new", "stop", "again", "why", "language")
_YOURS: Final = ("profile", "memory", "remember", "forget", "share", "mydata", "forgetme", "link", "unlink")
LONE_COMMAND: Final = re.compile(r"/[A-Za-z_]{2,32}(?:@\w{1,64})?\s{0,8}")


class HelpHandler:
    """Lists every command that this person may use, and how to rate and correct."""

    name = "help"

    def matches(self, turn: Turn) -> bool:
        """`/help`."""
        return turn.command == "help"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The list."""
        return Outcome(reply=Reply(text=help_text(turn.language, is_admin=turn.message.is_admin and turn.message.is_private)))


class AboutHandler:
    """Says what it is, what answers, where words go, and what is kept."""

    name = "about"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/about`."""
        return turn.command == "about"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The facts, as they are now."""
        language, settings = turn.language, self._services.settings
        statuses = self._services.known()
        lines = [
            say(
                language,
                "I am **{name}** {version}, an automated assistant that learns from each person it talks with. You are talking "
                "with an AI, not with a person, and I can be wrong.",
                name=settings.bot_name,
                version=settings.version,
            ),
            "- " + who_answers(language, statuses),
            "- " + where_text_goes(language, statuses, turn.message.address.channel),
            "- " + _consent(turn),
            "- " + _memory(language, settings, turn.person),
            "- " + _neutral(language, settings),
            "- "
            + say_many(
                language,
                "Backups are kept for {count} day. What you erase with /forgetme is gone from the last one after that.",
                "Backups are kept for {count} days. What you erase with /forgetme is gone from the last one after that.",
                self._services.backup_keep_days,
            ),
            "- " + say(language, "Free software under the Apache-2.0 licence."),
        ]
        return Outcome(reply=Reply(text=lines[0] + "\n\n" + "\n".join(lines[1:])))


class UnknownCommandHandler:
    """A command that is none: points to the list."""

    name = "unknown_command"

    def matches(self, turn: Turn) -> bool:
        """A command that no handler before took, or a text that is nothing but a slash and a word."""
        if turn.message.kind is Kind.COMMAND:
            return True
        return turn.message.kind is Kind.TEXT and LONE_COMMAND.fullmatch(turn.message.text) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Where the list is."""
        text = say(turn.language, "I do not know that command. /help shows the ones I do know.")
        return Outcome(reply=Reply(text=text), is_refused=True)


def help_text(language: Language, *, is_admin: bool) -> str:
    """Every command with its summary, grouped, and how to rate and correct; what is for admins, only for them."""
    known = [command for command in COMMANDS if is_admin or not command.is_for_admins]
    groups = [
        (say(language, "While we talk"), [command for command in known if command.name in _TALKING]),
        (say(language, "Your data"), [command for command in known if command.name in _YOURS]),
        (say(language, "About me"), [command for command in known if command.name not in (*_TALKING, *_YOURS)]),
    ]
    parts = [say(language, "Write to me as you would to a person: ask, tell, contradict. These commands help:")]
    parts += [f"**{title}**\n" + "\n".join(_line(language, command) for command in group) for title, group in groups]
    parts.append(
        say(
            language,
            "**Rating and correcting.** Under each answer there is 👍 and 👎; with 👎 you can say why and write the right one. "
            "I use your correction from your next question on, and only for you unless you agree to more. A rating can be "
            "changed or taken back.",
        )
    )
    return "\n\n".join(parts)


def _line(language: Language, command: Command) -> str:
    name, summary = (command.spanish[0], command.resumen) if language == "es" else (command.name, command.summary)
    argument = (command.argumento if language == "es" else "") or command.argument
    return f"- /{' '.join(filter(None, (name, argument)))}: {summary}"


def _memory(language: Language, settings: HandlerSettings, person: Person) -> str:
    """Whether what this person says is remembered."""
    if not settings.remembers:
        return owner_is_off(language)
    if not person.remembers:
        return say(
            language, "I remember nothing new of what you say, as you asked. /memory shows what is there, and changes that."
        )
    return say(
        language,
        "I remember what you tell me about yourself and use it in my answers to you, never in those to others. /memory "
        "shows it, and there you correct it, have it forgotten or switch it off.",
    )


def _neutral(language: Language, settings: HandlerSettings) -> str:
    """What a profile changes, and in how many topics it is left out so that its benefit can be measured."""
    percent = settings.holdout_percent + settings.context_percent
    if not percent:
        return say(language, "With a profile, my answers follow how you like things explained. /profile shows and changes it.")
    return say(
        language,
        "With a profile, my answers follow how you like things explained. To check that this helps, about {percent} of the "
        "topics of people with a profile get neutral answers, without it or without its style. /profile shows and changes it; "
        "`/profile neutral off` leaves you out of the check.",
        percent=f"{percent}{BLANK}%",
    )


def _consent(turn: Turn) -> str:
    language, consent = turn.language, turn.person.training_consent
    if consent is not None and not turn.message.is_private:
        return decided_on_training(language)
    if consent is None:
        return say(language, "You have not said whether your conversations may help train me, so they are not. /start asks.")
    if consent:
        return say(language, "You allowed your conversations to help train me. /start changes that.")
    return say(language, "You asked that your conversations not be used to train me. /start changes that.")
