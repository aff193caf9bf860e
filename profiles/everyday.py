"""Words for the same thing in people's lives, across Spanish and English, from `everyday.toml` (pure)."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from bot.lexical import relatives, stem, words
from bot.types import Language

FILE: Final = Path(__file__).parent / "everyday.toml"


def translations(word: str, spoken: Language) -> frozenset[str]:
    """Stems in the other of the two languages for a word of `spoken`; empty when none is known."""
    other: Language = "en" if spoken == "es" else "es"
    return _known()[spoken].get(stem(word, spoken), frozenset()) or relatives(word, spoken, other)


@cache
def _known() -> Mapping[Language, Mapping[str, frozenset[str]]]:
    found: dict[Language, dict[str, set[str]]] = {"es": defaultdict(set), "en": defaultdict(set)}
    for line in tomllib.loads(FILE.read_text("utf-8"))["words"].strip().splitlines():
        spanish, _, english = line.partition("|")
        es, en = ({stem(word, language) for word in words(side)} for side, language in ((spanish, "es"), (english, "en")))
        for one in es:
            found["es"][one] |= en
        for one in en:
            found["en"][one] |= es
    return {language: {one: frozenset(others) for one, others in table.items()} for language, table in found.items()}
