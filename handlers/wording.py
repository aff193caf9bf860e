"""What several handlers say: where text goes, who answers, and names as code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.model_types import ModelStatus
from bot.ports import Services
from bot.types import ChannelName, Language
from bot.where import PLATFORMS, networked_models, remote_models

STATUS_DEADLINE_S: Final = 2.0
"""How long a greeting waits for the models to say how they are."""


async def model_statuses(services: Services, language: Language) -> Sequence[ModelStatus]:
    """How each model is, in `language` and in the order they are asked; empty when they do not say so in time."""
    try:
        async with asyncio.timeout(STATUS_DEADLINE_S):
            return await services.status(language)
    except TimeoutError:
        return ()


def where_text_goes(language: Language, statuses: Sequence[ModelStatus], channel: ChannelName) -> str:
    """Whether what people write there leaves the machine, and to whom: every model that may be asked counts."""
    platform = PLATFORMS.get(channel, "")
    here = _where_from_here(language, statuses, platform)
    if not platform or (statuses and not remote_models(statuses)):
        return here
    return f"{here} " + say(language, "This chat itself runs over {platform}'s servers.", platform=platform)


def _where_from_here(language: Language, statuses: Sequence[ModelStatus], platform: str) -> str:
    """The same from this machine on; where all stays on it, with what carries it there."""
    if not statuses:
        return say(language, "I cannot tell right now which model answers; /about says where your words go.")
    remote = remote_models(statuses)
    if remote:
        models = ", ".join(remote)
        return say(language, "To answer, I send what you write to {models}, outside the machine I run on.", models=models)
    if platform:
        return say(
            language,
            "What you write reaches me over {platform}'s servers, as everything in this chat does; I pass it on to nobody.",
            platform=platform,
        )
    if networked_models(statuses):
        return say(language, "What you write stays on the machine I run on or in its private network.")
    return say(language, "What you write stays on the machine I run on.")


def who_answers(language: Language, statuses: Sequence[ModelStatus]) -> str:
    """Which model answers now, and what steps in."""
    ready = [status.name for status in statuses if status.is_ready]
    if not ready:
        return say(language, "No model can answer at this moment.")
    if len(ready) == 1:
        return say(language, "{model} answers.", model=f"`{ready[0]}`")
    others = ", ".join(f"`{name}`" for name in ready[1:])
    if len(ready) == 2:
        return say(language, "{model} answers; {others} steps in when it cannot.", model=f"`{ready[0]}`", others=others)
    return say(
        language, "{model} answers; when it cannot, these step in, in order: {others}.", model=f"`{ready[0]}`", others=others
    )


def as_code(name: str) -> str:
    """A name as code in Markdown, whatever is in it."""
    return "`" + " ".join(name.replace("`", "'").split()) + "`"


def language_name(language: Language) -> str:
    """What a language calls itself, as a button says it to whoever may not read the other one."""
    return {"es": "Español", "en": "English"}[language]
