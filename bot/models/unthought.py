"""Streamed text without the reasoning that some models write before their answer; pure."""

from __future__ import annotations

from typing import Final

_BLOCKS: Final = {"<think>": "</think>", "<thinking>": "</thinking>"}
_CLOSING: Final = tuple(_BLOCKS.values())
_LONGEST: Final = max(map(len, _CLOSING))


class Unthought:
    """Drops `<think>…</think>` and `<thinking>…</thinking>` from the beginning of a text that comes in pieces of any size.

    Once anything else was said, tags are text like all other: somebody may ask about them. White space before and after a block
    goes with it. A block that is never closed was no answer, and nothing of it is shown.

    Some servers send no opening tag, because it is the last thing of their template: `…</think>answer`. Where that is known
    (`is_inside`) the text is held back until the closing tag, and shown whole at its end if none comes. Where it is not
    known, what stands before the tag has been shown by then and stays, tag included; `was_unopened` tells it for next time.
    """

    def __init__(self, *, is_inside: bool = False) -> None:
        self._held = ""
        self._closing = ""
        self._is_inside = is_inside
        self._has_thought = self._has_begun = False
        self._tail, self._has_opened = "", False
        self.was_unopened = False
        """Whether a block was closed that nothing had opened."""

    @property
    def is_thinking(self) -> bool:
        """Whether the text so far ends inside a block, or in what may be one."""
        return bool(self._closing) or (self._is_inside and bool(self._held))

    def take(self, text: str) -> str:
        """What may be shown now that `text` came: at most what was held back and `text` itself."""
        if self._has_begun:
            return self._seen(text)
        known = len(self._held)
        self._held += text
        while self._take_block(max(0, known - _LONGEST)):
            known = 0
        if self._closing or self._is_inside or self._may_open():
            return ""
        self._has_begun = True
        return self._seen(self._let_go())

    def end(self, *, is_whole: bool = True) -> str:
        """What was held back in case it became a block, now that the text is over; where it was cut off, that was thinking."""
        if self._is_inside and not is_whole:
            self.was_unopened = True
            return ""
        return "" if self._closing else self._let_go()

    def _let_go(self) -> str:
        """What is held, without the white space that belonged to a block."""
        shown = self._held.lstrip() if self._has_thought else self._held
        self._held = ""
        return shown

    def _seen(self, text: str) -> str:
        """Look whether text that is shown closes a block that nothing opened."""
        seen = self._tail + text
        self._has_opened = self._has_opened or any(one in seen for one in _BLOCKS)
        self.was_unopened = self.was_unopened or (not self._has_opened and any(one in seen for one in _CLOSING))
        self._tail = seen[1 - _LONGEST :]
        return text

    def _may_open(self) -> bool:
        """Whether what is held could still become a tag at the beginning."""
        begun = self._held.lstrip()
        return any(tag.startswith(begun) for tag in (*_BLOCKS, *_CLOSING))

    def _take_block(self, known: int) -> bool:
        """Go into a block or out of one, if one of its tags is whole; whether anything was found. Nothing is before `known`."""
        if self._closing:
            _, closing, rest = self._held.partition(self._closing)
            # While a block is open only what could be the first part of its closing tag is kept.
            self._held = rest if closing else self._held[1 - len(self._closing) :]
            self._closing = "" if closing else self._closing
            return bool(closing)
        begun = self._held.lstrip()
        opening = next((one for one in _BLOCKS if begun.startswith(one)), "")
        if opening:
            self._has_thought, self._is_inside = True, False
            self._held, self._closing = begun[len(opening) :], _BLOCKS[opening]
            return True
        return self._take_unopened(begun, known)

    def _take_unopened(self, begun: str, known: int) -> bool:
        """Drop what a closing tag ends that nothing opened: all before it where that was held back, else only the tag."""
        if self._has_thought and not self._is_inside:
            return False
        found = [(at, at + len(one)) for one in _CLOSING if (at := self._held.find(one, known if self._is_inside else 0)) >= 0]
        if not found or not (self._is_inside or begun.startswith(_CLOSING)):
            return False
        self._held = self._held[min(found)[1] :]
        self._has_thought, self._is_inside, self.was_unopened = True, False, True
        return True
