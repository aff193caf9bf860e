"""The models of an Ollama server: what it has, and how it gets more."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from bot.errors import ModelBroken, ModelMissing, ModelNotNamed
from bot.model_types import InstalledModel, PullProgress
from bot.models.ollama_api import RECOMMENDED, RECOMMENDED_SIZE, OllamaApi, Step, is_cloud_name, label

_MODEL = re.compile(
    r"(?:(?:registry\.ollama\.ai|hf\.co|huggingface\.co)/)?(?:\w[\w-]{0,79}/)?\w[\w.-]{0,79}(?::\w[\w.-]{0,79})?", re.ASCII
)
"""Names of models to download. Ollama fetches from whatever host stands in front, so there only these do (R-61)."""
_STEP_CHARS: Final = 60
_CLOUD: Final = "this model is only forwarded to a cloud, and nobody named `ollama`"
_AWAY: Final = "the server is beyond the private network, and nobody named `ollama`"


class OllamaLibrary:
    """The models of one Ollama server. `may_forward` and `is_remote` as in `OllamaModel`. Holds no connection between calls."""

    def __init__(self, *, host: str, is_remote: bool, may_forward: bool) -> None:
        self._host, self._is_remote, self._may_forward = host, is_remote, may_forward

    @property
    def recommended(self) -> str:
        """The model to download where none is named."""
        return RECOMMENDED

    @property
    def recommended_size(self) -> int:
        """About how many bytes that is."""
        return RECOMMENDED_SIZE

    async def installed(self) -> Sequence[InstalledModel]:
        """What the server has, newest first. Raises ModelError."""
        async with aclosing(self._api()) as api:
            models = sorted(await api.models(), key=lambda one: one.modified_at, reverse=True)
        return tuple(
            InstalledModel(name=one.name, size=one.size, digest=one.digest, is_remote=self._is_remote or one.is_forwarded)
            for one in models
        )

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download a model. Raises ModelError, ModelRejected before any request for what is no name or only a cloud's."""
        if not _MODEL.fullmatch(model):
            raise ModelMissing("ollama", "this is no name of a model, such as ministral-3:3b")
        if is_cloud_name(model) and not self._may_forward:
            raise ModelNotNamed(label(model), _CLOUD)
        layers, word = _Layers(), ""
        async with aclosing(self._api()) as api, aclosing(api.pull(model)) as steps:
            async for step in steps:
                word = step.word
                yield layers.take(step)
        if word != "success":
            raise ModelBroken(label(model), "the download ended before the model was there")

    def _api(self) -> OllamaApi:
        if self._is_remote and not self._may_forward:
            raise ModelNotNamed("ollama", _AWAY)
        return OllamaApi(host=self._host, is_remote=self._is_remote)


class _Layers:
    """How far all layers of a download are together; neither sum ever falls, also when a layer begins again."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def take(self, step: Step) -> PullProgress:
        """The sums with this step in them."""
        if step.digest:
            total = self._total[step.digest] = max(step.total, self._total.get(step.digest, 0))
            self._done[step.digest] = max(min(step.done, total), self._done.get(step.digest, 0))
        word = "".join(letter for letter in step.word if letter.isprintable())[:_STEP_CHARS]
        return PullProgress(step=word, done=sum(self._done.values()), total=sum(self._total.values()))
