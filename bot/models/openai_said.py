"""What one streamed answer has said so far, and how it was made."""

from __future__ import annotations

from bot.messages import prompt_tokens
from bot.models.openai_wire import Piece, stop_of
from bot.models.over_http import shown_name
from bot.models.said_text import SaidText
from bot.models.unthought import Unthought
from bot.ports import Clock
from bot.tokens import estimate_tokens
from bot.types import Chunk, Generation, Prompt


class Said:
    """What one stream has said so far. `is_inside` as in `Unthought`."""

    def __init__(self, clock: Clock, max_tokens: int, *, is_inside: bool = False) -> None:
        self._clock, self._max_tokens = clock, max_tokens
        self._began = clock.monotonic()
        self._first_token_s: float | None = None
        self._clean, self._unthought = SaidText(), Unthought(is_inside=is_inside)
        self._texts: list[str] = []
        self._thoughts = 0
        self._counted = (0, 0)
        self._model: object = None
        self._fingerprint: object = None
        self.reason = ""

    @property
    def has_text(self) -> bool:
        """Whether anything was said aloud."""
        return bool(self._texts)

    @property
    def has_unopened_thinking(self) -> bool:
        """Whether it closed a block of thinking that it never opened."""
        return self._unthought.was_unopened

    def take(self, piece: Piece) -> Chunk | None:
        """What to pass on of a piece: its text, a sign that the model thinks, or nothing."""
        self._counted = piece.counted if any(piece.counted) else self._counted
        self._model = piece.model or self._model
        self._fingerprint = piece.system_fingerprint or self._fingerprint
        self.reason = piece.reason or self.reason
        shown = self._show(self._unthought.take(self._clean.take(piece.text))) if piece.text else ""
        if shown:
            return Chunk(text=shown)
        if piece.text or piece.is_thinking:
            self._thoughts += 1
            return Chunk(text="", is_thinking=True)
        return None

    def rest(self) -> str:
        """What was held back in case it were thinking, now that the answer is over."""
        return self._show(self._unthought.end(is_whole=not self.reason or stop_of(self.reason) == "end"))

    def generation(self, asked: str, prompt: Prompt) -> Generation:
        """How the answer was made, when `asked` was the model. A piece of thinking counts as one token."""
        exact = "" if self._model == asked else shown_name(self._model)
        estimated = estimate_tokens("".join(self._texts)) + self._thoughts
        return Generation(
            model=model_name(asked),
            prompt_tokens=self._counted[0] or prompt_tokens(prompt),
            completion_tokens=self._counted[1] or min(estimated, self._max_tokens),
            seconds=self._clock.monotonic() - self._began,
            stop=stop_of(self.reason) if self.reason else "end",
            first_token_s=self._first_token_s,
            version=" ".join(one for one in (exact, shown_name(self._fingerprint)) if one),
        )

    def _show(self, text: str) -> str:
        if text:
            if self._first_token_s is None:
                self._first_token_s = self._clock.monotonic() - self._began
            self._texts.append(text)
        return text


def model_name(model: str) -> str:
    """The name of a backend that asks this model; of one that does not know its model yet where it is empty."""
    shown = shown_name(model)
    return f"openai/{shown}" if shown else "openai"
