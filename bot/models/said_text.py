"""Text from a model's server made safe to store, show and send on, with its meaning kept; pure, in linear time (R-48)."""

from __future__ import annotations

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINE_END: Final = re.compile("[\u0085\u2028\u2029]")
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls except tab and line feed
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides and isolates
    "\ufeff"  # byte order mark
    "\U000e0000-\U000e007f]"  # tag characters: invisible text
)


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
        if _SURROGATE.search(held):
            held = held.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
        return _UNWANTED.sub("", _LINE_END.sub("\n", held))
