"""How the questionnaire is offered: what it is, what is kept, whether the person agrees to that, and another course later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.ports import HandlerSettings
from bot.types import ChannelName, Choice, Language, Outcome, Question, Reply, Turn
from bot.writes import AskQuestion
from handlers.asking import option
from profiles.questionnaire import Mode

PROFILE_START: Final = "profile_start"
"""The kind of question that begins a course: the invitation, and the offers of another course."""


def usual_mode(turn: Turn) -> Mode:
    """The mode that is offered first: on Discord, where talk is quick, the quick one."""
    return Mode.QUICK if turn.message.address.channel is ChannelName.DISCORD else Mode.FULL


def invitation(turn: Turn, settings: HandlerSettings) -> Outcome:
    """The question whether the person agrees, with what they agree to."""
    full = option(PROFILE_START, "full", say(turn.language, "Yes, all twelve"))
    quick = option(PROFILE_START, "quick", say(turn.language, "Yes, the quick way"))
    ways = (quick, full) if usual_mode(turn) is Mode.QUICK else (full, quick)
    choices = (*ways, option(PROFILE_START, "no", say(turn.language, "Not now"), row=1))
    return _asking(turn, _what_it_is(turn.language, settings), choices)


def offer(turn: Turn, text: str, keys: Sequence[str]) -> Outcome:
    """A text with offers of another course: `retest` asks a few items more, `redo` begins from nothing, `keep` is neither."""
    labels = {
        "keep": say(turn.language, "Leave it as it is"),
        "retest": say(turn.language, "A short check"),
        "redo": say(turn.language, "Start over"),
    }
    return _asking(turn, text, tuple(option(PROFILE_START, key, labels[key]) for key in keys))


def _what_it_is(language: Language, settings: HandlerSettings) -> str:
    parts = [
        say(
            language,
            "**How do you like things explained?** Three questions about your level, goal and length, and twelve about style: "
            "about three minutes, and then I answer that way. The quick way asks fewer. You can skip, go back and stop "
            "whenever you like, and ask me anything in between.",
        ),
        say(
            language,
            "I keep which options you choose and how long you take; later also your 👍 and 👎 and wishes such as “give me an "
            "example”, but none of your words. It is a preference and no diagnosis, and I never show it in groups. /profile "
            "shows, changes and erases it, /mydata gives you a copy, and /forgetme erases it with everything else.",
        ),
    ]
    if settings.holdout_percent or settings.context_percent:
        parts.append(
            say(
                language,
                "To check that it helps, some answers leave it aside. You need not take part in that: /profile says how.",
            )
        )
    parts.append(say(language, "Do you agree that I keep and use it?"))
    return "\n\n".join(parts)


def _asking(turn: Turn, text: str, choices: tuple[Choice, ...]) -> Outcome:
    question = Question(turn_id=turn.id, kind=PROFILE_START, choices=choices)
    asked = AskQuestion(address_id=turn.address_id, person_id=turn.person.id, question=question)
    return Outcome(reply=Reply(text=text, choices=choices), writes=(asked,))
