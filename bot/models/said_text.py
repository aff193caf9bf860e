"""Text from a model's server made safe to store, show and send on, with its meaning kept; pure, in linear time (R-48)."""

from __future__ import annotations

from bot.normalise import plain


class SaidText:
    """Cleans one text that comes in pieces of any size: what incoming text loses (`bot.normalise`), a model's loses too.

    Zero-width joiners stay wherever they are: what needs them may stand in the next piece. The two halves of a character that
    a server cut into two pieces become one; a half without its other is dropped.
    """

    def __init__(self) -> None:
        self._half = ""

    def take(self, text: str) -> str:
        """What is safe of what came."""
        if text.isascii() and text.isprintable():
            if text:
                self._half = ""
            return text
        held, self._half = self._half + text, ""
        if "\ud800" <= held[-1] <= "\udbff":
            held, self._half = held[:-1], held[-1]
        # A carriage return may have its line feed in the next piece: it never begins a line of its own.
        return plain(held.replace("\r", ""))
