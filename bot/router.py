"""Which handler answers a turn: the first one that matches, in the order they are listed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import MartinError
from bot.ports import DueHandler, Handler
from bot.types import Turn


class NoHandler(MartinError):
    """No handler matches a turn: the list of handlers has a hole."""


class Router:
    """An ordered list of handlers."""

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self._handlers = tuple(handlers)
        self._due: dict[str, DueHandler] = {}
        for handler in self._handlers:
            if hasattr(handler, "due_kinds") and hasattr(handler, "word"):
                self._due.update(dict.fromkeys(handler.due_kinds, handler))

    def route(self, turn: Turn) -> Handler:
        """The first handler that matches. Raises NoHandler when none does."""
        for handler in self._handlers:
            if handler.matches(turn):
                return handler
        raise NoHandler(f"no handler takes a message of kind {turn.message.kind!r}")

    def due(self, kind: str) -> DueHandler | None:
        """The handler that words due messages of `kind`, by what is before its first point; None when nobody does any more."""
        return self._due.get(kind.partition(".")[0])
