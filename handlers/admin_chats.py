"""What admins decide about who talks with the bot where: when it answers in a group, and codes that let people in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.channel_ports import ChatStore
from bot.channel_types import ChatMode, CodeKind
from bot.codes import LENGTH, code_hash, new_code, shown_code
from bot.locale import say
from bot.ports import Services
from bot.types import ChannelName, Language, Outcome, Reply, Turn
from bot.writes import AddCode, SetChatMode

CODE_LIVES: Final = timedelta(hours=24)
_HIDDEN: Final = "•" * LENGTH

_MODES: Final[Mapping[str, ChatMode]] = {
    "mention": ChatMode.MENTION, "mencion": ChatMode.MENTION, "mención": ChatMode.MENTION,
    "always": ChatMode.ALWAYS, "siempre": ChatMode.ALWAYS,
    "never": ChatMode.NEVER, "nunca": ChatMode.NEVER,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What is set about groups and about who may come in. Without `chats`, nobody chose anything for any chat."""

    chats: ChatStore | None = None
    answers: ChatMode = ChatMode.MENTION
    is_open: bool = True


async def here(turn: Turn, word: str, places: Places) -> tuple[Outcome, str]:
    """When the bot answers in this group: set from now on, or said where no mode is named; and in a word how it went."""
    language, address = turn.language, turn.message.address
    mode = _MODES.get(word.lower())
    if mode is not None:
        choice = SetChatMode(channel=address.channel, chat=address.chat, mode=mode)
        return Outcome(reply=Reply(text=_changed(turn, mode)), writes=(choice,)), mode.value
    chosen = await places.chats.mode(address.channel, address.chat) if places.chats is not None else None
    text = f"{_standing(language, chosen or places.answers)}\n\n{_ways(language)}"
    return Outcome(reply=Reply(text=text), is_refused=bool(word)), "unknown" if word else "shown"


def pair(turn: Turn, services: Services, places: Places) -> tuple[Outcome, str]:
    """A code that lets one person in, once; none where everybody may come in anyway."""
    language = turn.language
    if places.is_open:
        text = say(
            language,
            "Nobody needs a code: anybody may write to me. With `is_open = false` under `[access]` in `config.toml`, only "
            "those may who are let in.",
        )
        return Outcome(reply=Reply(text=text), is_refused=True), "open"
    # The hash is keyed, so that nobody can foretell the code; it is the same where this is answered again after a crash.
    code = new_code(services.keyed(f"new pairing code/{turn.id}"))
    until = services.clock.now() + CODE_LIVES
    keeping = AddCode(hash=code_hash(services.keyed, CodeKind.PAIR, code), kind=CodeKind.PAIR, expires_at=until)
    reply = Reply(text=_code_text(language, shown_code(code)))
    return Outcome(reply=reply, kept=_code_text(language, _HIDDEN), writes=(keeping,)), "done"


def _code_text(language: Language, code: str) -> str:
    return say(
        language,
        "This code is for one person:\n\n`{code}`\n\nWhoever is the first to send it to me, in a private chat on Telegram or "
        "Discord within 24 hours, may talk with me from then on. I do not show it again.",
        code=code,
    )


def _changed(turn: Turn, mode: ChatMode) -> str:
    language = turn.language
    match mode:
        case ChatMode.ALWAYS:
            text = say(language, "Done: from now on I answer every message here.")
            if turn.message.address.channel is ChannelName.TELEGRAM:
                text += " " + say(
                    language,
                    "Telegram has to let me read them: make me an admin of this group, or switch the privacy mode off with "
                    "@BotFather (/setprivacy).",
                )
            return text
        case ChatMode.NEVER:
            return say(
                language, "Done: from now on I answer nobody here. Commands of admins still work, so that this can be undone."
            )
        case _:
            return say(language, "Done: from now on I answer here when I am mentioned, replied to or given a command.")


def _standing(language: Language, mode: ChatMode) -> str:
    match mode:
        case ChatMode.ALWAYS:
            return say(language, "Here I answer every message.")
        case ChatMode.NEVER:
            return say(language, "Here I answer nobody, except for commands of admins.")
        case _:
            return say(language, "Here I answer when I am mentioned, replied to or given a command.")


def _ways(language: Language) -> str:
    return say(language, "`/admin here mention`, `/admin here always` and `/admin here never` change that.")
