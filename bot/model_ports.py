"""The verbs around language models: answering, and getting more of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from bot.model_types import Download, InstalledModel, ModelStatus, PullProgress
from bot.types import Chunk, Language, Prompt


class ChatModel(Protocol):
    """Something that answers a prompt."""

    @property
    def name(self) -> str:
        """Backend and model, for people: `offline`, `ollama/llama3.2`."""

    async def check(self, language: Language = "en") -> ModelStatus:
        """Whether it can answer now, worded in `language`. Never raises for an unreachable backend; asks for no answer."""

    def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncIterator[Chunk]:
        """Yield the answer in pieces, the last with the generation. Raises ModelError. Closing it ends the generation."""

    async def aclose(self) -> None:
        """Let go of connections."""


class ModelLibrary(Protocol):
    """The models of a local server: what it has, and how it gets more."""

    @property
    def recommended(self) -> str:
        """The model to download where none is named."""

    @property
    def recommended_size(self) -> int:
        """About how many bytes that is."""

    async def installed(self) -> Sequence[InstalledModel]:
        """What it has. Raises ModelError."""

    def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Download a model; ends when it is there and verified. Closing it stops; what is downloaded already is kept.

        Raises ModelError, ModelRejected where there is no such model or its name is none.
        """


Price = Callable[[str, int, int], int]
"""What a model's answer costs, in millionths of the configured currency: of its name, prompt tokens and answer tokens."""


class Downloads(Protocol):
    """Downloads of models, one for each model at most, that go on whether or not somebody watches."""

    def start(self, model: str) -> None:
        """Download it in the background; nothing where that is under way."""

    def stop(self, model: str) -> None:
        """End its download; what is there already is kept. Nothing where none is under way."""

    def of(self, model: str) -> Download | None:
        """Its last download, None where there was none."""

    def all(self) -> Sequence[Download]:
        """Every download that is known, oldest first."""

    async def ended(self, model: str) -> Download | None:
        """Return its last download once that is no longer under way; None where there was none."""
