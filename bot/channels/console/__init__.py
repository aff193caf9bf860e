"""The terminal's side of the conversation: an HTTP client of the page's JSON API, full-grown in a terminal, plain in a pipe."""

from __future__ import annotations

from bot.channels.console.link import Attach
from bot.channels.console.talk import converse

__all__ = ["Attach", "converse"]
