"""Streamed text without the reasoning that some models write before their answer; pure."""

from __future__ import annotations

from typing import Final

_BLOCKS: Final = {"<think>": "</think>", "<thinking>": "</thinking>"}


class Unthought:
    """Drops `<think>…</think>` and `<thinking>…</thinking>` from the beginning of a text that comes in pieces of any size.

    Once anything else was said, tags are text like all other: somebody may ask about them. White space before and after a block
    goes with it. A block that is never closed was no answer, and nothing of it is shown.
    """

    def __init__(self) -> None:
        self._held = ""
        self._closing = ""
        self._has_thought = self._has_begun = False

    @property
    def is_thinking(self) -> bool:
        """Whether the text so far ends inside a block."""
        return bool(self._closing)

    def take(self, text: str) -> str:
        """What may be shown now that `text` came: at most what was held back and `text` itself."""
        if self._has_begun:
            return text
        self._held += text
        while self._take_block():
            pass
        if self._closing or self._may_open():
            return ""
        self._has_begun = True
        return self._let_go()

    def end(self) -> str:
        """What was held back in case it became a block, now that the text is over."""
        return "" if self._closing else self._let_go()

    def _let_go(self) -> str:
        """What is held, without the white space that belonged to a block."""
        shown = self._held.lstrip() if self._has_thought else self._held
        self._held = ""
        return shown

    def _may_open(self) -> bool:
        """Whether what is held could still become the beginning of a block."""
        begun = self._held.lstrip()
        return any(opening.startswith(begun) for opening in _BLOCKS)

    def _take_block(self) -> bool:
        """Go into a block or out of one, if one of its tags is whole; whether anything was found."""
        if self._closing:
            _, closing, rest = self._held.partition(self._closing)
            # While a block is open only what could be the first part of its closing tag is kept.
            self._held = rest if closing else self._held[1 - len(self._closing) :]
            self._closing = "" if closing else self._closing
            return bool(closing)
        begun = self._held.lstrip()
        opening = next((one for one in _BLOCKS if begun.startswith(one)), "")
        if opening:
            self._has_thought = True
            self._held, self._closing = begun[len(opening) :], _BLOCKS[opening]
        return bool(opening)
