"""How the questionnaire is offered: what it is, what is kept, whether the person agrees to that, and another course later.

What is answered here has weight: consent, and that earlier answers count no more. So a single letter that is typed says
nothing: no letters stand beside these buttons, but in the console, which shows them and sends what they stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.ports import HandlerSettings
from bot.types import ChannelName, Chosen, Kind, Language, Outcome, Turn
from handlers.asking import answer_to, asking, option
from profiles.items import comparable
from profiles.questionnaire import Mode

PROFILE_START: Final = "profile_start"
"""The kind of question that begins a course: the invitation, and the offers of another course."""
_YES: Final = frozenset({"si", "yes"})
_NO: Final = frozenset({"no"})
_REFUSALS: Final = frozenset({"no", "keep", "go_on"})
"""The options that "no" stands for."""
_LONGEST_READ: Final = 200


def usual_mode(turn: Turn) -> Mode:
    """The mode that is offered first: on Discord, where talk is quick, the quick one."""
    return Mode.QUICK if turn.message.address.channel is ChannelName.DISCORD else Mode.FULL


def invitation(turn: Turn, settings: HandlerSettings) -> Outcome:
    """The question whether the person agrees, with what they agree to."""
    full = option(PROFILE_START, "full", say(turn.language, "Yes, all twelve"))
    quick = option(PROFILE_START, "quick", say(turn.language, "Yes, the quick way"))
    ways = (quick, full) if usual_mode(turn) is Mode.QUICK else (full, quick)
    choices = (*ways, option(PROFILE_START, "no", say(turn.language, "Not now"), row=1))
    return asking(turn, PROFILE_START, _what_it_is(turn.language, settings), choices)


def start_answer(turn: Turn) -> Chosen | None:
    """What this turn answers to a question of this kind: by button, by an option's whole label, or by yes or no."""
    chosen, question = answer_to(turn, PROFILE_START, by_letter=False), turn.awaiting
    if chosen is not None or question is None or question.kind != PROFILE_START or turn.message.kind is not Kind.TEXT:
        return chosen
    told = comparable(turn.message.text) if len(turn.message.text) <= _LONGEST_READ else ""
    keys = [choice.key.removeprefix(f"{PROFILE_START}:") for choice in question.choices]
    if turn.message.attachments or told not in _YES | _NO or not _REFUSALS & {*keys}:
        return None
    # Yes is the way that was offered first.
    key = next((key for key in keys if (key in _REFUSALS) is (told in _NO)), None)
    return None if key is None else Chosen(turn_id=question.turn_id, key=key)


def offer(turn: Turn, text: str, keys: Sequence[str]) -> Outcome:
    """A text with offers of another course. `retest` asks a few items more, `anew` asks whether to begin from nothing.

    `redo` and `redo_quick` do begin from nothing; `keep` does nothing and `go_on` goes on with the course that is open.
    """
    labels = {
        "keep": say(turn.language, "Leave it as it is"),
        "go_on": say(turn.language, "Go on with the questions"),
        "retest": say(turn.language, "A short check"),
        "anew": say(turn.language, "Start over"),
        "redo": say(turn.language, "Yes, start over"),
        "redo_quick": say(turn.language, "Yes, start over"),
    }
    return asking(turn, PROFILE_START, text, tuple(option(PROFILE_START, key, labels[key]) for key in keys))


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
