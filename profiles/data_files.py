"""The project's own data files in TOML, refused with file, line and reason; pure but for reading them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from bot.errors import ConfigError, Problem
from bot.locale import say


def text_of(path: Path, language: str) -> str:
    """The text of a file. Raises ConfigError, worded in `language`."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = say(language, "it cannot be read as UTF-8 text")
        raise ConfigError([Problem(path=path.name, reason=reason)]) from error


def toml_of(text: str, name: str, language: str) -> dict[str, Any]:
    """What a text says in TOML. Raises ConfigError with the line at which it does not, as `name:line`."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = found.group(1) if found else str(max(1, len(text.splitlines())))
        raise ConfigError([Problem(path=f"{name}:{line}", reason=say(language, "this is not TOML"))]) from error
