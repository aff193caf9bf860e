"""What each part takes of the configuration, in the figures that it counts with; pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot import __version__
from bot.config import Config
from bot.core import CoreSettings
from bot.models.mistral_embed import MODEL
from bot.ports import HandlerSettings
from bot.settings import LimitSettings
from bot.types import Limit

MILLION = 1_000_000


def core_settings(config: Config) -> CoreSettings:
    """What the core takes. A turn may last as long as every model in turn may take."""
    longest = max(config.models.local.total_s, config.models.remote.total_s)
    limits = _limits(config.limits)
    return CoreSettings(
        history=config.core.history,
        turn_deadline_s=longest * len(config.providers) + 30,
        preview_interval_s=config.core.preview_interval_ms / 1000,
        messages_per_day=config.limits.messages_per_day,
        tokens_per_day=config.limits.tokens_per_day,
        tokens_per_day_of_all=config.limits.tokens_per_day_all,
        money_per_day=limits.get(Limit.MONEY, 0),
        money_per_day_of_all=limits.get(Limit.MONEY_OF_ALL, 0),
    )


def _limits(settings: LimitSettings) -> Mapping[Limit, int]:
    """The daily limits that are set, in tokens or in millionths of the currency."""
    given = {
        Limit.TOKENS: settings.tokens_per_day,
        Limit.MONEY: _millionths(settings.money_per_day),
        Limit.TOKENS_OF_ALL: settings.tokens_per_day_all,
        Limit.MONEY_OF_ALL: _millionths(settings.money_per_day_all),
    }
    return {limit: most for limit, most in given.items() if most}


def _millionths(amount: float) -> int:
    """An amount of money as it is counted; what is too small for that is the smallest, not none."""
    return max(1, round(amount * MILLION)) if amount else 0


def embedder_elsewhere(config: Config) -> str:
    """The embedder that text leaves the house for, as people are told of it; empty where it stays."""
    named = config.memory.embedder
    if not config.memory.enabled or named not in ("mistral", "ollama") or not config.models.is_remote(named):
        return ""
    model = config.memory.embedder_model or (MODEL if named == "mistral" else "")
    return f"{named}/{model}".rstrip("/")


def handler_settings(config: Config) -> HandlerSettings:
    """What the handlers take."""
    return HandlerSettings(
        recall_deadline_s=config.recall.deadline_ms / 1000,
        recall_budget=config.recall.budget,
        knowledge_limit=config.knowledge.limit,
        max_tokens=config.models.max_tokens,
        temperature=config.models.temperature,
        prompt_budget=config.models.prompt_budget,
        max_correction_chars=config.limits.text_max_chars,
        bot_name=config.bot.name,
        version=__version__,
        crisis_country=config.privacy.crisis_country,
        currency=config.models.currency,
        limits=_limits(config.limits),
        watch_s=min(240.0, config.models.local.total_s),
        holdout_percent=config.profile.holdout_percent,
        context_percent=config.profile.context_percent,
        remembers=config.memory.enabled,
        embedder_elsewhere=embedder_elsewhere(config),
    )
