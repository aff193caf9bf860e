"""Which models a configuration asks for, in order: a `Config` in, a chain of guarded backends out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from random import SystemRandom

from bot.config import Config
from bot.model_ports import ChatModel, ModelLibrary, Price
from bot.model_settings import LocalDeadlines, ModelSettings
from bot.models.chain import Chain
from bot.models.guard import Backend, Deadlines, GuardSettings
from bot.models.mistral import MistralModel
from bot.models.offline import OfflineModel
from bot.models.ollama import OllamaModel
from bot.models.ollama_library import OllamaLibrary
from bot.models.openai import OpenAiModel
from bot.models.scripted import ScriptedModel
from bot.ports import Clock
from bot.setting_types import Price as PriceSetting

THOUGHT_TOKENS = 4096
"""Room for a model's reasoning, besides the longest answer: else it could use that up and never come to speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What answers: the chain, the offline answerer on its own, and the local server's models.

    `chores` asks the first language model that keeps text near, and nothing after it; None where there is none.
    """

    chain: Chain
    offline: ChatModel
    library: ModelLibrary | None
    price: Price
    chores: Chain | None = None
    warm: Sequence[OllamaModel] = field(default=())


def build_models(config: Config, clock: Clock) -> Models:
    """The models that the configuration names, in order, each behind its deadlines and breaker, `offline` last."""
    builder = _Builder(config, clock)
    backends = [builder.backend(name) for name in config.providers if builder.may_join(name)]
    price = price_of(config.models.prices)
    offline = OfflineModel(clock=clock)
    return Models(
        chain=Chain(backends, clock=clock, random=SystemRandom(), settings=GuardSettings(price=price)),
        offline=offline,
        library=builder.library(),
        price=price,
        chores=builder.chores(),
        warm=tuple(one.model for one in backends if isinstance(one.model, OllamaModel)),
    )


def price_of(prices: Sequence[PriceSetting]) -> Price:
    """What an answer costs: by the first price that fits the model's name; a price per million tokens is one per millionth."""

    def price(model: str, prompt_tokens: int, completion_tokens: int) -> int:
        found = next((one for one in prices if fnmatchcase(model, one.model)), None)
        return 0 if found is None else round(prompt_tokens * found.of_prompt + completion_tokens * found.of_answer)

    return price


def mistral_model(models: ModelSettings, clock: Clock, name: str) -> MistralModel:
    """A model of Mistral's, with the key and the address of the settings."""
    settings = models.mistral
    return MistralModel(
        api_key=settings.api_key.get_secret_value() if settings.api_key else "",
        server_url=settings.server_url,
        model=name,
        is_remote=models.is_remote("mistral"),
        is_wanted=True,
        clock=clock,
    )


class _Builder:
    """Makes each provider's model out of its settings."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._models, self._clock = config, config.models, clock
        self._make: Mapping[str, Callable[[], ChatModel]] = {
            "ollama": self._ollama,
            "mistral": lambda: mistral_model(config.models, clock, config.models.mistral.model),
            "openai": self._openai,
            "scripted": self._scripted,
            "offline": lambda: OfflineModel(clock=clock),
        }

    def may_join(self, provider: str) -> bool:
        """Whether it belongs into the chain: what nobody named must be near, and have an address.

        Ollama is there in any case: it asks no host that is far, and says so.
        """
        if self._is_named(provider) or provider in ("offline", "ollama"):
            return True
        return not self._models.is_remote(provider) and (provider != "openai" or bool(self._models.openai.base_url))

    def backend(self, provider: str) -> Backend:
        """The provider's model with its deadlines; one that nobody named joins when it is found."""
        model = self._make[provider]()
        is_remote = self._models.is_remote(provider)
        return Backend(
            model=model,
            deadlines=_deadlines(self._models.remote if is_remote else self._models.local),
            parallel=self._models.parallel,
            is_remote=is_remote,
            is_networked=self._models.is_networked(provider),
            needs_trial=provider != "offline",
            joins_when_ready=not self._is_named(provider) and provider != "offline",
        )

    def chores(self) -> Chain | None:
        """The first language model that is not remote, by itself: what nobody waits for must not cost, nor leave the house."""
        near = (name for name in self._config.providers if name not in ("offline", "scripted") and self.may_join(name))
        name = next((one for one in near if not self._models.is_remote(one)), None)
        if name is None:
            return None
        return Chain([replace(self.backend(name), joins_when_ready=False)], clock=self._clock, random=SystemRandom())

    def library(self) -> ModelLibrary | None:
        """The models of Ollama's server, where it is asked for answers too."""
        if "ollama" not in self._config.providers:
            return None
        return OllamaLibrary(
            host=self._models.ollama.host, may_forward=self._is_named("ollama"), is_remote=self._models.is_remote("ollama")
        )

    def _is_named(self, provider: str) -> bool:
        return provider in self._models.named

    def _ollama(self) -> OllamaModel:
        settings = self._models.ollama
        thought_tokens = THOUGHT_TOKENS if settings.think else 0
        return OllamaModel(
            host=settings.host,
            model=settings.model,
            digest=settings.digest,
            context_tokens=self._models.prompt_budget + self._models.max_tokens + thought_tokens,
            thought_tokens=thought_tokens,
            keep_alive_s=settings.keep_alive_minutes * 60.0,
            think=settings.think,
            may_forward=self._is_named("ollama"),
            is_remote=self._models.is_remote("ollama"),
            is_wanted=self._is_named("ollama"),
            clock=self._clock,
        )

    def _openai(self) -> OpenAiModel:
        settings = self._models.openai
        return OpenAiModel(
            base_url=settings.base_url,
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            model=settings.model,
            is_remote=self._models.is_remote("openai"),
            is_wanted=self._is_named("openai"),
            clock=self._clock,
        )

    def _scripted(self) -> ScriptedModel:
        settings = self._models.scripted
        return ScriptedModel(
            clock=self._clock,
            first_token_s=settings.delay_ms / 1000,
            between_tokens_s=1 / settings.tokens_per_s if settings.tokens_per_s else 0.0,
            template=settings.text,
        )


def _deadlines(settings: LocalDeadlines) -> Deadlines:
    return Deadlines(first_token_s=settings.first_token_s, between_tokens_s=settings.between_tokens_s, total_s=settings.total_s)
