"""Sentences that several handlers say: where text goes, and who answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.ports import Services
from bot.types import Language, ModelStatus

STATUS_DEADLINE_S: Final = 2.0
"""How long a greeting waits for the models to say how they are."""


async def model_statuses(services: Services) -> Sequence[ModelStatus]:
    """How each model is, in the order they are asked; empty when they do not say so in time."""
    try:
        async with asyncio.timeout(STATUS_DEADLINE_S):
            return await services.status()
    except TimeoutError:
        return ()


def where_text_goes(language: Language, statuses: Sequence[ModelStatus]) -> str:
    """Whether what people write leaves the machine, and to whom: every model that may be asked counts."""
    if not statuses:
        return say(language, "I cannot tell right now which model answers; /about says where your words go.")
    remote = [status.name for status in statuses if status.is_remote]
    if remote:
        models = ", ".join(remote)
        return say(language, "To answer, I send what you write to {models}, outside the machine I run on.", models=models)
    return say(language, "What you write stays on the machine I run on.")


def who_answers(language: Language, statuses: Sequence[ModelStatus]) -> str:
    """Which model answers now, and what steps in."""
    ready = [status.name for status in statuses if status.is_ready]
    if not ready:
        return say(language, "No model can answer at this moment.")
    if len(ready) == 1:
        return say(language, "{model} answers.", model=f"`{ready[0]}`")
    others = ", ".join(f"`{name}`" for name in ready[1:])
    return say(language, "{model} answers; {others} steps in when it cannot.", model=f"`{ready[0]}`", others=others)


def language_name(language: Language) -> str:
    """What a language calls itself, as a button says it to whoever may not read the other one."""
    return {"es": "Español", "en": "English"}[language]
