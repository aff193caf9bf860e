"""The console as a process of its own, for tests that give it a real terminal: `ADDRESS TOKEN LANGUAGE`."""

from __future__ import annotations

import asyncio
import sys

from bot.channels.console import converse
from bot.types import Language

if __name__ == "__main__":
    address, token, chosen = sys.argv[1:]
    language: Language = "es" if chosen == "es" else "en"
    sys.exit(asyncio.run(converse(address, token, language=language)))
